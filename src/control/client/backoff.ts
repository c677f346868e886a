/** ms. The first retry is early: the balancer may merely restart. */
const MIN_DELAY_MS = 100;
/** ms. A recovered balancer has all its targets after this time. */
const MAX_DELAY_MS = 10_000;

/** Exponential delays with full jitter, so that reporters of the same balancer do not reconnect in step. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

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

  reset(): void {
    this.#failures = 0;
  }
}
