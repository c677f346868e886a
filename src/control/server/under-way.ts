/**
 * The messages of a session that are being answered: those about one target in their order, those about others at the same time, so that a
 * slow look-up delays only its own target; and no more than so many.
 */
import { type Deferred, deferred } from "../../util/deferred.ts";

/** As many targets as most hosts have. */
const MOST = 16;

export class UnderWay {
  readonly #over: AbortSignal;
  readonly #last = new Map<number, Promise<void>>();
  #count = 0;
  #waiting: Deferred<void> | null = null;

  /** `over`: nobody waits for room any more. */
  constructor(over: AbortSignal) {
    this.#over = over;
    over.addEventListener("abort", () => this.#waiting?.resolve());
  }

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** Resolves when there is room for another one. One may wait at a time. */
  async room(): Promise<void> {
    if (this.#count < MOST || this.#over.aborted) return;
    this.#waiting = deferred<void>();
    await this.#waiting.promise;
  }

  /** `work`, which never rejects, begins when what came before it about the same target is done. */
  begin(ref: number, work: () => Promise<void>): void {
    this.#count += 1;
    const done = (this.#last.get(ref) ?? Promise.resolve()).then(work).then(() => {
      if (this.#last.get(ref) === done) this.#last.delete(ref);
      this.#count -= 1;
      this.#waiting?.resolve();
      this.#waiting = null;
    });
    this.#last.set(ref, done);
  }
}
