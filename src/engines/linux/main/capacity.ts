/** How many connections the process's limit of open descriptors allows: each takes two. */
import * as abi from "../sys/abi.ts";
import type { Libc } from "../sys/libc.ts";
import { MAX_SLOTS } from "../worker/slot-store.ts";

/** What Linux takes for "no limit" in practice: fs.nr_open's default. */
const PRACTICAL_LIMIT = 1 << 20;
/** What holds where the limit cannot be read: Linux's default. */
const DEFAULT_LIMIT = 1024;
/** Descriptors left to the rest of the process at most (logs, control channel, admin); of a low limit an eighth. */
const RESERVED_DESCRIPTORS = 256;
/** Slots beyond what the descriptors allow, for connections whose records have not been read: two seconds' worth at 30,000 a second. */
const UNREAD_SLOTS = 65_536;

export interface Capacity {
  /** Descriptors from this number on are left to the rest of the process. */
  readonly descriptorCeiling: number;
  /** Per worker, a power of two: any one may get all connections. */
  readonly slots: number;
}

/** Raises the soft limit to the hard one, which needs no privileges, and tells what follows from it. */
export function claimCapacity(libc: Libc): Capacity {
  const limit = raiseDescriptorLimit(libc);
  const slots = Math.ceil(limit / 2) + UNREAD_SLOTS;
  return {
    descriptorCeiling: limit - Math.min(RESERVED_DESCRIPTORS, limit >> 3),
    slots: Math.min(MAX_SLOTS, 2 ** Math.ceil(Math.log2(slots))),
  };
}

/** Returns the limit that holds afterwards. */
function raiseDescriptorLimit(libc: Libc): number {
  const memory = libc.alloc(abi.RLIMIT_SIZE);
  const view = new DataView(memory.bytes.buffer);
  const limit = memory.at(0);
  if (libc.getrlimit(abi.RLIMIT_NOFILE, limit) < 0) return DEFAULT_LIMIT;
  const soft = view.getBigUint64(0, true);
  const hard = view.getBigUint64(8, true);
  view.setBigUint64(0, hard, true);
  const raised = soft === hard || libc.setrlimit(abi.RLIMIT_NOFILE, limit) === 0;
  return Math.min(Number(raised ? hard : soft), PRACTICAL_LIMIT);
}
