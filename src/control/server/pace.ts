/** How fast a reporter's messages may come. */
import { createHmac, randomBytes } from "node:crypto";
import type { FromReporter } from "../protocol/messages.ts";

/**
 * ms that a message counts for, and one that says something new of the target but its weight and limit: that may be a line in the
 * log and a probe. BURST_MS of them are answered at once, a hundred or ten; messages without end come down to 20 or 2 a second. A
 * session that speaks for several targets, of which its key has a quota, may send as many for each.
 */
const MESSAGE_MS = 50;
const CHANGE_MS = 500;
const BURST_MS = 5_000;
/** ms that an empty line counts for, which is far less work: five hundred at once, then a hundred a second. */
const HEARTBEAT_MS = 10;

/** What may be said anew without being news. */
const ASIDE = { n: 0, made: 0, weight: 0, maxConnections: 0, priority: 0, credits: 0, elsewhere: 0 };

/** So that nobody makes two messages that count as one. */
const SALT = randomBytes(16);

/** Of one session. */
export class Pace {
  /** Until when the messages so far count. */
  #paidUntil: number;
  /** What was said of each target last, but for its weight, limit and priority: a few bytes of it, since there may be a thousand. */
  readonly #said = new Map<number, number>();

  constructor(paidUntil = Number.NEGATIVE_INFINITY) {
    this.#paidUntil = paidUntil;
  }

  get paidUntil(): number {
    return this.#paidUntil;
  }

  /** ms that the answer to this message has to wait; negative or 0: it need not. `targets`: how many its session speaks for. */
  wait(message: FromReporter, now: number, targets: number): number {
    const ref = "ref" in message ? message.ref : 0;
    const said = digest(JSON.stringify({ ...message, ...ASIDE }));
    const cost = said === this.#said.get(ref) ? MESSAGE_MS : CHANGE_MS;
    this.#said.set(ref, said);
    return this.#waitAfter(cost / Math.max(1, targets), now);
  }

  /** The same of a heartbeat. */
  waitForHeartbeat(now: number): number {
    return this.#waitAfter(HEARTBEAT_MS, now);
  }

  #waitAfter(cost: number, now: number): number {
    this.#paidUntil = Math.max(this.#paidUntil, now) + cost;
    return this.#paidUntil - now - BURST_MS;
  }
}

/** The paces of all sessions. What one has yet to pay when it ends, a later one of its key does: coming anew is no way round. */
export class Paces {
  /** By key id: until when messages of sessions that have ended count. */
  readonly #owed = new Map<string, readonly number[]>();

  begin(keyId: string, now: number): Pace {
    const [most, ...others] = this.#owedBy(keyId, now);
    this.#set(keyId, others);
    return new Pace(most);
  }

  end(keyId: string, { paidUntil }: Pace, now: number): void {
    this.#set(keyId, [...this.#owedBy(keyId, now), paidUntil]);
  }

  /** The most first. */
  #owedBy(keyId: string, now: number): number[] {
    const owed = this.#owed.get(keyId) ?? [];
    return owed.filter((until) => until > now).sort((a, b) => b - a);
  }

  #set(keyId: string, owed: readonly number[]): void {
    if (owed.length === 0) this.#owed.delete(keyId);
    else this.#owed.set(keyId, owed);
  }
}

function digest(text: string): number {
  return createHmac("sha256", SALT).update(text).digest().readUIntBE(0, 6);
}
