/** How many clients a thread may have, of all its listeners together: what they take of the process's descriptors is bounded by that. */
export class Room {
  readonly #most: number;
  #clients = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#clients >= this.#most;
  }

  enter(): void {
    this.#clients++;
  }

  leave(): void {
    this.#clients--;
  }
}
