/**
 * The memory of a pool, but for what its algorithm keeps for itself: which arrays there are, and how large. The fields of a row
 * are arrays of their own (struct of arrays), so that a pick touches only the few it needs.
 */
import type { Cutter } from "./cutter.ts";
import { CLOCK_WORDS, HEADER_WORDS } from "./header.ts";
import { FANOUT, MinTree } from "./tree.ts";

/** More than any machine has threads for one balancer; untouched parts of the per-worker arrays take no real memory. */
export const MAX_WORKERS = 256;
/** An address as text, with the NUL that ends it: as much as sockaddr_un.sun_path of Linux holds. IP literals are shorter. */
export const ADDRESS_BYTES = 108;
/** Bindings that share a bucket: one or two cache lines to look through. */
export const BINDING_WAYS = 8;
/**
 * Bindings to a bucket, on average, above which the table grows. With two buckets to choose from practically none is full then, though
 * those that are yet to be split hold twice as many as the others; with 4, one client in 50,000 would find both full.
 */
export const BUCKET_LOAD = 3;

const MOST_LOST = 1024;

/** The options that decide how large the arrays are. */
export interface Capacity {
  readonly maxTargets: number;
  /** null: no bindings are kept. */
  readonly persistent: number | null;
  readonly maxBindings: number;
  readonly queue: number;
}

export type PoolLayout = ReturnType<typeof layOut>;

export function layOut(cutter: Cutter, capacity: Capacity) {
  // The trees read whole groups of children, so the arrays end on a full group.
  const rows = Math.ceil(capacity.maxTargets / FANOUT) * FANOUT;
  const bindings = capacity.persistent === null ? 0 : bindingSlots(capacity.maxBindings);
  const waiters = queueNodes(capacity.queue);
  return {
    rows,
    header: cutter.ints(HEADER_WORDS),
    clocks: cutter.doubles(CLOCK_WORDS),

    state: cutter.ints(rows),
    availability: cutter.ints(rows),
    weight: cutter.ints(rows),
    maxConnections: cutter.ints(rows),
    /** 1: it is a backup. */
    backup: cutter.ints(rows),
    active: cutter.ints(rows),
    /** Tells the identities apart that have had the row, one after the other. */
    incarnation: cutter.ints(rows),
    /** First and second half of the identity's hash, alike on every balancer. */
    identity: cutter.ints(2 * rows),
    /** Raised whenever the address is written. */
    addressVersion: cutter.ints(rows),
    /** 0: the address is the path of a Unix socket. */
    addressPort: cutter.ints(rows),
    /** Host or path, UTF-8, ended by a NUL. */
    addressText: cutter.bytes(rows * ADDRESS_BYTES),
    total: cutter.doubles(rows),
    failures: cutter.doubles(rows),
    bytesIn: cutter.doubles(rows),
    bytesOut: cutter.doubles(rows),
    /** Smoothed ms; negative before the first connection. */
    connectMs: cutter.doubles(rows),
    /** `clocks[PICKS]` when the row was last picked, 0 with an algorithm that has no use for it: breaks ties. */
    pickedAt: cutter.doubles(rows),
    failedAt: cutter.doubles(rows),
    /** Why a suspect is one: util/net-codes.ts; 0: it has not been connected to yet. Means nothing in other states. */
    failure: cutter.ints(rows),
    /** The suspects that have room, by `failedAt`. */
    suspects: MinTree.memory(cutter, rows),

    /** What each worker holds, so that a dead worker's part can be taken back: permits, and connections per row. */
    heldPermits: cutter.ints(MAX_WORKERS),
    heldRows: cutter.ints(MAX_WORKERS * rows),

    bindingKeys: cutter.ints(4 * bindings),
    /** Row and incarnation, in pairs. The row is stored plus one: 0 is an empty slot. */
    bindingTargets: cutter.ints(2 * bindings),
    bindingUsedAt: cutter.doubles(bindings),
    /** Open connections of the binding's client. */
    bindingOpen: cutter.ints(bindings),

    waiterTickets: cutter.doubles(waiters),
    waiterArrivals: cutter.doubles(waiters),
    /** The worker plus one; 0: the node is free. */
    waiterWorkers: cutter.ints(waiters),
    waiterNext: cutter.ints(waiters),
    waiterPrevious: cutter.ints(waiters),
    waiterGenerations: cutter.ints(waiters),
    /** ROOM_EVENTS when its pick found every target full; -1: it has not tried. */
    waiterSawRoom: cutter.ints(waiters),
    /** `clocks[SILENCES]` when it half-closed without having sent anything; 0: it has not; -1: it has lost its place for that. */
    waiterSilent: cutter.doubles(waiters),
    silentNext: cutter.ints(waiters),
    silentPrevious: cutter.ints(waiters),
    /** The first of each worker's waiters that have lost their places, plus one; linked by `waiterNext`, which is NONE or a node. */
    lostHeads: cutter.ints(MAX_WORKERS),
  };
}

/** Those that wait, one whose turn it is, and those that have lost their places and have not been told yet. */
function queueNodes(queue: number): number {
  return queue + 1 + mostLost(queue);
}

/** Waiters that may have lost their places at once: with more, a newcomer is turned away. A thread tells its own in its next turn. */
export function mostLost(queue: number): number {
  return Math.min(queue, MOST_LOST);
}

/** Slots for `wanted` bindings. No more of them are touched than are in use: see the table's growth in sticky.ts. */
function bindingSlots(wanted: number): number {
  if (wanted <= BINDING_WAYS) return BINDING_WAYS;
  return BINDING_WAYS * 2 ** Math.ceil(Math.log2(wanted / BUCKET_LOAD));
}
