/** The rules of a listener as a thread uses them: all but what is read of a client. */
import { hasAddress } from "../util/client-key.ts";
import { AddressSet, type AddressSetData } from "./access/address-set.ts";
import { ClientLimits, TOO_MANY } from "./access/client-limits.ts";
import { ClientReception, type ReceivingEdge } from "./client-reception.ts";
import { ADMITTED, type Edge, NO_CLAIM, type Reception } from "./reception.ts";
import { RefusalCounters, refusalNumber } from "./refusals.ts";
import { RouteTable } from "./routes.ts";
import { type EdgeRules, type RefusalAnswer, readsHello } from "./rules.ts";

/** `thread`: as that of ClientLimits, among all that serve the listener. */
export function openEdge(rules: EdgeRules, thread: number): Edge {
  return new OpenEdge(rules, thread);
}

const RESET: RefusalAnswer = { type: "reset" };

const UNTRUSTED = refusalNumber("untrusted-sender");
const DENIED = refusalNumber("denied");
const CONNECTIONS = refusalNumber("client-connections");
const RATE = refusalNumber("client-rate");

class OpenEdge implements ReceivingEdge {
  readonly rules: EdgeRules;
  readonly routes: RouteTable;
  readonly reads: boolean;
  readonly readsHello: boolean;
  readonly readsHeader: boolean;
  readonly plainRoute: number;
  readonly #senders: AddressSet | null;
  readonly #allow: AddressSet | null;
  readonly #deny: AddressSet | null;
  readonly #limits: ClientLimits | null;
  readonly #counters: RefusalCounters;

  constructor(rules: EdgeRules, thread: number) {
    this.rules = rules;
    this.routes = new RouteTable(rules.routes);
    this.readsHeader = rules.senders !== null || rules.secret !== null;
    this.readsHello = readsHello(rules);
    this.reads = this.readsHeader || this.readsHello;
    this.plainRoute = this.routes.findPlain();
    this.#senders = open(rules.senders);
    this.#allow = open(rules.allow);
    this.#deny = open(rules.deny);
    this.#limits = rules.limits === null ? null : new ClientLimits(rules.limits, thread);
    this.#counters = new RefusalCounters(rules.counters);
  }

  admitPeer(words: Uint32Array, at: number): number {
    if (this.rules.secret !== null || !hasAddress(words, at)) return ADMITTED;
    if (this.#senders === null) return this.#admitAddress(words, at);
    return this.#senders.has(words, at) ? ADMITTED : this.#counted(UNTRUSTED);
  }

  admitClient(words: Uint32Array, at: number, now: number): number {
    if (this.#senders !== null && hasAddress(words, at)) {
      const refusal = this.#admitAddress(words, at);
      if (refusal !== ADMITTED) return ~refusal;
    }
    if (this.#limits === null) return NO_CLAIM;
    const claim = this.#limits.enter(words, at, now);
    return claim >= 0 ? claim : ~this.#counted(claim === TOO_MANY ? CONNECTIONS : RATE);
  }

  release(claim: number): void {
    this.#limits?.leave(claim);
  }

  receive(words: Uint32Array, at: number, port: number): Reception {
    return new ClientReception(this, words.slice(at, at + 4), port);
  }

  refuse(refusal: number): void {
    this.#counters.add(refusal);
  }

  answerTo(refusal: number): RefusalAnswer {
    return refusal === DENIED || refusal === CONNECTIONS || refusal === RATE ? this.rules.refuse : RESET;
  }

  #admitAddress(words: Uint32Array, at: number): number {
    const isDenied = this.#deny?.has(words, at) || this.#allow?.has(words, at) === false;
    return isDenied ? this.#counted(DENIED) : ADMITTED;
  }

  #counted(refusal: number): number {
    this.#counters.add(refusal);
    return refusal;
  }
}

function open(data: AddressSetData | null): AddressSet | null {
  return data === null ? null : new AddressSet(data);
}
