/** What a connection holds of its pool, given back. Both say whether there was any. */
import type { SharedPool } from "../pool/pool.ts";
import { CLIENT, TARGET } from "./record.ts";
import { PERMIT, ROW } from "./states.ts";
import type { Store } from "./store.ts";

/** Takes the connection off its target, with the bytes the pool has not been told of yet. The row stays in the store, for the record. */
export function releaseRow<C, F>(pool: SharedPool, store: Store<C, F>, c: C, now: number): boolean {
  if (!store.holds(c, ROW)) return false;
  store.dropHold(c, ROW);
  pool.release(store.row(c), store.clientKey(c), store.unreported(c, CLIENT), store.unreported(c, TARGET), now);
  return true;
}

export function releasePermit<C, F>(pool: SharedPool, store: Store<C, F>, c: C): boolean {
  if (!store.holds(c, PERMIT)) return false;
  store.dropHold(c, PERMIT);
  pool.leave();
  return true;
}
