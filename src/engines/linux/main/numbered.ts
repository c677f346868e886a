/** Things by number: the lowest that is free, so that arrays of them stay short. */
export class Numbered<T> implements Iterable<T> {
  readonly #things: (T | undefined)[] = [];

  /** `make` is given the number. */
  add<N extends T>(make: (number: number) => N): N {
    const free = this.#things.indexOf(undefined);
    const number = free < 0 ? this.#things.length : free;
    const thing = make(number);
    this.#things[number] = thing;
    return thing;
  }

  get(number: number): T | undefined {
    return this.#things[number];
  }

  free(number: number): void {
    this.#things[number] = undefined;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const thing of this.#things) if (thing !== undefined) yield thing;
  }
}
