/**
 * The time, from the kernel's monotonic clock itself: it is one for all threads, whenever they were started and whatever was done
 * to the machine's date meanwhile. A runtime's own clock counts from the start of its thread, and how that start lies to another
 * thread's is known by the date alone. The pool counts in this time too.
 */
import type { NativeMemory, Pointer } from "./libc.ts";

const CLOCK_MONOTONIC = 1;
/** struct timespec: seconds and nanoseconds, 64 bits each. */
const TIMESPEC_SIZE = 16;

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
