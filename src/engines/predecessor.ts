/** Taking over ports from a balancer that stops: its listeners stay until the handshakes that were under way are through. */
import { NetError } from "../net/net-error.ts";
import type { ListenAddress } from "../net/runtime.ts";
import { type Clock, pass } from "../util/clock.ts";

/**
 * ms for which an engine that closes may keep its listeners: a handshake that was under way is through by then, even with a client
 * on the other side of the world.
 */
export const RELEASE_MS = 300;
/** ms for which a port may be in use: longer than a predecessor keeps it, also where that one is slow. */
const PATIENCE_MS = RELEASE_MS + 200;
const RETRY_MS = 20;
/** Whether somebody listens on a Unix socket shows only by a connection, which that one takes for a client: a few tries have to do. */
const RETRY_PATH_MS = 250;

/** Tries again while what `bind` wants is in use, and not for long: rejects with EADDRINUSE then, and with all else at once. */
export async function bindAfterPredecessor<T>(
  clock: Clock,
  where: ListenAddress,
  bind: () => Promise<T>,
  patience = PATIENCE_MS,
): Promise<T> {
  const retry = "path" in where ? RETRY_PATH_MS : RETRY_MS;
  const deadline = clock.now() + patience;
  for (;;) {
    try {
      return await bind();
    } catch (error) {
      const inUse = error instanceof NetError && error.code === "EADDRINUSE";
      if (!inUse || clock.now() >= deadline) throw error;
    }
    await pass(clock, retry);
  }
}
