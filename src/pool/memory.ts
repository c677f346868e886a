/**
 * The memory of a pool, in parts that move one by one when a setting or the number of targets needs more than there is. It starts as
 * zeros, which mean "empty" nearly everywhere: what nobody has used takes no memory, however much there may be of it.
 */
import { findAlgorithm } from "./algorithms/index.ts";
import { Cutter } from "./cutter.ts";
import { BINDING_WAYS, BUCKET_LOAD, type Capacity, type Cutters, layOut, mostLost, type PoolLayout } from "./layout.ts";
import type { PoolOptions } from "./options.ts";
import { FANOUT } from "./tree.ts";
import type { PoolHandle, PoolMemory } from "./types.ts";

type Options = Required<PoolOptions>;
type Part = keyof PoolMemory;

/**
 * Rows at first: all that is kept of them lies in a few pages then. With as many as there may be, each of the two dozen arrays would
 * have a page of its own, which a balancer of a thousand pools with a target or two would pay.
 */
const FIRST_ROWS = 64;
/** When they are used up there are so many times as many: rows are copied seldom, and a pool that grows to 100,000 copies six times. */
const GROWTH = 4;

/**
 * V8 has buffers from the C library, and glibc zeroes them by writing, so that each page takes memory at once, unless a buffer is
 * larger than this: then it is mapped, and a page takes memory when it is written. So there larger buffers than needed cost less.
 * Bun maps its buffers anyway, and collects garbage the more often the larger they are.
 */
const MAPPED_BYTES = process.platform === "linux" && process.versions.bun === undefined ? 33 * 2 ** 20 : 0;
/** Buffers below this are as large as needed: mapped, they would take a page or two anyway. */
const FEW_BYTES = 8192;

/** The memory of a new pool. */
export function firstHandle(options: Options): PoolHandle {
  const capacity = capacityFor(options, Math.min(FIRST_ROWS, mostRows(options)), { rows: 0, bindings: 0, waiters: 0 });
  const sizes = sizesOf(options, capacity);
  return { version: 0, options, capacity, memory: memoryOf((name) => allocate(sizes[name])) };
}

/** The same pool with other options, or with more rows. The parts that need not be others are the same as before. */
export function nextHandle(before: PoolHandle, options: Options, rows: number): PoolHandle {
  const capacity = capacityFor(options, rows, before.capacity);
  const sizesBefore = sizesOf(before.options, before.capacity);
  const sizes = sizesOf(options, capacity);
  const otherPickers = options.algorithm !== before.options.algorithm || capacity.rows !== before.capacity.rows;
  const stays = (name: Part) => sizes[name] === sizesBefore[name] && !(name === "pickers" && otherPickers);
  const memory = memoryOf((name) => (stays(name) ? before.memory[name] : allocate(sizes[name])));
  return { version: before.version + 1, options, capacity, memory };
}

/** How many rows there are to be when all are in use. */
export function moreRows({ capacity, options }: PoolHandle): number {
  return Math.min(GROWTH * capacity.rows, mostRows(options));
}

export function layoutOf({ memory, capacity }: PoolHandle): PoolLayout {
  const cutters: Cutters = {
    core: new Cutter(memory.core),
    rows: new Cutter(memory.rows),
    bindings: new Cutter(memory.bindings),
    waiters: new Cutter(memory.waiters),
  };
  return layOut(cutters, capacity);
}

/** The algorithm and its memory, twice: each group has a picker of its own (groups.ts). */
export function pickersOf({ memory, capacity, options }: PoolHandle) {
  return cutPickers(new Cutter(memory.pickers), options, capacity);
}

function cutPickers(cutter: Cutter, options: Options, { rows }: Capacity) {
  const algorithm = findAlgorithm(options.algorithm)!; // completeOptions() has found it
  const own = () => algorithm.memory(cutter, rows, mostRows(options));
  return { algorithm, own: [own(), own()] as const };
}

/** In bytes. */
function sizesOf(options: Options, capacity: Capacity): Record<Part, number> {
  const none = (): Cutter => new Cutter(null);
  const cutters = { core: none(), rows: none(), bindings: none(), waiters: none(), pickers: none() };
  layOut(cutters, capacity);
  cutPickers(cutters.pickers, options, capacity);
  const { core, rows, bindings, waiters, pickers } = cutters;
  return {
    core: core.offset,
    rows: rows.offset,
    bindings: bindings.offset,
    waiters: waiters.offset,
    pickers: pickers.offset,
  };
}

function memoryOf(part: (name: Part) => SharedArrayBuffer): PoolMemory {
  return {
    core: part("core"),
    rows: part("rows"),
    bindings: part("bindings"),
    waiters: part("waiters"),
    pickers: part("pickers"),
  };
}

function allocate(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes < FEW_BYTES ? bytes : Math.max(bytes, MAPPED_BYTES));
}

/** What there is stays, since it may be in use; but without persistence there are no bindings. */
function capacityFor(options: Options, rows: number, before: Capacity): Capacity {
  const { maxBindings, persistent, queue } = options;
  return {
    rows: Math.max(before.rows, rows),
    bindings: persistent === null ? 0 : Math.max(before.bindings, bindingSlots(maxBindings)),
    waiters: Math.max(before.waiters, queueNodes(queue)),
  };
}

function mostRows({ maxTargets }: Options): number {
  return Math.ceil(maxTargets / FANOUT) * FANOUT;
}

/** Those that wait, one whose turn it is, and those that have lost their places and have not been told yet. */
function queueNodes(queue: number): number {
  return queue + 1 + mostLost(queue);
}

/** Slots for `wanted` bindings. No more of them are touched than are in use: see the table's growth in sticky.ts. */
function bindingSlots(wanted: number): number {
  if (wanted <= BINDING_WAYS) return BINDING_WAYS;
  return BINDING_WAYS * 2 ** Math.ceil(Math.log2(wanted / BUCKET_LOAD));
}
