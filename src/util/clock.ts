/** Takes a timer back. Idempotent; harmless after it has fired. */
export type Cancel = () => void;

/**
 * Time as policy code sees it: handed in, so that tests move it by hand (test/util/manual-clock.ts). Milliseconds on a
 * monotonic scale whose zero means nothing: a corrected wall clock neither expires leases nor revives them.
 */
export interface Clock {
  now(): number;
  /** Runs `run` once after `ms`. A pending timer keeps the process alive: whoever sets it cancels it in its `close()`. */
  after(ms: number, run: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
