/** Takes a timer back. Idempotent; harmless after it has fired. */
export type Cancel = () => void;

/**
 * Time as policy code sees it. It is handed in, so that tests can move it by hand (test/support/clock.ts). Milliseconds on a
 * monotonic scale whose zero means nothing: a corrected wall clock neither expires leases nor revives them.
 */
export interface Clock {
  now(): number;
  /** Runs `run` once after `ms`. A pending timer keeps the process alive: its owner cancels it in `close()`. */
  after(ms: number, run: () => void): Cancel;
}

/** Resolves after `ms`. */
export function pass(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/** Calls `run` every `ms` until it is cancelled. */
export function every(clock: Clock, ms: number, run: () => void): Cancel {
  let cancel: Cancel;
  const next = () => {
    cancel = clock.after(ms, () => {
      next();
      run();
    });
  };
  next();
  return () => cancel();
}

/** ms, almost 25 days. What is to be later would be done at once: runtimes count no further. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_MS)); // Node and Bun warn of what is due already
    return () => clearTimeout(timer);
  },
};
