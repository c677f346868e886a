import type { Cancel, Clock } from "../../../src/util/clock.ts";

/** A task at a time. */
export class Timer {
  readonly at: number;
  readonly order: number;
  /** Null once it was taken back. */
  run: (() => void) | null;

  constructor(at: number, order: number, run: () => void) {
    this.at = at;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

/** Time that moves only when it is told to. Tasks run in order of time, those of the same time in order of setting. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #heap: Timer[] = [];

  /** `start` is not 0, so that a time that somebody forgot to set stands out. */
  constructor(start = 1_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  schedule(ms: number, run: () => void): Timer {
    const timer = new Timer(this.#now + Math.max(0, ms), this.#order++, run);
    this.#push(timer);
    return timer;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = this.schedule(ms, run);
    return () => timer.cancel();
  }

  /** When the next task is due; Infinity when there is none. */
  get next(): number {
    this.#dropCancelled();
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.at;
  }

  /** Tasks that wait. */
  get pending(): number {
    return this.#heap.reduce((count, { run }) => (run === null ? count : count + 1), 0);
  }

  /** Runs the next task that is due at or before `limit`, and moves the time to its time. False: there is none. */
  step(limit = this.#now): boolean {
    this.#dropCancelled();
    const first = this.#heap[0];
    if (first === undefined || first.at > limit) return false;
    this.#pop();
    if (first.at > this.#now) this.#now = first.at;
    const run = first.run!;
    first.run = null;
    run();
    return true;
  }

  /** Moves the time on and runs what falls due on the way, each at its own time. */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  advanceTo(time: number): void {
    while (this.step(time));
    this.#now = Math.max(this.#now, time);
  }

  /** Moves the time on to when the next task is due at the latest, without running it. */
  moveTo(time: number): void {
    this.#now = Math.max(this.#now, Math.min(time, this.next));
  }

  /** Runs what is due now, and what comes of it without time passing. */
  settle(): void {
    while (this.step());
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.run === null) this.#pop();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!before(timer, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
