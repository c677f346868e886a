/** How long no byte may move. */
import type { Io } from "./io.ts";
import type { Store } from "./store.ts";

/**
 * A relay's timer is not moved with every byte: when it comes, it is checked against the last one, and runs on if that is not so long ago.
 * True: no byte has moved for that long.
 */
export function checkIdle<C, F>(store: Store<C, F>, io: Io<C, F>, c: C, idleTimeout: number): boolean {
  if (idleTimeout === 0) return false; // the limit was lifted while the timer ran
  const due = store.movedAt(c) + idleTimeout;
  if (due <= io.now()) return true;
  io.arm(c, due);
  return false;
}
