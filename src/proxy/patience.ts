/** How long connections wait in the queue: for their turn, or for a target while none is up (SharedPool.awaitsTarget). */
import type { SharedPool } from "../pool/pool.ts";
import { type LifecycleOptions, MOST_REQUEUES } from "./options.ts";

type Awaiting = Pick<SharedPool, "awaitsTarget">;

/** ms, for one that begins to wait now. */
export function patience({ awaitsTarget }: Awaiting, { queueTimeout, queueWhenEmpty }: LifecycleOptions): number {
  return awaitsTarget && queueWhenEmpty > 0 ? queueWhenEmpty : queueTimeout;
}

/** One that has had that time, and a target that came and went, has no more of it. */
export function hasWaited(pool: Awaiting, options: LifecycleOptions, queuedMs: number): boolean {
  return pool.awaitsTarget && queuedMs >= patience(pool, options);
}

/** Whether one that has failed on so many targets, as many as it may, waits for one to come up. What is remembered of it has an end. */
export function waitsForMore({ awaitsTarget }: Awaiting, attempts: number): boolean {
  return awaitsTarget && attempts <= MOST_REQUEUES;
}
