/**
 * The memory of a pool: one SharedArrayBuffer, cut into typed arrays here and nowhere else. Every thread computes the
 * same cut from the same options, so attaching needs no more than the buffer and the options.
 *
 * Fields of a row are arrays of their own (struct of arrays): a pick touches the few it needs. All of it is written
 * under the lock (lock.ts). 32-bit words and aligned doubles do not tear on the machines we run on, so a reader of mere
 * counters takes no lock.
 */

import { CLOCK_WORDS, HEADER_WORDS } from "./layout.ts";
import { FANOUT, treeNodes } from "./tree.ts";
import type { PoolOptions } from "./types.ts";

/** Enough for a large cluster behind one address; a row costs about 200 bytes. */
export const DEFAULT_MAX_TARGETS = 1024;
/** 32 bytes each: 2 MiB, as many clients as a busy site sees within the default idle time. */
export const DEFAULT_MAX_BINDINGS = 65_536;
/** More than any machine has threads for one balancer; untouched parts of the per-worker arrays take no real memory. */
export const MAX_WORKERS = 256;
/** A queue node takes 40 bytes: the longest queue is then 640 MiB, far beyond use, and node numbers stay exact. */
export const MAX_QUEUE = 1 << 24;
/** sockaddr_un.sun_path of Linux, its NUL included. */
export const ADDRESS_BYTES = 108;
/** Bindings that share a bucket: one or two cache lines to look through. */
export const BINDING_WAYS = 8;

export type Limits = Required<PoolOptions>;

/** The cut. Arrays that an option makes needless have length 0. */
export type Memory = ReturnType<typeof cut>;

/** Bytes the pool needs. */
export function sizeOf(limits: Limits): number {
  const cutter = new Cutter(null);
  cut(limits, cutter);
  return cutter.offset;
}

/** The typed arrays over `buffer`. */
export function view(limits: Limits, buffer: SharedArrayBuffer): Memory {
  return cut(limits, new Cutter(buffer));
}

/** Entries of the smallest hash table: of 1,000 sets of two to four targets one is more than 1 % off its weights, with 100,000 entries ten. */
const LEAST_ENTRIES = 1 << 18;

/** Entries of the hash table: a prime, over 100 per target, so that shares are even. Fixed per pool: another size would move all keys. */
export function hashTableSize(maxTargets: number): number {
  let size = Math.max(LEAST_ENTRIES, 100 * maxTargets) + 1;
  while (!isPrime(size)) size++;
  return size;
}

function cut(limits: Limits, cutter: Cutter) {
  // The trees read whole groups of children, so the arrays end on a full group.
  const rows = Math.ceil(limits.maxTargets / FANOUT) * FANOUT;
  const nodes = treeNodes(rows);
  const bindings = limits.persistent === null ? 0 : bindingSlots(limits.maxBindings);
  const tree = (used: boolean) => (used ? nodes : 0);
  const perRow = (used: boolean) => (used ? rows : 0);
  const ordered = limits.algorithm === "leastconn" || limits.algorithm === "roundrobin";
  const random = limits.algorithm === "random";
  const hash = limits.algorithm === "hash";
  return {
    rows,
    header: cutter.ints(HEADER_WORDS),
    clocks: cutter.doubles(CLOCK_WORDS),

    state: cutter.ints(rows),
    standing: cutter.ints(rows),
    weight: cutter.ints(rows),
    maxConnections: cutter.ints(rows),
    active: cutter.ints(rows),
    /** Tells the identities apart that have had the row, one after the other. */
    incarnation: cutter.ints(rows),
    /** First and second half of the identity's hash, alike on every balancer. */
    identity: cutter.ints(2 * rows),
    /** Bumped whenever the address is written. */
    addressVersion: cutter.ints(rows),
    addressKind: cutter.ints(rows),
    addressBytes: cutter.bytes(rows * ADDRESS_BYTES),
    total: cutter.doubles(rows),
    failures: cutter.doubles(rows),
    bytesIn: cutter.doubles(rows),
    bytesOut: cutter.doubles(rows),
    /** Smoothed ms; negative before the first connection. */
    connectMs: cutter.doubles(rows),
    /** `clocks[PICKS]` when the row was last picked: breaks ties. */
    pickedAt: cutter.doubles(rows),
    failedAt: cutter.doubles(rows),

    /** What each worker holds, so that a dead worker's share can be taken back: places, and per row connections. */
    heldPlaces: cutter.ints(MAX_WORKERS),
    heldRows: cutter.ints(MAX_WORKERS * rows),

    suspectKeys: cutter.doubles(rows),
    suspectNodes: cutter.ints(nodes),
    orderKeys: cutter.doubles(perRow(ordered)),
    orderNodes: cutter.ints(tree(ordered)),
    turnAt: cutter.doubles(perRow(limits.algorithm === "roundrobin")),
    sumLeaves: cutter.doubles(perRow(random)),
    sumNodes: cutter.doubles(tree(random)),
    random: cutter.ints(4),
    /** The weight with which the row stands in the hash table; 0: not in it. */
    listed: cutter.ints(perRow(hash)),
    hashTables: cutter.ints(hash ? 2 * hashTableSize(limits.maxTargets) : 0),

    bindingKeys: cutter.ints(4 * bindings),
    /** Row and incarnation, in pairs. Row is stored plus one: 0 is an empty slot. */
    bindingTargets: cutter.ints(2 * bindings),
    bindingUsedAt: cutter.doubles(bindings),

    waiterTickets: cutter.doubles(limits.queue),
    waiterArrivals: cutter.doubles(limits.queue),
    /** The worker plus one; 0: the node is free. */
    waiterWorkers: cutter.ints(limits.queue),
    waiterNext: cutter.ints(limits.queue),
    waiterPrevious: cutter.ints(limits.queue),
    waiterGenerations: cutter.ints(limits.queue),
    /** ROOM_EVENTS when its pick found every target full; -1: it has not tried. */
    waiterSawRoom: cutter.ints(limits.queue),
  };
}

/** Slots for at most `wanted` bindings: whole buckets, a power of two of them. */
function bindingSlots(wanted: number): number {
  const buckets = Math.max(1, Math.floor(wanted / BINDING_WAYS));
  return BINDING_WAYS * 2 ** Math.floor(Math.log2(buckets));
}

/** Hands out consecutive pieces of a buffer, or just adds up their sizes when there is none yet. */
class Cutter {
  offset = 0;
  readonly #buffer: SharedArrayBuffer | null;

  constructor(buffer: SharedArrayBuffer | null) {
    this.#buffer = buffer;
  }

  ints(length: number): Int32Array {
    const start = this.#advance(4 * length);
    return this.#buffer === null ? new Int32Array(0) : new Int32Array(this.#buffer, start, length);
  }

  doubles(length: number): Float64Array {
    const start = this.#advance(8 * length);
    return this.#buffer === null ? new Float64Array(0) : new Float64Array(this.#buffer, start, length);
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#buffer === null ? new Uint8Array(0) : new Uint8Array(this.#buffer, start, length);
  }

  /** Pieces start on cache lines (64 bytes), so that no two fields share one. */
  #advance(bytes: number): number {
    const start = this.offset;
    this.offset += Math.ceil(bytes / 64) * 64;
    return start;
  }
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return n > 1;
}
