/** How fast a reporter's messages may come. */
import type { FromReporter } from "../protocol/messages.ts";

/**
 * ms that a message counts for, and one that says something new of the target but its weight and limit: that may be a line in the
 * log and a probe. BURST_MS of them are answered at once, a hundred or ten; messages without end come down to 20 or 2 a second. A
 * session that speaks for several targets, of which its key has a quota, may send as many for each.
 */
const MESSAGE_MS = 50;
const CHANGE_MS = 500;
const BURST_MS = 5_000;

export class Pace {
  /** Until when the messages so far count. */
  #paidUntil = Number.NEGATIVE_INFINITY;
  /** What was said of each target last, but for its weight and limit. */
  readonly #said = new Map<number, string>();

  /** ms that the answer to this message has to wait; negative or 0: it need not. `targets`: how many its session speaks for. */
  wait(message: FromReporter, now: number, targets: number): number {
    const ref = "ref" in message ? message.ref : 0;
    const said = JSON.stringify({ ...message, n: 0, made: 0, weight: 0, maxConnections: 0 });
    const cost = said === this.#said.get(ref) ? MESSAGE_MS : CHANGE_MS;
    this.#paidUntil = Math.max(this.#paidUntil, now) + cost / Math.max(1, targets);
    this.#said.set(ref, said);
    return this.#paidUntil - now - BURST_MS;
  }
}
