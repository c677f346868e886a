import type { Clock } from "../../util/clock.ts";

/** ms between two looks at what has fallen due: how late a time-out may be. Ten wake-ups a second cost nothing measurable. */
export const TICK_MS = 100;

/** ms by which a tick may be late before it is put off: see #schedule(). */
const LATE_MS = TICK_MS;

/**
 * The engine's only timer. It runs while there are connections to watch and not otherwise, so that an idle engine neither
 * wakes the processor nor keeps the process alive.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #tick: (now: number) => void;
  readonly #needed: () => boolean;
  #running = false;

  constructor(clock: Clock, tick: (now: number) => void, needed: () => boolean) {
    this.#clock = clock;
    this.#tick = tick;
    this.#needed = needed;
  }

  /** To be called when there is something to watch; costs one test while it runs. */
  wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#schedule(true);
  }

  /**
   * A tick that comes late is put off once: the process was stopped or busy, a runtime runs timers before it looks at its
   * sockets, and what these have received meanwhile must not be held against them as silence.
   */
  #schedule(mayPutOff: boolean): void {
    const due = this.#clock.now() + TICK_MS;
    this.#clock.after(TICK_MS, () => {
      const now = this.#clock.now();
      if (mayPutOff && now - due > LATE_MS) {
        this.#schedule(false);
        return;
      }
      this.#running = false;
      this.#tick(now);
      if (this.#needed()) this.wake();
    });
  }
}
