/**
 * The right to serve the pool's queue: one thread has it at a time, and hands it on. A waiter that is granted its turn picks its
 * target in its own thread, and only after that pick is it certain whether there is room for the next waiter too; if two threads
 * granted at once, or one went on before the other had picked, the later waiter could take the room of the earlier. So when a
 * thread grants a turn to another thread's connection, it hands the baton over with it.
 */
import type { Grant, SharedPool } from "../../../pool/pool.ts";

/** The worker that has the baton, plus one; 0: none has. */
const HOLDER = 0;
/** Counts the occasions on which there may have been something to serve. */
const OCCASIONS = 16;
const WORDS = 32;

export class QueueBaton {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #me: number;
  #seen = 0;

  /** `worker` is the pool's number of this thread. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#me = worker + 1;
  }

  /** For the main thread, which is worker 0. */
  static create(): QueueBaton {
    return new QueueBaton(new SharedArrayBuffer(WORDS * 4), 0);
  }

  /**
   * Serves the queue until no waiter can be granted a turn, or another thread has to go on. `own` continues a connection of this
   * thread; false: the queue has come round, and the rest is for a later occasion. `foreign` tells another thread, which is then
   * to call `goOn`. If another thread has the baton, it looks once more before it lets go.
   */
  serve(pool: SharedPool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    Atomics.add(this.#words, OCCASIONS, 1);
    if (this.#take()) this.#serve(pool, own, foreign);
  }

  /** After a turn that another thread granted has been taken. */
  goOn(pool: SharedPool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    if (Atomics.load(this.#words, HOLDER) !== this.#me) return; // reset() took it away after another thread's death
    this.#seen = Atomics.load(this.#words, OCCASIONS);
    this.#serve(pool, own, foreign);
  }

  /** A thread has died: it may have had the baton. A thread that still has it goes on, and overtakes by one turn at worst. */
  reset(): void {
    Atomics.store(this.#words, HOLDER, 0);
  }

  #serve(pool: SharedPool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    do {
      for (let grant = pool.grant(); grant !== null; grant = pool.grant()) {
        if (grant.worker + 1 !== this.#me) {
          Atomics.store(this.#words, HOLDER, grant.worker + 1);
          foreign(grant);
          return;
        }
        if (!own(grant.ticket)) break;
      }
      Atomics.store(this.#words, HOLDER, 0);
      // An occasion after grant() gave null, and before the baton was let go, has found it taken.
    } while (Atomics.load(this.#words, OCCASIONS) !== this.#seen && this.#take());
  }

  #take(): boolean {
    if (Atomics.compareExchange(this.#words, HOLDER, 0, this.#me) !== 0) return false;
    this.#seen = Atomics.load(this.#words, OCCASIONS);
    return true;
  }
}
