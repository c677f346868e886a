/** The balancer takes connections off their targets: `Engine.end()`, once for both engines. */
import type { SharedPool } from "../pool/pool.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { BY_BALANCER, KILLED, outcome, REBALANCED, type RemovalCause, TARGET_GONE } from "./outcome.ts";
import { CONNECTING, RELAYING, ROW } from "./states.ts";
import type { Store } from "./store.ts";

/** What an engine has of the connection's pool. */
export interface Served<C, F> {
  readonly pool: SharedPool;
  readonly store: Store<C, F>;
  readonly lifecycle: Lifecycle<C, F>;
}

/** One that is not over. */
export function removeFromTarget<C, F>({ pool, store, lifecycle }: Served<C, F>, c: C, cause: RemovalCause): void {
  const state = store.state(c);
  if (cause === "killed") {
    lifecycle.abort(c, KILLED);
  } else if (cause === "target-gone") {
    if (!store.holds(c, ROW) || pool.isUp(store.row(c))) return;
    if (state === CONNECTING) lifecycle.moveOn(c);
    else if (state === RELAYING) lifecycle.end(c, outcome(BY_BALANCER, TARGET_GONE), true);
  } else if (state === RELAYING) {
    pool.unbind(store.clientKey(c), store.row(c)); // or it would come back to the same target
    lifecycle.end(c, outcome(BY_BALANCER, REBALANCED), true);
  }
}
