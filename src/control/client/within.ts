/** An attempt that is given up after a time, or when its caller gives up. */
import type { Clock } from "../../util/clock.ts";

export interface Limits {
  readonly ms: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Runs `attempt`, whose own signal is aborted after `ms`, when it rejects with `late()`, or together with `signal`. */
export async function within<T>(
  { ms, clock, signal }: Limits,
  attempt: (signal: AbortSignal) => Promise<T>,
  late: (cause: unknown) => Error,
): Promise<T> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  let isLate = false;
  const cancel = clock.after(ms, () => {
    isLate = true;
    abort();
  });
  signal.addEventListener("abort", abort);
  try {
    const result = attempt(giveUp.signal);
    if (signal.aborted) abort();
    return await result;
  } catch (error) {
    throw isLate ? late(error) : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}
