/**
 * The memory of a pool, but for what its algorithm keeps for itself: which arrays there are, and how large. The fields of a row
 * are arrays of their own (struct of arrays), so that a pick touches only the few it needs.
 */
import type { Cutter } from "./cutter.ts";
import { CLOCK_WORDS, HEADER_WORDS } from "./header.ts";
import { MinTree } from "./tree.ts";

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

/** New clients of a tenth of a second, in which what is new is looked at; of more, the others are found by and by. */
const MOST_NEWS = 1 << 15;
const MOST_LOST = 1024;

/** How large the arrays are. */
export interface Capacity {
  /** A multiple of FANOUT: trees read whole groups of children. */
  readonly rows: number;
  /** Slots of the table of bindings. */
  readonly bindings: number;
  readonly waiters: number;
}

/** The parts of a pool's memory, each of which can move without the others. */
export interface Cutters {
  /** It never moves. */
  readonly core: Cutter;
  readonly rows: Cutter;
  readonly bindings: Cutter;
  readonly waiters: Cutter;
}

export type PoolLayout = ReturnType<typeof layOut>;

export function layOut(cutters: Cutters, { rows, bindings, waiters }: Capacity) {
  const { core, rows: ofRows, bindings: ofBindings, waiters: ofWaiters } = cutters;
  return {
    rows,
    header: core.ints(HEADER_WORDS),
    clocks: core.doubles(CLOCK_WORDS),
    /** What each worker holds, so that a dead worker's part can be taken back: permits, and `heldRows`. */
    heldPermits: core.ints(MAX_WORKERS),
    /** The first of each worker's waiters that have lost their places, plus one; linked by `waiterNext`, which is NONE or a node. */
    lostHeads: core.ints(MAX_WORKERS),

    state: ofRows.ints(rows),
    availability: ofRows.ints(rows),
    weight: ofRows.ints(rows),
    maxConnections: ofRows.ints(rows),
    /** The most that the row may have here: `maxConnections`, or less of it (`creditsUntil`), where NO_ROOM is none; 0: no limit. */
    limit: ofRows.ints(rows),
    /** Until when that less is more than none; 0: it may have all of `maxConnections`. */
    creditsUntil: ofRows.doubles(rows),
    /** Connections that other balancers have there. */
    elsewhere: ofRows.ints(rows),
    /** An index into ASKED_PROXIES. */
    sendProxy: ofRows.ints(rows),
    /** The smallest that can serves: groups.ts. */
    rank: ofRows.ints(rows),
    /** SERVING, NEXT or STANDING_BY, as its rank is. */
    group: ofRows.ints(rows),
    active: ofRows.ints(rows),
    /** Tells the identities apart that have had the row, one after the other. */
    incarnation: ofRows.ints(rows),
    /** First and second half of the identity's hash, alike on every balancer. */
    identity: ofRows.ints(2 * rows),
    /** Raised whenever the address is written. */
    addressVersion: ofRows.ints(rows),
    /** 0: the address is the path of a Unix socket. */
    addressPort: ofRows.ints(rows),
    /** Host or path, UTF-8, ended by a NUL. */
    addressText: ofRows.bytes(rows * ADDRESS_BYTES),
    total: ofRows.doubles(rows),
    failures: ofRows.doubles(rows),
    bytesIn: ofRows.doubles(rows),
    bytesOut: ofRows.doubles(rows),
    /** Smoothed ms; means nothing before the first connection. */
    connectMs: ofRows.doubles(rows),
    /** `clocks[PICKS]` when the row was last picked, 0 with an algorithm that has no use for it: breaks ties. */
    pickedAt: ofRows.doubles(rows),
    failedAt: ofRows.doubles(rows),
    /** Why a suspect is one: suspicion.ts; 0: it has not been connected to yet. Means nothing in other states. */
    failure: ofRows.ints(rows),
    // What connections have shown: silence.ts.
    /** When it last gave anybody a byte; 0: it has not. */
    answeredAt: ofRows.doubles(rows),
    /** Answers, older ones counting less. */
    experience: ofRows.doubles(rows),
    /** When somebody was last seen to wait for it. */
    waitedAt: ofRows.doubles(rows),
    /** Since when it is HUSHED. */
    hushedAt: ofRows.doubles(rows),
    /** ms: the longest wait, and that of another client; whose; and when that was learned. */
    habits: ofRows.doubles(2 * rows),
    habitOwners: ofRows.ints(2 * rows),
    taughtAt: ofRows.doubles(rows),
    /** ms: its longest silence lately, and when that ended. */
    gap: ofRows.doubles(rows),
    gapEndedAt: ofRows.doubles(rows),
    /** Since its last answer: who has asked and waited for long, how many, and the number of that time. */
    unanswered: ofRows.ints(rows),
    asker: ofRows.ints(rows),
    episode: ofRows.ints(rows),
    // Those that are out for it: ejection.ts.
    /** 1: it is counted in OUT. */
    isOut: ofRows.ints(rows),
    /** Connections in a row that it has failed. */
    strikes: ofRows.ints(rows),
    /** ms that it is out for, since when, when it is tried next and was tried last, and when it came back. */
    outMs: ofRows.doubles(rows),
    outAt: ofRows.doubles(rows),
    trialAt: ofRows.doubles(rows),
    triedAt: ofRows.doubles(rows),
    backAt: ofRows.doubles(rows),
    /** The suspects that have room, by `failedAt`, and before them the rows that are QUIET, by their connections. */
    suspects: MinTree.memory(ofRows, rows),

    /** Connections per row of each worker. */
    heldRows: ofRows.ints(MAX_WORKERS * rows),

    bindingKeys: ofBindings.ints(4 * bindings),
    /** Row and incarnation, in pairs. The row is stored plus one: 0 is an empty slot. */
    bindingTargets: ofBindings.ints(2 * bindings),
    bindingUsedAt: ofBindings.doubles(bindings),
    /** Open connections of the binding's client. */
    bindingOpen: ofBindings.ints(bindings),
    /** When it was last used, as far as other balancers know; below 0: one of them has said so. 0: they do not know of it. */
    bindingSharedAt: ofBindings.doubles(bindings),
    /** When the client was bound to that target: see binding-precedence.ts. Not above 0: others have not been told, and what it had before was bound at that, negated. */
    bindingBoundAt: ofBindings.doubles(bindings),
    /** Slots of bindings that are new, in a ring: the last of them is before `header[NEWS]`. */
    bindingNews: ofBindings.ints(newsSlots(bindings)),

    waiterTickets: ofWaiters.doubles(waiters),
    waiterArrivals: ofWaiters.doubles(waiters),
    /** The worker plus one; 0: the node is free. */
    waiterWorkers: ofWaiters.ints(waiters),
    waiterNext: ofWaiters.ints(waiters),
    waiterPrevious: ofWaiters.ints(waiters),
    waiterGenerations: ofWaiters.ints(waiters),
    /** ROOM_EVENTS when its pick found every target full; -1: it has not tried. */
    waiterSawRoom: ofWaiters.ints(waiters),
    /** `clocks[SILENCES]` when it half-closed without having sent anything; 0: it has not; -1: it has lost its place for that. */
    waiterSilent: ofWaiters.doubles(waiters),
    silentNext: ofWaiters.ints(waiters),
    silentPrevious: ofWaiters.ints(waiters),
  };
}

/** A power of two, as the slots of the table are. */
function newsSlots(bindings: number): number {
  return Math.min(bindings, MOST_NEWS);
}

/** Waiters that may have lost their places at once: with more, a newcomer is turned away. A thread tells its own in its next turn. */
export function mostLost(queue: number): number {
  return Math.min(queue, MOST_LOST);
}
