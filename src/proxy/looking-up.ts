/**
 * Connections that wait for what other balancers know of their clients (SharedPool.lookUps), before they ask for a permit: LOOKING_UP. They hold
 * nothing, and go on in the order in which they came, when that has been read or their time is over, whichever is first.
 */
import type { SharedPool } from "../pool/pool.ts";
import type { Io } from "./io.ts";
import { LOOKING_UP } from "./states.ts";
import type { Store } from "./store.ts";

/**
 * Of a pool, in one thread: as many as come within 50 ms where 20,000 come a second. They have no place in the queue, which bounds those who wait there,
 * and each has a descriptor: whoever comes while so many wait goes on at once, whatever others know.
 */
const MOST = 1_000;

export class LookingUp<C, F> {
  readonly #pool: SharedPool;
  readonly #store: Store<C, F>;
  readonly #io: Io<C, F>;
  readonly #onward: (c: C) => void;
  /** With the pool's numbers for them, in that order. */
  readonly #waiting = new Map<C, number>();

  /** `onward`: one need wait no longer. */
  constructor(pool: SharedPool, store: Store<C, F>, io: Io<C, F>, onward: (c: C) => void) {
    this.#pool = pool;
    this.#store = store;
    this.#io = io;
    this.#onward = onward;
  }

  /** Of a connection that has been accepted. False: it need not wait. */
  begin(c: C): boolean {
    if (this.#waiting.size >= MOST) return false;
    const now = this.#io.now();
    const number = this.#pool.lookUps.want(this.#store.clientKey(c), now);
    if (number < 0) return false;
    this.#waiting.set(c, number);
    this.#store.setState(c, LOOKING_UP);
    this.#store.setSince(c, now);
    this.#io.arm(c, now + this.#pool.lookUps.ms);
    this.#io.queued(c);
    return true;
  }

  /** Whether the first one may go on, which is true of none behind it before. */
  get isDone(): boolean {
    if (this.#waiting.size === 0) return false;
    const [first] = this.#waiting.values();
    return this.#pool.lookUps.isDone(first!);
  }

  /** Those who may, in order. */
  goOn(): void {
    let isAny = false;
    for (const [c, number] of this.#waiting) {
      if (!this.#pool.lookUps.isDone(number)) break;
      this.#release(c);
      isAny = true;
    }
    if (isAny) this.#pool.lookUps.onServed();
  }

  /** All of them, whatever has been read. */
  endAll(): void {
    for (const c of this.#waiting.keys()) this.#release(c); // nobody comes meanwhile
  }

  /** It does not wait for that any more. False: it did not. */
  leave(c: C): boolean {
    return this.#waiting.delete(c);
  }

  #release(c: C): void {
    this.leave(c);
    this.#onward(c);
  }
}
