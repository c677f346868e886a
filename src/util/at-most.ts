/** Work that nobody waits for longer than that. */
import type { Clock } from "./clock.ts";
import { deferred } from "./deferred.ts";

/** Never rejects: what comes of it, others find out. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const late = deferred<void>();
  const cancel = clock.after(Math.max(0, ms), () => late.resolve());
  await Promise.race([work.catch(() => undefined), late.promise]);
  cancel();
}
