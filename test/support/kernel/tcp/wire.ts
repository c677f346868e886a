import type { VirtualClock } from "../virtual-clock.ts";

/** ms that the next packet takes. 0 is at once, within the call that sends it: as on loopback. */
export type Delay = () => number;

/** One direction between two ends: whatever is put on it arrives in order, sooner or later, unless the wire is cut. */
export class Wire {
  readonly #clock: VirtualClock;
  readonly #delay: Delay;
  /** What is under way or held back, the first one first. */
  #waiting: (() => void)[] = [];
  #lastArrival = 0;
  #silent = false;
  /** Counts the cuts: an arrival that was under way then does not take place. */
  #cuts = 0;

  constructor(clock: VirtualClock, delay: Delay) {
    this.#clock = clock;
    this.#delay = delay;
  }

  carry(arrive: () => void): void {
    if (this.#silent) {
      this.#waiting.push(arrive);
      return;
    }
    const delay = this.#delay();
    if (delay === 0 && this.#waiting.length === 0) {
      arrive();
      return;
    }
    const now = this.#clock.now();
    const at = Math.max(now + delay, this.#lastArrival);
    const cuts = this.#cuts;
    this.#lastArrival = at;
    this.#waiting.push(arrive);
    this.#clock.schedule(at - now, () => {
      if (cuts === this.#cuts) this.#waiting.shift()!();
    });
  }

  /** From now on nothing arrives: the cable is out, or a firewall drops everything. */
  hold(): void {
    this.#silent = true;
    this.#cuts++;
  }

  /** What was sent meanwhile arrives, as retransmissions would see to. */
  release(): void {
    const held = this.#waiting;
    this.#silent = false;
    this.#waiting = [];
    for (const arrive of held) this.carry(arrive);
  }

  get silent(): boolean {
    return this.#silent;
  }
}
