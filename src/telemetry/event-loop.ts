/** By how much the main thread's timers come late: what everything that happens there has to wait. */
import type { Cancel, Clock } from "../util/clock.ts";
import { Measure } from "./measure.ts";
import { WAITS } from "./scale.ts";
import { SLICE_MS } from "./window.ts";

/** ms between looks: a stall as long as this is never missed, and ten wake-ups a second cost next to nothing. */
const LOOK_MS = 100;

export interface Delay {
  /** ms, of the last minute. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class EventLoop {
  readonly #clock: Clock;
  readonly #measure = new Measure(WAITS);
  #startedAt = 0;
  #cancel: Cancel = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    this.#startedAt = this.#clock.now();
    this.#look();
  }

  close(): void {
    this.#cancel();
  }

  get delay(): Delay {
    const { p50, p99, max } = this.#measure.quantiles(this.#slice) ?? { p50: 0, p99: 0, max: 0 };
    return { p50, p99, max };
  }

  get histogram() {
    return this.#measure.histogram;
  }

  get #slice(): number {
    return 1 + Math.floor((this.#clock.now() - this.#startedAt) / SLICE_MS);
  }

  #look(): void {
    const due = this.#clock.now() + LOOK_MS;
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      this.#measure.add(this.#slice, Math.max(0, this.#clock.now() - due));
      this.#look();
    });
  }
}
