/** The time of a processor that a thread has taken. */
import { openLibc } from "#ffi";
import type { Libc } from "./libc.ts";

/** Undefined until it is first needed; null: it cannot be called. */
let library: Libc | null | undefined;

/**
 * Seconds since the thread's start; null: it is not known. For Deno, which keeps /proc from programs that are not allowed everything, and
 * lets our compiled ones call the C library.
 */
export function threadSeconds(tid: number): number | null {
  if (library === undefined) library = opened();
  const ms = library?.threadMs(tid) ?? -1;
  return ms < 0 ? null : ms / 1000;
}

function opened(): Libc | null {
  try {
    return process.platform === "linux" ? openLibc() : null;
  } catch (error) {
    void error; // it must not be called: the time is not known
    return null;
  }
}
