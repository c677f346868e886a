/**
 * Points between a thread's operations on the pool, where another thread may come in, or this one may die: without them, a turn
 * of a simulated thread would be in one piece from one system call to the next.
 */
import { Lock } from "../../../../src/pool/lock.ts";

let reached: () => void = () => undefined;
/** Locks that are held now: all threads are one here, so whoever came in then would wait for one without end. */
let held = 0;

const { free, take } = Lock.prototype;

Lock.prototype.take = function (this: Lock) {
  reached();
  take.call(this);
  held++;
};

Lock.prototype.free = function (this: Lock) {
  free.call(this);
  held = Math.max(0, held - 1); // one that was seized from a dead thread was not taken
  reached();
};

/** Whether a thread is in the middle of an operation on a pool. */
export function isInPool(): boolean {
  return held > 0;
}

/** Calls `atPoint` at each point that `run` comes to, without the lock. */
export function withPoolPoints<T>(atPoint: () => void, run: () => T): T {
  const before = reached;
  reached = atPoint;
  try {
    return run();
  } finally {
    reached = before;
  }
}
