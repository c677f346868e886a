/** How often an address may be wrong about a secret, before what it says is not even looked at for a while. */

import { clientName } from "../../util/client-key.ts";
import type { Clock } from "../../util/clock.ts";

/** Mistakes at once: a page that comes back with an old token has a handful of requests under way. */
const BURST = 20;
/** ms after which one of them is forgiven. */
const FORGIVEN_MS = 1_000;
/** Addresses that are remembered; those of the longest standing are forgotten first. */
const MOST = 4_096;

export class GuessLimit {
  readonly #clock: Clock;
  /** When the last mistake of each will be forgiven, those who were wrong last at the end. */
  readonly #forgiven = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** ms until this address may try again; 0: it may now. Those of one /64 of IPv6 are one. */
  wait(address: string): number {
    const debt = (this.#forgiven.get(clientName(address)) ?? 0) - this.#clock.now();
    return Math.max(0, debt - (BURST - 1) * FORGIVEN_MS);
  }

  wrong(address: string): void {
    const name = clientName(address);
    const now = this.#clock.now();
    const before = Math.max(this.#forgiven.get(name) ?? 0, now);
    this.#forgiven.delete(name);
    this.#forgiven.set(name, before + FORGIVEN_MS);
    for (const [oldest, until] of this.#forgiven) {
      if (until > now && this.#forgiven.size <= MOST) return;
      this.#forgiven.delete(oldest);
    }
  }
}
