/**
 * Who serves the pool's queue. A waiter that is granted its turn picks its target in its own thread, and only after that pick is
 * it certain whether there is room for the next waiter too; if two threads granted at once, or one went on before the other had
 * picked, the later waiter could take the room of the earlier. So one thread at a time serves the queue, and when it grants a
 * turn to another thread's connection, it hands the queue over with it.
 */
import type { Grant, Pool } from "../../../pool/pool.ts";

/** The worker that serves the queue, plus one; 0: nobody does. */
const SERVER = 0;
/** Counts the occasions on which there may have been something to serve. */
const OCCASIONS = 16;
const WORDS = 32;

export class Turnstile {
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
  static create(): Turnstile {
    return new Turnstile(new SharedArrayBuffer(WORDS * 4), 0);
  }

  /**
   * Serves the queue until nobody can be granted a turn, or another thread has to go on. `own` continues a connection of this
   * thread; false: the queue has come round, and the rest is for a later occasion. `foreign` tells another thread, which is then
   * to call `goOn`. If the queue is being served already, whoever does looks once more.
   */
  serve(pool: Pool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    Atomics.add(this.#words, OCCASIONS, 1);
    if (this.#take()) this.#serve(pool, own, foreign);
  }

  /** After a turn that another thread granted has been taken. */
  goOn(pool: Pool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    if (Atomics.load(this.#words, SERVER) !== this.#me) return; // it died, and the queue was taken from it
    this.#seen = Atomics.load(this.#words, OCCASIONS);
    this.#serve(pool, own, foreign);
  }

  /** A thread has died: if it served the queue, or was about to, nobody does now. Whoever does at worst overtakes by one turn. */
  reset(): void {
    Atomics.store(this.#words, SERVER, 0);
  }

  #serve(pool: Pool, own: (ticket: number) => boolean, foreign: (grant: Grant) => void): void {
    do {
      for (let grant = pool.grant(); grant !== null; grant = pool.grant()) {
        if (grant.worker + 1 !== this.#me) {
          Atomics.store(this.#words, SERVER, grant.worker + 1);
          foreign(grant);
          return;
        }
        if (!own(grant.ticket)) break;
      }
      Atomics.store(this.#words, SERVER, 0);
      // What came up after grant() gave null, and before the queue was let go, found it taken.
    } while (Atomics.load(this.#words, OCCASIONS) !== this.#seen && this.#take());
  }

  #take(): boolean {
    if (Atomics.compareExchange(this.#words, SERVER, 0, this.#me) !== 0) return false;
    this.#seen = Atomics.load(this.#words, OCCASIONS);
    return true;
  }
}
