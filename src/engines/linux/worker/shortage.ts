/** Knowing when descriptors are short, before the kernel says so: some are the rest of the process's. */
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";

/**
 * Whether the next descriptor is below the ceiling: the kernel gives the lowest that is free, so one taken for a moment tells. Each
 * connection that waits in a queue is going to need one more, for its target.
 * That is two calls, made only near the number of connections at which descriptors were short before.
 */
export function descriptorFree(s: Shard): boolean {
  if (s.open < s.tightFrom) return true;
  const probe = s.libc.eventfd(0, abi.EFD_CLOEXEC);
  if (probe >= 0) s.libc.close(probe);
  return probe >= 0 && probe + waiting(s) < s.options.descriptorCeiling;
}

/** From an eighth fewer connections on, each accept is preceded by descriptorFree(). */
export function nearLimit(s: Shard): void {
  s.tightFrom = Math.min(s.tightFrom, s.open - (s.open >> 3));
}

/** Looks at a descriptor that was just opened. Those that wait have one each, so they are counted only where they could matter. */
export function noticeLimit(s: Shard, fd: number): void {
  const { descriptorCeiling } = s.options;
  if (2 * fd >= descriptorCeiling && fd + waiting(s) >= descriptorCeiling) nearLimit(s);
}

/** A waiter that is silent loses its place, and its descriptor with that. */
export function giveWay(s: Shard): void {
  for (const part of s.parts) {
    if (part === undefined || part.pool.silentWaiters === 0) continue;
    part.pool.giveWay();
    part.lifecycle.freeRoom(); // whoever it was is told then
    return;
  }
}

/** In all threads' queues. */
function waiting({ peers }: Shard): number {
  let sum = 0;
  for (const { mailbox } of peers.values()) sum += mailbox.waiting;
  return sum;
}
