/**
 * What the main thread has a running worker do that needs more than a word of its mailbox. Orders are posted through a port that a
 * thread can read without leaving its loop (thread.ts); the mailbox counts them, and wakes the worker. They are carried out in their
 * order, but that news of a pool is taken in at once.
 *
 * A pool has a number, by which slots, inboxes and orders name it. The number is free again when every worker has forgotten the pool:
 * first all stop it, so that none hands over connections for it any more, and only then each forgets it, with its last connection.
 */
import type { PoolHandle } from "../../../pool/pool.ts";
import type { LifecycleOptions } from "../../../proxy/options.ts";

/** What a ServedPool says, as it can be posted. */
export interface PoolTerms extends LifecycleOptions {
  /** Sent to those who get no target; null: they are closed. */
  readonly text: Uint8Array | null;
  /** They are answered by a handler instead, over the bridge. */
  readonly handled: boolean;
  /** As in ServedPool. */
  readonly keepalive: number;
}

export interface PoolData {
  readonly number: number;
  readonly handle: PoolHandle;
  readonly terms: PoolTerms;
  /** It is being removed: what is served may go on for so many ms. Null: it is not. */
  readonly stopWithin: number | null;
}

export interface ListenerData {
  readonly number: number;
  /** A socket for each worker, in the order of their numbers; or one and the same for all. */
  readonly descriptors: readonly number[];
  /** The number of its pool. */
  readonly pool: number;
}

/** Where the main thread takes connections for handlers, and the secret that opens it. */
export interface Bridge {
  readonly port: number;
  readonly secret: Uint8Array;
}

export type Order =
  /** There is this pool; or it has other terms, or other memory. */
  | { readonly type: "pool"; readonly pool: PoolData }
  /** Accept there; or, if it does that already, for this pool from now on. */
  | { readonly type: "listen"; readonly listener: ListenerData }
  /** Accept there for so many ms yet, and then no more. */
  | { readonly type: "unlisten"; readonly listener: number; readonly within: number }
  /** None of the pool's connections waits or is handed over any more, and what is served may go on for `timeout` ms. */
  | { readonly type: "stop"; readonly pool: number; readonly timeout: number }
  /** Done when none of its connections is left. */
  | { readonly type: "forget"; readonly pool: number }
  | { readonly type: "bridge"; readonly bridge: Bridge };

/** `serial` names it when it is done; 0: nobody wants to know. */
export interface PostedOrder {
  readonly serial: number;
  readonly order: Order;
}
