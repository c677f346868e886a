/** Keeps a fault that comes back at every attempt from flooding a log: each counts once per window. */
export class Repeats {
  readonly #window: number;
  readonly #capacity: number;
  /** Cause → when it counted last, oldest first. */
  readonly #seen = new Map<string, number>();

  /** `window` in ms; at most `capacity` causes are remembered, so strangers cannot bloat it. */
  constructor(window = 60_000, capacity = 1_024) {
    this.#window = window;
    this.#capacity = capacity;
  }

  /** Whether this cause is new, or its window has passed. */
  isNew(cause: string, now: number): boolean {
    const last = this.#seen.get(cause);
    if (last !== undefined && now - last < this.#window) return false;
    this.#seen.delete(cause);
    this.#seen.set(cause, now);
    if (this.#seen.size > this.#capacity) {
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return true;
  }
}
