/** The words of a pool: what its options, targets, clients and outcomes are. `pool.ts` re-exports them all. */
import type { Address } from "../net/runtime.ts";

export type Algorithm = "leastconn" | "roundrobin" | "random" | "hash";

/**
 * `up` takes connections. `suspect`: up by its own account, but connecting to it failed; it is only picked when nothing
 * else is left, until a probe or a connection succeeds. `draining`: no new connections, existing ones finish. `down`: lease
 * expired, reported unhealthy, or refused after its reporter was lost; it stays known until it reports again or leaves.
 */
export type TargetState = "up" | "suspect" | "draining" | "down";

export interface PoolOptions {
  readonly name: string;
  readonly algorithm: Algorithm;
  /** Idle ms after which a sticky binding is forgotten; null switches persistence off. */
  readonly persistent: number | null;
  /** Connections with a place at once; -1 no limit, 0 pauses. */
  readonly concurrency: number;
  /** Connections that may wait for a place or for a target below its limit. 0: none waits. */
  readonly queue: number;
  /** Rows. Default DEFAULT_MAX_TARGETS. */
  readonly maxTargets?: number;
  /** Sticky bindings kept at most (8 or more); the least recently used goes first. Default DEFAULT_MAX_BINDINGS. */
  readonly maxBindings?: number;
  /** Seeds the random pick and the placement of bindings: 0…2^53 - 1; default from crypto. */
  readonly seed?: number;
}

/** What a target's report decides. */
export interface TargetSpec {
  readonly identity: string;
  readonly address: Address;
  /** 0…1,000,000; 0 takes no new connections. */
  readonly weight: number;
  /** Connections at once; 0 is no limit. */
  readonly maxConnections: number;
}

/** One target as `targets()`, logs and (later) metrics read it. Times in ms, byte counts of ended and open connections. */
export interface TargetView extends TargetSpec {
  readonly state: TargetState;
  readonly active: number;
  readonly total: number;
  readonly failures: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Smoothed time to connect; null before the first. */
  readonly connectMs: number | null;
}

/** The client's address as four big-endian 32-bit words of its IPv6 form (IPv4 mapped to ::ffff:0:0/96): key of sticky and hash. */
export type ClientKey = Uint32Array;

/** `pick()` found no target that is registered and up (nor suspect). */
export const NO_TARGET = -1;
/** `pick()` found targets, but each is at its maxConnections: the connection may wait in the queue. */
export const ALL_FULL = -2;

/** A waiter that got its turn: engine thread `worker` continues its connection `ticket`. It holds a concurrency place. */
export interface Grant {
  readonly worker: number;
  readonly ticket: number;
}

/** Everything another thread needs to attach to a pool; can be posted to a worker. */
export interface PoolShared {
  readonly buffer: SharedArrayBuffer;
  readonly options: Required<PoolOptions>;
}

/** `enter()`: the connection has a place now. */
export const ADMITTED = -1;
/** `enter()` and `wait()`: the queue is full (or has no length at all). */
export const REFUSED = -2;
