/**
 * Keeps garbage from piling up. Bun counts the whole of a SharedArrayBuffer as memory that the program uses, also the part of it
 * that nobody has touched yet; a pool's is 150 MB and more, nearly all of it untouched. And Bun lets garbage grow to as much again
 * before it looks for any: a crowd of connections, each of which leaves a few KB, took a process from 60 MB to 344 MB.
 */

/** Of what the process has, the part that it grows by at least before garbage is collected: what thousands of connections hold is none. */
const GROWTH_SHARE = 1 / 16;

/** Bytes of the process: the least since garbage was last collected. */
let least = Number.POSITIVE_INFINITY;

/** `growth`: bytes that the process grows by before garbage is collected, which takes some 10 ms. */
export function lookForGarbage(growth: number): void {
  const size = bytesOfProcess();
  if (size === null) return;
  if (size - least < Math.max(growth, least * GROWTH_SHARE)) {
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
