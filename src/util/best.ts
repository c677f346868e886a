/** The first items of a sorted list, without sorting the list: a heap of those that are in the running, the last of them on top. */

/** Below 0: `a` comes before `b`. */
export type Compare<T> = (a: T, b: T) => number;

export class Best<T> {
  readonly #compare: Compare<T>;
  readonly #most: number;
  /** A binary heap: each comes after those below it, 2n + 1 and 2n + 2. */
  readonly #heap: T[] = [];

  /** `most`: so many are kept. */
  constructor(compare: Compare<T>, most: number) {
    this.#compare = compare;
    this.#most = most;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(item: T): void {
    const heap = this.#heap;
    if (heap.length < this.#most) {
      heap.push(item);
      this.#rise(heap.length - 1);
    } else if (heap.length > 0 && this.#compare(item, heap[0]!) < 0) {
      heap[0] = item;
      this.#sink();
    }
  }

  /** Those that are kept, from the last to the first; they are kept no more. Each takes log(size) comparisons. */
  *lastToFirst(): Generator<T> {
    const heap = this.#heap;
    for (;;) {
      const last = heap[0];
      const end = heap.pop();
      if (last === undefined || end === undefined) return;
      if (heap.length > 0) {
        heap[0] = end;
        this.#sink();
      }
      yield last;
    }
  }

  #rise(from: number): void {
    const heap = this.#heap;
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (this.#compare(heap[at]!, heap[above]!) <= 0) return;
      [heap[at], heap[above]] = [heap[above]!, heap[at]!];
      at = above;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let last = at;
      if (left < heap.length && this.#compare(heap[left]!, heap[last]!) > 0) last = left;
      if (right < heap.length && this.#compare(heap[right]!, heap[last]!) > 0) last = right;
      if (last === at) return;
      [heap[at], heap[last]] = [heap[last]!, heap[at]!];
      at = last;
    }
  }
}
