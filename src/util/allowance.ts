/** So many at once, and then one in each so many ms: for what may be done quickly, and not all the time. */
export class Allowance {
  readonly #ms: number;
  readonly #burst: number;
  /** Until when what has been done counts. */
  #paidUntil = Number.NEGATIVE_INFINITY;

  constructor(burst: number, ms: number) {
    this.#ms = ms;
    this.#burst = burst;
  }

  /** When it may be done next; not after `now`: at once. */
  next(now: number): number {
    return Math.max(this.#paidUntil, now) - (this.#burst - 1) * this.#ms;
  }

  take(now: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, now) + this.#ms;
  }
}
