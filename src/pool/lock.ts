/**
 * The lock of a pool: a word in shared memory that names its owner, so that it can be freed when the owner's thread has died.
 * Critical sections are well under a microsecond, so a thread that finds it taken spins briefly before it sleeps. Main threads
 * sleep too: Node, Deno and Bun all allow Atomics.wait there.
 */
import { LOCK, LOCK_TURNS, VERSION } from "./header.ts";

/** Set in the word when a thread may be asleep. The rest of the word is the owner's worker number plus one; 0 is free. */
const CONTENDED = 1 << 30;
/** Loads before it sleeps: about as long as a critical section. */
const SPINS = 100;
/** It sleeps at most this long (ms), so that nothing depends on a wake-up getting through. */
const NAP = 1;
/**
 * After so many full naps with the same owner in the same turn, the owner is taken for dead: no thread that lives holds the lock
 * for 2 s. Counted in naps, not by the clock, so that a process that was stopped and goes on does not conclude this. Only the
 * creator's thread does: while it waits here it cannot be told of a worker's death in any other way.
 */
const NAPS_UNTIL_ABANDONED = 2000;

export class Lock {
  readonly #words: Int32Array;
  readonly #me: number;
  readonly #onAbandoned: ((worker: number) => void) | null;
  readonly #onMoved: () => void;
  /** That of the memory that this thread uses. */
  version: number;

  /**
   * `onAbandoned` (creator only) repairs what a dead owner may have left half done. `onMoved` has this thread use the pool's latest
   * memory, and sets `version`. Both run with the lock held, but for follow().
   */
  constructor(
    words: Int32Array,
    worker: number,
    onAbandoned: ((worker: number) => void) | null,
    version = words[VERSION]!,
    onMoved: () => void = () => undefined,
  ) {
    this.#words = words;
    this.#me = worker + 1;
    this.#onAbandoned = onAbandoned;
    this.#onMoved = onMoved;
    this.version = version;
  }

  take(): void {
    if (Atomics.compareExchange(this.#words, LOCK, 0, this.#me) !== 0) this.#takeContended();
    this.#words[LOCK_TURNS]!++;
    if (this.#words[VERSION] !== this.version) this.#followWithLock();
  }

  /** Without the lock: has this thread use the pool's latest memory, which may even be one that is just being made ready. */
  follow(): void {
    if (Atomics.load(this.#words, VERSION) > this.version) this.#onMoved();
  }

  /** Throws when the lock is no longer this thread's: then the thread was taken for dead, and what it has done is void. */
  free(): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, LOCK, this.#me, 0) === this.#me) return;
    const mine = this.#me | CONTENDED;
    if (Atomics.compareExchange(words, LOCK, mine, 0) !== mine) {
      throw new Error(`worker ${this.#me - 1} lost the pool's lock while it held it`);
    }
    Atomics.notify(words, LOCK, 1);
  }

  /** Takes the lock from a worker that is known to be dead, to be freed afterwards. False: that worker does not hold it. */
  seize(worker: number): boolean {
    const held = Atomics.load(this.#words, LOCK);
    if ((held & ~CONTENDED) !== worker + 1) return false;
    // The mark is all that can have changed in the word: then try again.
    if (Atomics.compareExchange(this.#words, LOCK, held, this.#me | CONTENDED) !== held) return this.seize(worker);
    this.#words[LOCK_TURNS]!++;
    return true;
  }

  #followWithLock(): void {
    try {
      this.#onMoved();
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #takeContended(): void {
    const words = this.#words;
    for (let i = 0; i < SPINS; i++) {
      if (Atomics.load(words, LOCK) === 0 && Atomics.compareExchange(words, LOCK, 0, this.#me) === 0) return;
    }
    let naps = 0;
    let turn = -1;
    for (;;) {
      // Taken with the mark: others may be asleep as well, and free() wakes the next only where there is a mark.
      const held = Atomics.compareExchange(words, LOCK, 0, this.#me | CONTENDED);
      if (held === 0) return;
      const marked = held | CONTENDED;
      if (held !== marked && Atomics.compareExchange(words, LOCK, held, marked) !== held) continue;
      if (Atomics.wait(words, LOCK, marked, NAP) !== "timed-out" || words[LOCK_TURNS] !== turn) {
        turn = words[LOCK_TURNS]!;
        naps = 0;
      } else if (++naps >= NAPS_UNTIL_ABANDONED && this.#onAbandoned !== null) {
        const owner = (marked & ~CONTENDED) - 1;
        if (!this.seize(owner)) continue;
        this.#onAbandoned(owner);
        return;
      }
    }
  }
}
