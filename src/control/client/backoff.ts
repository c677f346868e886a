/** ms. The first retry is early: the balancer may merely restart. */
const MIN_DELAY_MS = 100;
/** ms. A recovered balancer has all its targets after this time. */
const MAX_DELAY_MS = 10_000;

/** ms. A rival that is gone without a word is followed about when its lease, by default, is over. */
const MAX_YIELD_MS = 60_000;

/** Exponential delays with full jitter, so that reporters of the same balancer do not reconnect in step. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #yields = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** ms until the next attempt. */
  next(): number {
    const ceiling = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** this.#failures);
    if (ceiling < MAX_DELAY_MS) this.#failures += 1;
    return this.#random() * ceiling;
  }

  /** ms until the next attempt after a refusal whose reason somebody has to fix first. */
  slow(): number {
    return MAX_DELAY_MS * (0.5 + this.#random() / 2);
  }

  /** ms for which another reporter of the same target is left alone. They grow each time. */
  yield(): number {
    const ceiling = Math.min(MAX_YIELD_MS, MAX_DELAY_MS * 2 ** this.#yields);
    if (ceiling < MAX_YIELD_MS) this.#yields += 1;
    return ceiling * (0.5 + this.#random() / 2);
  }

  /** The target was registered. `ms`: for how long it had been when that ended. */
  hasHeld(ms: number): void {
    if (ms > MAX_YIELD_MS) this.#yields = 0;
  }

  reset(): void {
    this.#failures = 0;
  }
}
