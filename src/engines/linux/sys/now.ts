/**
 * ms since 1970 on a scale that only moves forward and that all threads share: each thread's monotonic clock, put on the
 * common zero by the time at which that thread started. The pool counts in it too.
 */
export function now(): number {
  return ORIGIN + performance.now();
}

const ORIGIN = performance.timeOrigin;
