/** Things that are done one after the other, in the order in which they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `run` does, which begins when all before it are over, however they have ended. */
  take<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined); // whoever has asked for it hears of that
    return result;
  }

  /** Resolves when all that have been asked for by now are over. */
  async over(): Promise<void> {
    await this.#last;
  }
}
