/**
 * Keeps garbage from piling up. Bun counts the whole of a SharedArrayBuffer as memory that the program uses, also the part of it
 * that nobody has touched yet; a pool's is 150 MB and more, nearly all of it untouched. And Bun lets garbage grow to as much again
 * before it looks for any: a crowd of connections, each of which leaves a few KB, took a process from 60 MB to 344 MB.
 */
import type { Cancel } from "../../util/clock.ts";

/** ms between looks at the process's memory. A look takes 30 µs. */
const LOOK_MS = 100;
/**
 * What the process grows by before garbage is collected, which takes some 10 ms: 16 MB, and a quarter of what it has when that is more,
 * since what thousands of connections hold is no garbage. The fastest crowd of strangers leaves 16 MB some four times a second.
 */
const GROWTH = 16 * 1024 * 1024;
const GROWTH_SHARE = 1 / 4;

/** Begins; the returned function ends it. Whoever wants it calls it himself: there may be more than one. */
export function collectGarbage(): Cancel {
  let low = process.memoryUsage.rss();
  const timer = setInterval(() => {
    const size = process.memoryUsage.rss();
    if (size - low >= Math.max(GROWTH, low * GROWTH_SHARE)) {
      Bun.gc(true);
      low = size;
    } else if (size < low) low = size;
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
