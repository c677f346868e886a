/** ms. The first retry comes soon, for a balancer that is merely restarting. */
const MIN_DELAY_MS = 100;
/** ms. The longest a recovered balancer waits for a target. */
const MAX_DELAY_MS = 10_000;

/** Exponential delays with full jitter: reporters that lost the same balancer do not come back in step. */
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

  /** ms until the next attempt after a refusal that somebody has to mend first. */
  slow(): number {
    return MAX_DELAY_MS * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
