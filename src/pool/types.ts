/** What a pool is told and what it answers. `pool.ts` re-exports all of it. */

import type { Address } from "../net/runtime.ts";
import type { AskedProxy } from "./asked-proxy.ts";
import type { Capacity } from "./layout.ts";
import type { PoolOptions } from "./options.ts";
import type { Suspicion } from "./suspicion.ts";

/**
 * `up` takes connections. `suspect`: its reporter says it is up, but connecting to it failed, or has not succeeded yet since it
 * came or came back; it is picked only when nothing else is left, not even a healthy target that is merely full, until a probe or
 * a connection succeeds; or its connections have shown something (suspicion.ts), which an answer lifts. `draining`: no new connections, open ones finish. `down`: its lease expired, it was reported unhealthy, or
 * it refused a probe after its reporter was lost; it stays known until it reports again or leaves. In panic (src/targets/panic.ts)
 * targets are up that are otherwise down.
 */
export type TargetState = "up" | "suspect" | "draining" | "down";

/** Top of the scale of weights. */
export const MAX_WEIGHT = 1_000_000;
/** As many priorities as anybody will tell apart; fewer keep the times of suspects exact (rows.ts). */
export const MAX_PRIORITY = 255;
/** Counts of connections are signed 32-bit numbers. */
export const MAX_CONNECTIONS = 2 ** 31 - 1;

/** Connections of a target that this balancer may have until then, by the pool's clock; none after that, and none at 0. */
export interface Credits {
  readonly count: number;
  readonly until: number;
}

/** What a target's report decides. */
export interface TargetSpec {
  readonly identity: string;
  readonly address: Address;
  /** 0…MAX_WEIGHT; 0 takes no new connections. */
  readonly weight: number;
  /** Connections at once; 0 is no limit. */
  readonly maxConnections: number;
  /** What of it this balancer may use, of several that share the target; absent: all. */
  readonly credits?: Credits | null;
  /** Connections that the others have there; default 0. */
  readonly elsewhere?: number;
  /**
   * 0…MAX_PRIORITY, default 0. It takes connections only while no target of a smaller number is up and has weight, be it that all of those
   * are full.
   */
  readonly priority?: number;
  /** It comes after all that are no backups, whatever the priority, which tells backups apart. Default false. */
  readonly backup?: boolean;
  /** Default "pool". */
  readonly sendProxy?: AskedProxy;
}

/** One target as `targets()`, logs and (later) metrics read it. Byte counts are of connections that have ended and of open ones. */
export interface TargetView extends Omit<TargetSpec, "credits"> {
  readonly priority: number;
  readonly backup: boolean;
  /** How many of `maxConnections` this balancer may use now; null: all. */
  readonly credits: number | null;
  readonly elsewhere: number;
  readonly sendProxy: AskedProxy;
  readonly state: TargetState;
  readonly active: number;
  readonly total: number;
  readonly failures: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Smoothed time to connect, ms; null before the first connection. */
  readonly connectMs: number | null;
  /** Why it is suspect: how the last attempt to connect failed, or what its connections have shown; null while there was none, and in other states. */
  readonly failure: Suspicion | null;
  /** It is served though nobody reports it any more, as long as it accepts connections: its whole pool is in panic. */
  readonly panic: boolean;
}

/** So many targets that have a row one after the other are told apart. */
export const INCARNATIONS = 1 << 7;

/** Answer of `pick()`: no target is registered that is up or suspect. */
export const NO_TARGET = -1;
/**
 * Answer of `pick()`: no target takes it now, and it may wait for one in the queue, since all that are up are at their
 * maxConnections, or one is yet to come.
 */
export const MAY_WAIT = -2;

/** Answer of `enter()`: the connection holds a permit. */
export const ADMITTED = -1;
/** Answer of `enter()` and `wait()`: the queue is full (or has no length at all). */
export const REFUSED = -2;

/** A waiter's turn has come: worker `worker` continues its connection `ticket`. A permit is set aside for it. */
export interface Grant {
  readonly worker: number;
  readonly ticket: number;
}

/** The parts of a pool's memory: see pool.ts. */
export interface PoolMemory {
  readonly core: SharedArrayBuffer;
  readonly rows: SharedArrayBuffer;
  readonly bindings: SharedArrayBuffer;
  readonly waiters: SharedArrayBuffer;
  readonly pickers: SharedArrayBuffer;
}

/** What another thread needs to attach to a pool; can be posted to it. */
export interface PoolHandle {
  /** How often the memory has moved. */
  readonly version: number;
  readonly memory: PoolMemory;
  readonly capacity: Capacity;
  readonly options: Required<PoolOptions>;
}
