/** The process's limit of open descriptors. */
import { openLibc } from "#ffi";
import { limitInProc } from "../../../util/descriptor-limit.ts";
import * as abi from "./abi.ts";
import type { Libc } from "./libc.ts";

/** What Linux takes for "no limit" in practice: fs.nr_open's default. */
const PRACTICAL_LIMIT = 1 << 20;
/** What holds where the limit cannot be read: Linux's default. */
const DEFAULT_LIMIT = 1024;

/** How many this process may have open; Infinity where the system does not say. */
export function descriptorLimit(): number {
  return limitInProc() ?? limitInLibrary() ?? Number.POSITIVE_INFINITY;
}

/** For Deno, which keeps /proc from programs that are not allowed everything, and lets our compiled ones call the C library. */
function limitInLibrary(): number | null {
  try {
    const libc = process.platform === "linux" ? openLibc() : null;
    return libc === null ? null : limitOf(libc).soft;
  } catch (error) {
    void error; // it must not be called: the limit is not known
    return null;
  }
}

/** The limit that holds, and the one to which it may be raised. */
export function limitOf(libc: Libc): { readonly soft: number; readonly hard: number } {
  const memory = libc.alloc(abi.RLIMIT_SIZE);
  if (libc.getrlimit(abi.RLIMIT_NOFILE, memory.at(0)) < 0) return { soft: DEFAULT_LIMIT, hard: DEFAULT_LIMIT };
  const view = new DataView(memory.bytes.buffer);
  const [soft, hard] = [view.getBigUint64(0, true), view.getBigUint64(8, true)];
  return { soft: practical(soft), hard: practical(hard) };
}

/** Raises the soft limit to the hard one, which needs no privileges. Returns the limit that holds afterwards. */
export function raiseLimit(libc: Libc): number {
  const memory = libc.alloc(abi.RLIMIT_SIZE);
  const view = new DataView(memory.bytes.buffer);
  const { soft, hard } = limitOf(libc);
  if (soft === hard || libc.getrlimit(abi.RLIMIT_NOFILE, memory.at(0)) < 0) return soft;
  view.setBigUint64(0, view.getBigUint64(8, true), true);
  return libc.setrlimit(abi.RLIMIT_NOFILE, memory.at(0)) === 0 ? hard : soft;
}

function practical(limit: bigint): number {
  return Math.min(Number(limit), PRACTICAL_LIMIT);
}
