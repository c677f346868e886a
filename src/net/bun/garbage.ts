/**
 * Keeps garbage from piling up. Bun counts the whole of a SharedArrayBuffer as memory that the program uses, also the part of it
 * that nobody has touched yet; a pool's is 150 MB and more, nearly all of it untouched. And Bun lets garbage grow to as much again
 * before it looks for any: a crowd of connections, each of which leaves a few KB, took a process from 60 MB to 344 MB.
 */

/**
 * What the process grows by before garbage is collected, which takes some 10 ms: 16 MB, and an eighth of what it has where that is more,
 * since what thousands of connections hold is no garbage. The fastest crowd of strangers leaves 16 MB some four times a second.
 */
const GROWTH = 16 * 1024 * 1024;
const GROWTH_SHARE = 1 / 8;

/** Bytes of the process: the least since garbage was last collected. */
let least = Number.POSITIVE_INFINITY;

export function lookForGarbage(): void {
  const size = bytesOfProcess();
  if (size === null) return;
  if (size - least < Math.max(GROWTH, least * GROWTH_SHARE)) {
    least = Math.min(least, size);
    return;
  }
  Bun.gc(true);
  least = bytesOfProcess() ?? size;
}

/** null: it cannot be seen now. Bun reads it from a file of the system, which takes a descriptor. */
function bytesOfProcess(): number | null {
  try {
    return process.memoryUsage.rss();
  } catch (error) {
    void error; // it is looked for again soon
    return null;
  }
}
