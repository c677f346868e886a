/** How many connections the process's limit of open descriptors allows: each takes two. */
import { netError } from "../../../net/net-error.ts";
import { reserveOf } from "../../reserve.ts";
import * as abi from "../sys/abi.ts";
import { raiseLimit } from "../sys/descriptor-limit.ts";
import type { Libc } from "../sys/libc.ts";
import { MAX_SLOTS } from "../worker/slot-store.ts";

/** Slots beyond what the descriptors allow, for connections whose records have not been read: two seconds' worth at 30,000 a second. */
const UNREAD_SLOTS = 65_536;

export interface Capacity {
  /** Descriptors from this number on are left to the rest of the process: no client is accepted while they are reached. */
  readonly descriptorCeiling: number;
  /** From here on targets are not connected to either: what is below is for the last clients, as a thread notices only by one. */
  readonly dialCeiling: number;
  /** Per worker, a power of two: any one may get all connections. */
  readonly slots: number;
}

/** Raises the limit as far as it may be, and tells what follows from it. `reserve`: what the rest of the process wants. */
export function claimCapacity(libc: Libc, threads: number, reserve: number | undefined): Capacity {
  const limit = raiseLimit(libc);
  const left = reserveOf(limit, reserve);
  const slots = Math.ceil(limit / 2) + UNREAD_SLOTS;
  return {
    descriptorCeiling: limit - left,
    dialCeiling: limit - left + Math.min(2 * threads, left >> 1),
    slots: Math.min(MAX_SLOTS, 2 ** Math.ceil(Math.log2(slots))),
  };
}

/** Once all is open that the engine needs: throws a NetError when there is none left for a client. */
export function checkCapacity(libc: Libc, { descriptorCeiling }: Capacity): void {
  const next = libc.eventfd(0, abi.EFD_CLOEXEC);
  if (next >= 0) libc.close(next);
  if (next >= 0 && next + 1 < descriptorCeiling) return;
  throw netError("EMFILE", "no descriptors are left for clients: raise the limit (ulimit -n)");
}
