import type { VirtualClock } from "../virtual-clock.ts";

/** ms that the next packet takes. 0 is at once, within the call that sends it: as on loopback. */
export type Delay = () => number;

/** One direction between two ends: whatever is put on it arrives in order, sooner or later, unless the wire is cut. */
export class Wire {
  readonly #clock: VirtualClock;
  readonly #delay: Delay;
  /** Arrivals that wait for `release()`. */
  #held: (() => void)[] | null = null;
  #inFlight = 0;
  #lastArrival = 0;

  constructor(clock: VirtualClock, delay: Delay) {
    this.#clock = clock;
    this.#delay = delay;
  }

  carry(arrive: () => void): void {
    if (this.#held !== null) {
      this.#held.push(arrive);
      return;
    }
    const delay = this.#delay();
    if (delay === 0 && this.#inFlight === 0) {
      arrive();
      return;
    }
    const now = this.#clock.now();
    const at = Math.max(now + delay, this.#lastArrival);
    this.#lastArrival = at;
    this.#inFlight++;
    this.#clock.schedule(at - now, () => {
      this.#inFlight--;
      if (this.#held === null) arrive();
      else this.#held.push(arrive);
    });
  }

  /** From now on nothing arrives: the cable is out, or a firewall drops everything. */
  hold(): void {
    this.#held ??= [];
  }

  /** What was sent meanwhile arrives now, as retransmissions would see to. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const arrive of held) this.carry(arrive);
  }

  get silent(): boolean {
    return this.#held !== null;
  }
}
