/** Measures again and again what is left, and follows it with a weight. */
import type { Cancel, Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { AutoWeight, type WeightRange } from "./auto-weight.ts";
import type { Headroom } from "./headroom.ts";

export interface FollowOptions extends WeightRange {
  readonly clock: Clock;
  /** ms from one measurement to the next. */
  readonly interval: number;
  readonly measure: Headroom;
  /** The weight is another one. Must not throw. */
  readonly onWeight: (weight: number, headroom: number | null) => void;
  /** Measuring begins to fail; null: it works again. Must not throw. */
  readonly onTrouble: (reason: string | null) => void;
}

export class FollowedWeight {
  readonly #options: FollowOptions;
  readonly #weight: AutoWeight;
  #trouble: string | null = null;
  #measuredAt: number | null = null;
  #cancel: Cancel = () => undefined;
  /** Of the measurement that is under way. */
  #measuring = new AbortController();
  #isOver = false;

  /** Measures at once; so what counts up in between is known after the first interval. */
  constructor(options: FollowOptions) {
    this.#options = options;
    this.#weight = new AutoWeight(options);
    void this.#measure();
  }

  get weight(): number {
    return this.#weight.weight;
  }

  /** What is left, 0…1, smoothed; null: it is not known yet. */
  get headroom(): number | null {
    return this.#weight.headroom;
  }

  /** Why it cannot be measured now; null: it can. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** A measurement that is under way ends, too. Idempotent. */
  end(): void {
    this.#isOver = true;
    this.#measuring.abort();
    this.#cancel();
  }

  async #measure(): Promise<void> {
    const { clock, interval, measure } = this.#options;
    const begun = clock.now();
    const before = this.weight;
    let trouble: string | null = null;
    this.#measuring = new AbortController();
    try {
      const headroom = await measure(begun, this.#measuring.signal);
      if (headroom !== null) this.#note(headroom, clock.now());
    } catch (error) {
      trouble = messageOf(error);
      this.#weight.noteFailure();
    }
    if (this.#isOver) return;
    if (this.weight !== before) this.#options.onWeight(this.weight, this.headroom);
    this.#troubled(trouble);
    // What takes longer than an interval follows its like at once, but not without a break.
    const wait = Math.max(interval - (clock.now() - begun), interval / 2);
    this.#cancel = clock.after(wait, () => void this.#measure());
  }

  #note(headroom: number, now: number): void {
    const since = this.#measuredAt ?? now;
    this.#measuredAt = now;
    this.#weight.note(headroom, (now - since) / this.#options.interval);
  }

  #troubled(reason: string | null): void {
    const isNews = (reason === null) !== (this.#trouble === null);
    this.#trouble = reason;
    if (isNews) this.#options.onTrouble(reason);
  }
}
