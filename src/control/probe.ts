import { NetError } from "../runtime/net-error.ts";
import type { Address, Runtime } from "../runtime/runtime.ts";
import type { Clock } from "../util/clock.ts";

/** `silent`: nobody answered in time, or the way there failed; nothing is proved either way. */
export type ProbeOutcome = "connected" | "refused" | "silent";

/** Connects and closes again. Never rejects. */
export async function probe(runtime: Runtime, clock: Clock, to: Address, timeout: number): Promise<ProbeOutcome> {
  const giveUp = new AbortController();
  const cancel = clock.after(timeout, () => giveUp.abort());
  try {
    const connection = await runtime.connect({ to, signal: giveUp.signal });
    void connection.close(); // not abort(): servers log a reset as an error
    return "connected";
  } catch (error) {
    return error instanceof NetError && error.code === "ECONNREFUSED" ? "refused" : "silent";
  } finally {
    cancel();
  }
}
