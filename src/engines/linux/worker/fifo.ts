/** Numbers, first in, first out: a list that is filled, and one that is emptied. */
export class Fifo {
  #incoming: number[] = [];
  #outgoing: number[] = [];
  /** Those of `#outgoing` that were taken. */
  #taken = 0;

  get empty(): boolean {
    return this.#incoming.length === 0 && this.#taken === this.#outgoing.length;
  }

  add(number: number): void {
    this.#incoming.push(number);
  }

  /** The one that is next, of a list that is not empty. */
  get first(): number {
    return this.#taken === this.#outgoing.length ? this.#incoming[0]! : this.#outgoing[this.#taken]!;
  }

  /** The next one, or -1. */
  take(): number {
    if (this.#taken === this.#outgoing.length) {
      if (this.#incoming.length === 0) return -1;
      this.#outgoing = this.#incoming;
      this.#incoming = [];
      this.#taken = 0;
    }
    return this.#outgoing[this.#taken++]!;
  }
}
