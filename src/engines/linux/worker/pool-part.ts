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

export class PoolPart {
  readonly number: number;
  readonly pool: SharedPool;
  readonly addresses: TargetAddresses;
  /** Set by who makes it. */
  lifecycle!: Lifecycle<number, number>;
  terms: PoolTerms;
  /** It depends on `terms.keepalive`. */
  deadPaths: RelayWatch;
  /** It is on the shard's list of pools with waiters. */
  isQueued = false;
  /** It is to be forgotten once its last connection has ended. */
  isLeaving = false;

  constructor(number: number, pool: SharedPool, addresses: TargetAddresses, terms: PoolTerms, deadPaths: RelayWatch) {
    this.number = number;
    this.pool = pool;
    this.addresses = addresses;
    this.terms = terms;
    this.deadPaths = deadPaths;
  }
}
