/**
 * Points between a thread's operations on the pool, where another thread may come in, or this one may die: without them, a turn
 * of a simulated thread would be in one piece from one system call to the next.
 */
import { Lock } from "../../../../src/pool/lock.ts";

let reached: () => void = () => undefined;

const { free, take } = Lock.prototype;

Lock.prototype.take = function (this: Lock) {
  reached();
  take.call(this);
};

Lock.prototype.free = function (this: Lock) {
  free.call(this);
  reached();
};

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
