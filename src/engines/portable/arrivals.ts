/** Clients of the portable engine that no pool has yet: those that are still asked something, and those that are being turned away. */

import { NO_FACTS, tellNothing } from "../../edge/facts.ts";
import { Receiving, type ReceptionEnd } from "../../edge/receiving.ts";
import {
  ADMITTED,
  type Edge,
  MOST_IN_RECEPTION,
  MOST_IN_TARPIT,
  NO_CLAIM,
  type Reception,
} from "../../edge/reception.ts";
import { refusalNumber } from "../../edge/refusals.ts";
import type { RefusalAnswer } from "../../edge/rules.ts";
import type { Connection } from "../../net/runtime.ts";
import { answerText } from "../../proxy/answer.ts";
import { LINGER_MS } from "../../proxy/unavailable.ts";
import { addressWords } from "../../util/client-key.ts";
import type { Clock } from "../../util/clock.ts";
import type { Admission } from "./connection.ts";
import { Timed, TimeoutList } from "./timeout-list.ts";

const CROWDED = refusalNumber("crowded");
const NO_ROUTE = refusalNumber("no-route");

/** Of those who came while something was asked, when nothing is any more. */
const UNASKED: Reception = {
  claim: NO_CLAIM,
  step: () => ({ type: "decided", route: 0, claim: NO_CLAIM, client: null, facts: NO_FACTS }),
  cutShort: () => ({ type: "refused", refusal: CROWDED, answer: { type: "reset" } }),
  abandon: () => undefined,
};

/** The listener, as those see it who have come there. */
export interface Doorway {
  /** ms for what is read. */
  readonly prereadTimeout: number;
  /** Hands over a client that has its place. False: that route leads to no pool. */
  admit(client: Connection, route: number, admission: Admission): boolean;
}

/** The engine, as clients see it that are to come in. */
export interface ArrivalsHost {
  readonly clock: Clock;
  /** No place is left, unless somebody gives way. */
  readonly isFull: boolean;
  /** Takes a place for a client, if there is one. */
  enter(): boolean;
  /** Gives back the place of a client that was not handed over. */
  leave(): void;
  /** There is something that falls due. */
  wake(): void;
  /** A client was dropped by a fault of ours. */
  faulted(fault: unknown): void;
}

/** A client that holds a place, in a list of what falls due. */
class Arrival extends Timed<Arrival> {
  readonly client: Connection;
  readonly doorway: Doorway;
  /** The rules that it is asked by. */
  edge: Edge | null;
  /** null: it is being turned away. */
  receiving: Receiving | null = null;
  /** Its place has been given back. */
  isGone = false;

  constructor(client: Connection, doorway: Doorway, edge: Edge | null) {
    super();
    this.client = client;
    this.doorway = doorway;
    this.edge = edge;
  }
}

export class Arrivals {
  readonly #host: ArrivalsHost;
  /** Both in the order in which they came, or were refused. */
  readonly #asked = new Set<Arrival>();
  readonly #leaving = new Set<Arrival>();
  /** By their delays, of which there are few; none is kept that is empty. */
  readonly #due = new Map<number, TimeoutList<Arrival>>();
  readonly #now: () => number;
  /** One for all: each use is over before the next begins. */
  readonly #words = new Uint32Array(4);

  constructor(host: ArrivalsHost) {
    this.#host = host;
    this.#now = () => host.clock.now();
  }

  get isEmpty(): boolean {
    return this.#asked.size + this.#leaving.size === 0;
  }

