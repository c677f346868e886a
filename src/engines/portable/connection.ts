/** What the portable engine keeps of a connection: one object, which is also the relay's Progress and the timeout list's item. */
import type { ClientFacts } from "../../edge/facts.ts";
import type { Edge } from "../../edge/reception.ts";
import { type NetCode, netCodeOf } from "../../net/net-error.ts";
import type { Connection, Progress, TcpAddress } from "../../net/runtime.ts";
import type { ClientKey } from "../../pool/pool.ts";
import { IN_QUEUE, UNDECIDED } from "../../proxy/outcome.ts";
import { CLIENT } from "../../proxy/record.ts";
import { ACCEPTED, ENDED } from "../../proxy/states.ts";
import type { Store } from "../../proxy/store.ts";
import type { ClientSocket } from "../../proxy/unavailable-socket.ts";
import { clientKey } from "../../util/client-key.ts";
import type { Clock } from "../../util/clock.ts";
import { Timed } from "./timeout-list.ts";

/** Shared by the many connections that never fail on a target; replaced, not changed, when one does. */
const NONE: readonly number[] = [];
const NO_CODES: readonly NetCode[] = [];

/** How a client came in that was asked something before. */
export interface Admission {
  /** The client, where a PROXY header has named it, otherwise the peer. */
  readonly remote: TcpAddress;
  readonly facts: ClientFacts | null;
  /** To which `claim` is given back at the connection's end. null: there is nothing to give back. */
  readonly edge: Edge | null;
  readonly claim: number;
}

export class ProxiedConnection extends Timed<ProxiedConnection> implements Progress {
  readonly client: Connection;
  readonly remote: TcpAddress;
  /** null: it was asked nothing. */
  readonly admission: Admission | null;
  /** Where it came. */
  readonly listener: string;
  readonly ticket: number;
  readonly startedAt: number;
  readonly acceptedAt: number;
  state: number = ACCEPTED;
  phase = IN_QUEUE;
  outcome = UNDECIDED;
  /** Of the pool: PERMIT, ROW. */
  held = 0;
  since = 0;
  endedAt = 0;
  waiter = -1;
  pass = 0;
  queuedMs = 0;
  connectMs = -1;
  firstByteMs = -1;
  row = -1;
  incarnation = 0;
  tried = NONE;
  triedIncarnations = NONE;
  /** Why each of them failed. */
  triedCodes = NO_CODES;
  /** The last connect failure. */
  failure: unknown = null;
  /** When the client last gave a byte, until the target has given one. */
  askedAt = 0;
  #aToB = 0;
  #bToA = 0;
  reportedIn = 0;
  reportedOut = 0;
  movedAt = 0;
  /** When bytes from the target were last found to have come, and how many there were. */
  heardAt = 0;
  heardBytes = 0;
  /** The dial under way. */
  dialing: AbortController | null = null;
  /** The target, once connected. */
  target: Connection | null = null;
  /** The end that stands while what the other one had sent is delivered to it. */
  survivor: Connection | null = null;
  /** Its `unsent` when last looked at. */
  unsent = 0;
  /** The handler's view of the client, while it answers. */
  socket: ClientSocket | null = null;
  /** Its client is being watched for a reset; once is enough. */
  watched = false;
  readonly #clock: Clock;
  readonly #onFirstByte: (c: ProxiedConnection) => void;

  /** `onFirstByte`: the first byte for the client has been counted, whoever it is of. */
  constructor(
    client: Connection,
    admission: Admission | null,
    listener: string,
    ticket: number,
    clock: Clock,
    onFirstByte: (c: ProxiedConnection) => void,
  ) {
    super();
    this.client = client;
    this.remote = admission === null ? client.remote : admission.remote;
    this.admission = admission;
    this.listener = listener;
    this.ticket = ticket;
    this.startedAt = Date.now();
    this.acceptedAt = clock.now();
    this.#clock = clock;
    this.#onFirstByte = onFirstByte;
  }

  get now(): number {
    return this.#clock.now();
  }

  get aToB(): number {
    return this.#aToB;
  }

  /** Client → target, as `relay()` counts it. */
  set aToB(bytes: number) {
    if (this.#bToA === 0) this.askedAt = this.#clock.now();
    this.#aToB = bytes;
  }

  get bToA(): number {
    return this.#bToA;
  }

  /** The relay counts its bytes here, so the first of them shows. */
  set bToA(bytes: number) {
    const isFirst = this.#bToA === 0;
    this.#bToA = bytes;
    if (!isFirst) return;
    this.firstByteMs = this.#clock.now() - this.acceptedAt;
    this.#onFirstByte(this);
  }
}

/** The fields above in the words of the lifecycle, and the connections that are not over. */
export class ConnectionStore implements Store<ProxiedConnection, unknown> {
  readonly #open = new Map<number, ProxiedConnection>();
  /** One array for all connections: each use is over before the next begins. */
  readonly #key: ClientKey = new Uint32Array(4);

