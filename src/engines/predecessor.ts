/** Taking over ports from a balancer that stops: its listeners stay until the handshakes that were under way are through. */
import { NetError } from "../net/net-error.ts";
import type { Clock } from "../util/clock.ts";

/** ms for which a port may be in use: longer than any engine keeps one that stops (HANDSHAKE_MS of the linux engine). */
const PATIENCE_MS = 500;
const RETRY_MS = 20;

/** Tries again while what `bind` wants is in use, and not for long: rejects with EADDRINUSE then, and with all else at once. */
export async function bindAfterPredecessor<T>(clock: Clock, bind: () => Promise<T>): Promise<T> {
  const deadline = clock.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await bind();
    } catch (error) {
      const inUse = error instanceof NetError && error.code === "EADDRINUSE";
      if (!inUse || clock.now() >= deadline) throw error;
    }
    await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
  }
}
