/**
 * Tickets for reporters whose clock is wrong: who shows one has been here within the last seconds. The balancer keeps nothing of those
 * that it has issued, since each bears its time and a proof of this process.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../util/clock.ts";

/** ms. A reporter comes back at once. */
export const TICKET_MS = 10_000;

const TIME_BYTES = 8;

export class Tickets {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the reporter at this address. */
  issue(host: string): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeDoubleBE(this.#clock.now());
    return Buffer.concat([time, this.#proof(time, host)]);
  }

  /** When it was issued, by the clock; null where this process has not issued it for that address. */
  issuedAt(ticket: Uint8Array, host: string): number | null {
    const time = ticket.subarray(0, TIME_BYTES);
    const proof = ticket.subarray(TIME_BYTES);
    const expected = this.#proof(time, host);
    if (proof.length !== expected.length || !timingSafeEqual(proof, expected)) return null;
    return Buffer.from(time).readDoubleBE();
  }

  #proof(time: Uint8Array, host: string): Buffer {
    return createHmac("sha256", this.#key).update(time).update(host).digest();
  }
}