  add(c: ProxiedConnection): void {
    this.#open.set(c.ticket, c);
  }

  find(ticket: number): ProxiedConnection | null {
    return this.#open.get(ticket) ?? null;
  }

  /** As of the last call but one: this engine looks now and then. */
  heardAt(c: ProxiedConnection): number {
    if (c.bToA !== c.heardBytes) c.heardAt = c.now;
    c.heardBytes = c.bToA;
    return c.heardAt;
  }

  /** A live view of those that are not over. */
  get all(): Iterable<ProxiedConnection> {
    return this.#open.values();
  }

  /** A map's iterator passes over what is deleted, and meets what is added, meanwhile. */
  each(visit: (c: ProxiedConnection) => void): void {
    for (const c of this.#open.values()) visit(c);
  }

  client = (c: ProxiedConnection) => c.remote;
  ticket = (c: ProxiedConnection) => c.ticket;
  clientKey = (c: ProxiedConnection) => clientKey(c.remote.host, this.#key);
  acceptedAt = (c: ProxiedConnection) => c.acceptedAt;
  state = (c: ProxiedConnection) => c.state;
  phase = (c: ProxiedConnection) => c.phase;
  outcome = (c: ProxiedConnection) => c.outcome;
  holds = (c: ProxiedConnection, what: number) => (c.held & what) !== 0;
  since = (c: ProxiedConnection) => c.since;
  waiter = (c: ProxiedConnection) => c.waiter;
  queuedMs = (c: ProxiedConnection) => c.queuedMs;
  connectMs = (c: ProxiedConnection) => c.connectMs;
  firstByteMs = (c: ProxiedConnection) => c.firstByteMs;
  row = (c: ProxiedConnection) => c.row;
  incarnation = (c: ProxiedConnection) => c.incarnation;
  tried = (c: ProxiedConnection) => c.tried;
  triedCode = (c: ProxiedConnection, nth: number) => c.triedCodes[nth]!;
  triedIncarnation = (c: ProxiedConnection, nth: number) => c.triedIncarnations[nth]!;
  bytes = (c: ProxiedConnection, from: number) => (from === CLIENT ? c.aToB : c.bToA);
  unreported = (c: ProxiedConnection, from: number) =>
    from === CLIENT ? c.aToB - c.reportedIn : c.bToA - c.reportedOut;
  movedAt = (c: ProxiedConnection) => c.movedAt;
  askedAt = (c: ProxiedConnection) => c.askedAt;

  setState(c: ProxiedConnection, state: number): void {
    c.state = state;
  }

  setPhase(c: ProxiedConnection, phase: number): void {
    c.phase = phase;
  }

  setOutcome(c: ProxiedConnection, outcome: number): void {
    c.outcome = outcome;
  }

  end(c: ProxiedConnection, outcome: number, now: number): void {
    if (c.outcome === UNDECIDED) c.outcome = outcome;
    c.state = ENDED;
    c.endedAt = now;
    this.#open.delete(c.ticket);
  }

  addHold(c: ProxiedConnection, what: number): void {
    c.held |= what;
  }

  dropHold(c: ProxiedConnection, what: number): void {
    c.held &= ~what;
  }

  setSince(c: ProxiedConnection, time: number): void {
    c.since = time;
  }

  setWaiter(c: ProxiedConnection, waiter: number): void {
    c.waiter = waiter;
  }

  passOver(c: ProxiedConnection, pass: number): boolean {
    const first = c.pass !== pass;
    c.pass = pass;
    return first;
  }

  addQueuedMs(c: ProxiedConnection, ms: number): void {
    c.queuedMs += ms;
  }

  setConnectMs(c: ProxiedConnection, ms: number): void {
    c.connectMs = ms;
  }

  setRow(c: ProxiedConnection, row: number, incarnation: number): void {
    c.row = row;
    c.incarnation = incarnation;
  }

  addTried(c: ProxiedConnection, row: number, incarnation: number, failure: unknown): void {
    c.tried = [...c.tried, row];
    c.triedIncarnations = [...c.triedIncarnations, incarnation];
    c.triedCodes = [...c.triedCodes, netCodeOf(failure)];
    c.failure = failure;
  }

  setMovedAt(c: ProxiedConnection, time: number): void {
    c.movedAt = time;
    c.askedAt = time;
  }

  setReported(c: ProxiedConnection): void {
    c.reportedIn = c.aToB;
    c.reportedOut = c.bToA;
  }
}
