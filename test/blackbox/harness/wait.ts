import { setTimeout as delay } from "node:timers/promises";

// Far above what anything here takes: it only ends a wait for what never comes.
export const PATIENCE_MS = 20_000;
const POLL_MS = 10;

/** Looks until `condition` gives a value, and throws when it has not after PATIENCE_MS. `what` completes "waited for …". */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  patience = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${patience / 1000} s in vain for ${what}`);
    await delay(POLL_MS);
  }
}

/** Fails when `promise` has not settled after PATIENCE_MS. */
export async function within<T>(what: string, promise: Promise<T>, patience = PATIENCE_MS): Promise<T> {
  const timer = new AbortController();
  const late = delay(patience, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`waited ${patience / 1000} s in vain for ${what}`);
  });
  late.catch(() => undefined); // aborting the timer rejects it; nobody is waiting for that
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