  /** A client has come where that edge asks. */
  take(client: Connection, doorway: Doorway, edge: Edge): void {
    const words = addressWords(client.remote.host, this.#words);
    const refusal = edge.admitPeer(words, 0);
    if (refusal !== ADMITTED) this.#refuse(client, doorway, edge.answerTo(refusal));
    else if (edge.reads) this.#ask(client, doorway, edge);
    else this.#admit(client, doorway, edge);
  }

  /** Those that are asked something at that listener are asked by that edge from now on; null: by none, and served. */
  change(doorway: Doorway, edge: Edge | null): void {
    for (const arrival of this.#of(doorway, this.#asked)) {
      const { host, port } = arrival.client.remote;
      const words = addressWords(host, this.#words);
      const isAdmitted = edge === null || edge.admitPeer(words, 0) === ADMITTED;
      arrival.edge = edge;
      if (isAdmitted) arrival.receiving!.restart(edge?.receive(words, 0, port) ?? UNASKED);
      else arrival.receiving!.abandon();
    }
  }

  /** The listener is closed, and all of its clients here with it. */
  close(doorway: Doorway): void {
    for (const arrival of this.#of(doorway, this.#asked)) arrival.receiving!.abandon();
    for (const arrival of this.#of(doorway, this.#leaving)) this.#drop(arrival);
  }

  /** One gives its place to a newcomer: first who is turned away anyway, then who has been asked for longest. False: nobody is here. */
  giveWay(): boolean {
    for (const arrival of this.#leaving) {
      this.#drop(arrival);
      return true;
    }
    if (this.#asked.size === 0) return false;
    this.#giveUpOldest();
    return true;
  }

  /** Who has been asked for longest gives way: an honest client answers within a round trip, those of a crowd that takes all places do not. */
  #giveUpOldest(): void {
    for (const { edge, receiving } of this.#asked) {
      edge?.refuse(CROWDED);
      receiving!.abandon();
      return;
    }
  }

  expire(now: number): void {
    for (const [delay, list] of this.#due) {
      list.expire(now);
      if (list.isEmpty) this.#due.delete(delay);
    }
  }

  /** By its address alone. */
  #admit(client: Connection, doorway: Doorway, edge: Edge): void {
    const route = edge.plainRoute;
    if (route < 0) {
      edge.refuse(NO_ROUTE);
      this.#refuse(client, doorway, edge.answerTo(NO_ROUTE));
      return;
    }
    const claim = edge.admitClient(this.#words, 0, this.#now());
    if (claim < 0) {
      this.#refuse(client, doorway, edge.answerTo(~claim));
    } else if (this.#host.enter()) {
      if (doorway.admit(client, route, { remote: client.remote, facts: null, edge, claim })) return;
      this.#unserved(edge, claim);
      this.#drop(new Arrival(client, doorway, edge));
    } else {
      edge.release(claim);
      client.abort();
    }
  }

  #ask(client: Connection, doorway: Doorway, edge: Edge): void {
    if (this.#asked.size >= MOST_IN_RECEPTION) this.#giveUpOldest();
    if (!this.#host.enter()) {
      client.abort();
    } else {
      const arrival = new Arrival(client, doorway, edge);
      const { host, port } = client.remote;
      const reception = edge.receive(addressWords(host, this.#words), 0, port);
      arrival.receiving = new Receiving(client, reception, this.#now, (end, fault) =>
        this.#asking(arrival, end, fault),
      );
      this.#asked.add(arrival);
      this.#arm(arrival, doorway.prereadTimeout);
      arrival.receiving.start();
    }
  }

  /** It has been asked all. */
  #asking(arrival: Arrival, end: ReceptionEnd, fault: unknown): void {
    const { client, doorway, edge } = arrival;
    this.#asked.delete(arrival);
    arrival.receiving = null;
    if (end?.type === "decided") {
      arrival.list?.remove(arrival);
      client.unread(end.rest);
      const remote = end.client ?? client.remote;
      const facts = tellNothing(end.facts) ? null : end.facts;
      if (doorway.admit(client, end.route, { remote, facts, edge, claim: end.claim })) return;
      this.#unserved(edge, end.claim);
      this.#drop(arrival);
      return;
    }
    if (fault !== undefined) this.#host.faulted(fault);
    if (end === null) this.#drop(arrival);
    else this.#turnAway(arrival, end.answer);
  }

  /** Its route leads nowhere, as it does where a pool has gone since a thread for TLS has found it. */
  #unserved(edge: Edge | null, claim: number): void {
    edge?.refuse(NO_ROUTE);
    edge?.release(claim);
  }

  /** One that has no place yet: it gets one for its answer only if nobody has to give way. */
  #refuse(client: Connection, doorway: Doorway, answer: RefusalAnswer): void {
    if (answer.type === "reset" || this.#host.isFull || !this.#host.enter()) client.abort();
    else this.#turnAway(new Arrival(client, doorway, null), answer);
  }

  #turnAway(arrival: Arrival, answer: RefusalAnswer): void {
    const isPatient = answer.type === "tarpit" && this.#leaving.size < MOST_IN_TARPIT;
    if (answer.type === "reset" || (answer.type === "tarpit" && !isPatient)) {
      this.#drop(arrival);
      return;
    }
    this.#leaving.add(arrival);
    this.#arm(arrival, answer.type === "tarpit" ? answer.ms : LINGER_MS);
    if (answer.type === "close") void arrival.client.close().then(() => this.#gone(arrival));
    else if (answer.type === "text") this.#say(arrival, answer.text);
  }

  #say(arrival: Arrival, text: Uint8Array): void {
    answerText(arrival.client, text, () => undefined).then(
      () => this.#gone(arrival),
      () => this.#drop(arrival), // it was lost, or its time was over
    );
  }

  #arm(arrival: Arrival, ms: number): void {
    let list = this.#due.get(ms);
    if (list === undefined) {
      list = new TimeoutList(ms, (late) => (late.receiving === null ? this.#drop(late) : late.receiving.expire()));
      this.#due.set(ms, list);
    }
    list.add(arrival, this.#now());
    this.#host.wake();
  }

  #drop(arrival: Arrival): void {
    arrival.client.abort();
    this.#gone(arrival);
  }

  /** Its place is free. Once: an answer may end after its connection was dropped. */
  #gone(arrival: Arrival): void {
    if (arrival.isGone) return;
    arrival.isGone = true;
    arrival.list?.remove(arrival);
    this.#leaving.delete(arrival);
    this.#host.leave();
  }

  #of(doorway: Doorway, among: ReadonlySet<Arrival>): Arrival[] {
    return [...among].filter((arrival) => arrival.doorway === doorway);
  }
}
