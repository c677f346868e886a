/**
 * What the main thread has a running worker do that needs more than a word of its mailbox. Orders are posted through a port that a
 * thread can read without leaving its loop (thread.ts); the mailbox counts them, and wakes the worker. They are carried out in their
 * order, but that news of a pool is taken in at once.
 *
 * A pool has a number, by which slots, inboxes and orders name it. The number is free again when every worker has forgotten the pool:
 * first all stop it, so that none hands over connections for it any more, and only then each forgets it, with its last connection.
 */
import { ENGINE_THREADS } from "../../../edge/access/client-limits.ts";
import type { SendProxy } from "../../../edge/proxy-header/send.ts";
import type { EdgeRules } from "../../../edge/rules.ts";
import type { TargetSocketOptions } from "../../../net/socket-options.ts";
import type { PoolHandle } from "../../../pool/pool.ts";
import type { LifecycleOptions } from "../../../proxy/options.ts";
import type { RemovalCause } from "../../../proxy/outcome.ts";
import type { TargetTlsBridge } from "../../engine.ts";

/** What a ServedPool says, as it can be posted. */
export interface PoolTerms extends LifecycleOptions {
  /** Sent to those who get no target; null: they are closed. */
  readonly text: Uint8Array | null;
  /** They are answered by a handler instead, over the bridge. */
  readonly handled: boolean;
  /** As in ServedPool. */
  readonly keepalive: number;
  readonly sockets: TargetSocketOptions | undefined;
  readonly sendProxy: SendProxy | undefined;
  readonly targetTls: TargetTlsBridge | undefined;
}

export interface PoolData {
  readonly number: number;
  readonly handle: PoolHandle;
  readonly terms: PoolTerms;
  /** It is being removed: what is served may go on for so many ms. Null: it is not. */
  readonly stopWithin: number | null;
}

/**
 * What an EdgeService says, as it can be posted. Its number is used as a pool's is: one that no listener has any more is retired by all
 * workers first, so that none hands over connections that came by it, and forgotten then.
 */
export interface EdgeData {
  readonly number: number;
  readonly rules: EdgeRules;
  /** The numbers of the pools, by the numbers of the routes; NO_POOL: none. */
  readonly pools: readonly number[];
}

export interface ListenerData {
  readonly number: number;
  /** A socket for each worker, in the order of their numbers; or one and the same for all. */
  readonly descriptors: readonly number[];
  /** Where its connections go: the number of a pool, or edgeService() of a service's. */
  readonly service: number;
  /** The number of its address. */
  readonly place: number;
}

/** What a worker is called by the limits of services. */
export function limitsThread(worker: number): number {
  return ENGINE_THREADS + worker;
}

/** In place of a pool's number: of a connection that is no pool's yet, and of a route that leads to none. */
export const NO_POOL = -1;
/** In place of a service's number, where there is none. */
export const NO_EDGE = -1;

/** Stands for the service of that number where else a pool's number would. */
export function edgeService(edge: number): number {
  return -1 - edge;
}

/** The number of a service; negative: it is the pool of that number. */
export function edgeOfService(service: number): number {
  return -1 - service;
}

/** A connection: its slot, and the generation of its client's end there. */
export type NamedSlot = readonly [slot: number, generation: number];

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
  /** These are taken off their targets, those that are still open, as Engine.end() says. */
  | { readonly type: "end"; readonly connections: readonly NamedSlot[]; readonly cause: RemovalCause }
  | { readonly type: "bridge"; readonly bridge: Bridge }
  /** There is this service, which a listener is going to have. */
  | { readonly type: "edge"; readonly edge: EdgeData }
  /** Done when none that came by it is asked anything by it any more: they come to that service (ListenerData), or null, are reset. */
  | { readonly type: "retire"; readonly edge: number; readonly service: number | null }
  /** Done when none is left that came by it. */
  | { readonly type: "forgetEdge"; readonly edge: number }
  /** Where to write what is known of clients: a part of it for each slot. */
  | { readonly type: "facts"; readonly facts: SharedArrayBuffer };

/** `serial` names it when it is done; 0: nobody wants to know. */
export interface PostedOrder {
  readonly serial: number;
  readonly order: Order;
}
