/** A pool in one worker thread: its memory, the life of its connections here, and its targets' addresses. */
import type { SharedPool } from "../../../pool/pool.ts";
import type { Lifecycle } from "../../../proxy/lifecycle.ts";
import type { PoolTerms } from "../shared/orders.ts";
import type { TargetAddresses } from "./target-addresses.ts";

/** Who watches relays: see dead-paths.ts. */
export interface RelayWatch {
  /** ms without a sign of life. */
  readonly limit: number;
  /** When to look next. */
  readonly dueAt: number;
  look(): void;
  /** Bytes of this relay have moved. */
  watch(slot: number): void;
}

/** How sockets to targets are made, where that is not as the kernel does it: see target-sockets.ts. */
export interface TargetSockets {
  /** Of the target's end, from the start. */
  readonly bits: number;
  /** See `close` of TargetSocketOptions. */
  readonly resets: boolean;
  /** What the client has sent may go with the SYN: see fast-open.ts. */
  readonly fastOpen: boolean;
  /** How many ways there are to connect to a target of that family. */
  ways(family: number): number;
  /** Another connection begins: the way that it tries first. */
  nextTurn(family: number): number;
  /** Readies the slot's socket for the way of that number. Returns 0, or the errno of an address that cannot be had. */
  prepare(slot: number, fd: number, family: number, way: number): number;
}

export class PoolPart {
  readonly number: number;
  readonly pool: SharedPool;
  readonly addresses: TargetAddresses;
  /** Set by who makes it. */
  lifecycle!: Lifecycle<number, number>;
  terms: PoolTerms;
  /** It depends on `terms.keepalive`. */
  deadPaths: RelayWatch;
  /** As `terms.sockets` says. Null: connections to targets are made as the kernel does. */
  sockets: TargetSockets | null;
  /** It is on the shard's list of pools with waiters. */
  isQueued = false;
  /** It is to be forgotten once its last connection has ended. */
  isLeaving = false;

  constructor(
    number: number,
    pool: SharedPool,
    addresses: TargetAddresses,
    terms: PoolTerms,
    deadPaths: RelayWatch,
    sockets: TargetSockets | null,
  ) {
    this.number = number;
    this.pool = pool;
    this.addresses = addresses;
    this.terms = terms;
    this.deadPaths = deadPaths;
    this.sockets = sockets;
  }
}
