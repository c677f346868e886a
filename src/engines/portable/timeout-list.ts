/** What a TimeoutList holds: one object is in one list at a time, and carries its links itself, so that moving it allocates nothing. */
export abstract class Timed<T extends Timed<T>> {
  due = 0;
  list: TimeoutList<T> | null = null;
  before: T | null = null;
  after: T | null = null;
}

/**
 * Things that fall due a fixed time after they were added. As the delay is the same for all, the list is in order of due
 * time by itself: adding, removing and expiring cost a few writes, however many are in it, and there is no timer for each.
 */
export class TimeoutList<T extends Timed<T>> {
  /** ms, greater than 0. */
  readonly delay: number;
  readonly #onDue: (item: T, now: number) => void;
  #first: T | null = null;
  #last: T | null = null;

  /** `onDue` is called with each item that has fallen due, after it was taken out; it may add items, to this list too. */
  constructor(delay: number, onDue: (item: T, now: number) => void) {
    this.delay = delay;
    this.#onDue = onDue;
  }

  get isEmpty(): boolean {
    return this.#first === null;
  }

  /** Adds at the end, after taking it out of whichever list it is in. */
  add(item: T, now: number): void {
    item.list?.remove(item);
    item.list = this;
    item.due = now + this.delay;
    item.before = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.after = item;
    this.#last = item;
  }

  remove(item: T): void {
    if (item.list !== this) return;
    if (item.before === null) this.#first = item.after;
    else item.before.after = item.after;
    if (item.after === null) this.#last = item.before;
    else item.after.before = item.before;
    item.list = null;
    item.before = null;
    item.after = null;
  }

  /** Expires everything due by `now`. Ends, since what `onDue` adds anew is due after `now`. */
  expire(now: number): void {
    for (let item = this.#first; item !== null && item.due <= now; item = this.#first) {
      this.remove(item);
      this.#onDue(item, now);
    }
  }
}
