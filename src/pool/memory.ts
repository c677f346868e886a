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

/**
 * Rows at first: all that is kept of them lies in a few pages then. With as many as there may be, each of the two dozen arrays would
 * have a page of its own, which a balancer of a thousand pools with a target or two would pay.
 */
const FIRST_ROWS = 100_000;
/** When they are used up there are so many times as many: rows are copied seldom, and a pool that grows to 100,000 copies six times. */
const GROWTH = 4;

/** The memory of a new pool. */
export function firstHandle(options: Options): PoolHandle {
  const capacity = capacityFor(options, Math.min(FIRST_ROWS, mostRows(options)), { rows: 0, bindings: 0, waiters: 0 });
  return { version: 0, options, capacity, memory: memoryFor(options, capacity, {}) };
}

/** The same pool with other options, or with more rows. The parts that need not be others are the same as before. */
export function nextHandle(before: PoolHandle, options: Options, rows: number): PoolHandle {
  const capacity = capacityFor(options, rows, before.capacity);
  const { pickers, ...others } = before.memory;
  const alike = options.algorithm === before.options.algorithm && capacity.rows === before.capacity.rows;
  const memory = memoryFor(options, capacity, alike ? { ...others, pickers } : others);
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

/** The algorithm and its memory, twice: backups have a picker of their own. */
export function pickersOf({ memory, capacity, options }: PoolHandle) {
  return cutPickers(new Cutter(memory.pickers), options, capacity);
}

function cutPickers(cutter: Cutter, options: Options, { rows }: Capacity) {
  const algorithm = findAlgorithm(options.algorithm)!; // completeOptions() has found it
  const own = () => algorithm.memory(cutter, rows, mostRows(options));
  return { algorithm, own: [own(), own()] as const };
}

/** Takes those of the parts there are that have the right size. */
function memoryFor(options: Options, capacity: Capacity, parts: Partial<PoolMemory>): PoolMemory {
  const none = (): Cutter => new Cutter(null);
  const sizes = { core: none(), rows: none(), bindings: none(), waiters: none(), pickers: none() };
  layOut(sizes, capacity);
  cutPickers(sizes.pickers, options, capacity);
  const part = (name: keyof PoolMemory): SharedArrayBuffer => {
    const there = parts[name];
    const bytes = sizes[name].offset;
    return there?.byteLength === bytes ? there : new SharedArrayBuffer(bytes);
  };
  return {
    core: part("core"),
    rows: part("rows"),
    bindings: part("bindings"),
    waiters: part("waiters"),
    pickers: part("pickers"),
  };
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
