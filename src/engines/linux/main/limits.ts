/** The process's limit of open descriptors: raised as far as it goes without privileges, since two per connection are used. */
import * as abi from "../sys/abi.ts";
import type { Libc } from "../sys/libc.ts";

/** What Linux takes for "no limit" in practice: fs.nr_open's default. */
const PRACTICAL_LIMIT = 1 << 20;

/** Raises the soft limit to the hard one; returns what holds then. */
export function raiseDescriptorLimit(libc: Libc): number {
  const memory = libc.alloc(abi.RLIMIT_SIZE);
  const view = new DataView(memory.bytes.buffer);
  const limit = memory.at(0);
  if (libc.getrlimit(abi.RLIMIT_NOFILE, limit) < 0) return 1024;
  const hard = view.getBigUint64(8, true);
  const soft = view.getBigUint64(0, true);
  view.setBigUint64(0, hard, true);
  const now = soft === hard || libc.setrlimit(abi.RLIMIT_NOFILE, limit) === 0 ? hard : soft;
  return Number(now < BigInt(PRACTICAL_LIMIT) ? now : BigInt(PRACTICAL_LIMIT));
}
