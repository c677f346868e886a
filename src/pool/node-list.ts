/** A doubly linked list of the queue's nodes in shared memory, so that every change is O(1). Called with the pool's lock held. */

export const NONE = -1;

/** Which words of the header a list has. */
export interface ListWords {
  readonly head: number;
  readonly tail: number;
  readonly length: number;
}

export class NodeList {
  readonly #header: Int32Array;
  readonly #words: ListWords;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(header: Int32Array, words: ListWords, next: Int32Array, previous: Int32Array) {
    this.#header = header;
    this.#words = words;
    this.#next = next;
    this.#previous = previous;
  }

  clear(): void {
    const { head, tail, length } = this.#words;
    this.#header[head] = NONE;
    this.#header[tail] = NONE;
    this.#header[length] = 0;
  }

  get first(): number {
    return this.#header[this.#words.head]!;
  }

  get length(): number {
    return this.#header[this.#words.length]!;
  }

  after(node: number): number {
    return this.#next[node]!;
  }

  append(node: number): void {
    this.#insert(node, this.#header[this.#words.tail]!);
  }

  prepend(node: number): void {
    this.#insert(node, NONE);
  }

  remove(node: number): void {
    const { head, tail, length } = this.#words;
    const next = this.#next[node]!;
    const previous = this.#previous[node]!;
    if (previous === NONE) this.#header[head] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#header[tail] = previous;
    else this.#previous[next] = previous;
    this.#header[length]!--;
  }

  /** `previous`: NONE for the head. */
  #insert(node: number, previous: number): void {
    const { head, tail, length } = this.#words;
    const next = previous === NONE ? this.#header[head]! : this.#next[previous]!;
    this.#previous[node] = previous;
    this.#next[node] = next;
    if (previous === NONE) this.#header[head] = node;
    else this.#next[previous] = node;
    if (next === NONE) this.#header[tail] = node;
    else this.#previous[next] = node;
    this.#header[length]!++;
  }
}
