/**
 * The time, from the kernel's monotonic clock itself: it is one for all threads, whenever they were started and whatever was done
 * to the machine's date meanwhile. A runtime's own clock counts from the start of its thread, and how that start lies to another
 * thread's is known by the date alone. The pool counts in this time too.
 */
import type { NativeMemory, Pointer } from "./libc.ts";

const CLOCK_MONOTONIC = 1;
/** struct timespec: seconds and nanoseconds, 64 bits each. */
const TIMESPEC_SIZE = 16;

/** How Linux names the clock of a thread: by its number, and that it is to be of that thread alone, in ns (CPUCLOCK_PERTHREAD_MASK, CPUCLOCK_SCHED). */
const TID_SHIFT = 3;
const OF_ONE_THREAD = 4 | 2;

export function monotonicClock(
  clockGettime: (clock: number, time: Pointer) => number,
  alloc: (size: number) => NativeMemory,
): () => number {
  const time = alloc(TIMESPEC_SIZE);
  const at = time.at(0);
  const words = new Int32Array(time.bytes.buffer);
  return () => {
    clockGettime(CLOCK_MONOTONIC, at);
    return words[0]! * 1000 + words[2]! / 1_000_000;
  };
}

/** ms of a processor that a thread of this process has taken; -1: there is no such thread. */
export function threadClock(
  clockGettime: (clock: number, time: Pointer) => number,
  alloc: (size: number) => NativeMemory,
): (tid: number) => number {
  const time = alloc(TIMESPEC_SIZE);
  const at = time.at(0);
  const words = new Int32Array(time.bytes.buffer);
  return (tid) => {
    if (clockGettime((~tid << TID_SHIFT) | OF_ONE_THREAD, at) < 0) return -1;
    return words[0]! * 1000 + words[2]! / 1_000_000;
  };
}
