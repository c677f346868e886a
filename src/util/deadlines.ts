import type { Cancel, Clock } from "./clock.ts";

/** Deadlines of many that are given the same time: in the order in which they were set, so that one timer is enough for them all. */
export class Deadlines<Item> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onDue: (item: Item) => void;
  /** When each is due. */
  readonly #due = new Map<Item, number>();
  #cancelTimer: Cancel | null = null;

  constructor(clock: Clock, ms: number, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onDue = onDue;
  }

  /** From now on; one that runs already starts anew. */
  start(item: Item): void {
    this.#due.delete(item);
    this.#due.set(item, this.#clock.now() + this.#ms);
    this.#cancelTimer ??= this.#clock.after(this.#ms, () => this.#fire());
  }

  /** Idempotent. No timer is left once the last one is cancelled. */
  cancel(item: Item): void {
    this.#due.delete(item);
    if (this.#due.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #fire(): void {
    this.#cancelTimer = null;
    for (const [item, due] of this.#due) {
      const left = due - this.#clock.now();
      if (left > 0) {
        this.#cancelTimer ??= this.#clock.after(left, () => this.#fire());
        return;
      }
      this.#due.delete(item);
      this.#onDue(item);
    }
  }
}
