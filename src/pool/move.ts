/**
 * Gives a pool other memory while threads use it. The core, where the lock is, never moves, so that who holds the lock holds all of
 * it. Parts that become larger are copied with the lock held: rows and waiters keep their numbers, bindings their slots, and what
 * everybody holds stays exact. What an algorithm keeps is made anew from the rows as they are.
 *
 * A thread finds out when it next takes the lock, from a version beside it, and gets the handle before it goes on. Until then it may
 * read an old part without the lock, which nobody writes any more: what it finds there has been true, and may be a moment old, as it
 * might be in the new one. Only whose turn it is may not be missed: SharedPool.granted looks at the version first.
 */
import { FIRST_BACKUP } from "./groups.ts";
import { BUCKETS, CONCURRENCY, NEXT_RANK, NODES, PICKER, SHARING, SPAN, VERSION } from "./header.ts";
import { ADDRESS_BYTES, BINDING_WAYS, MAX_WORKERS, type PoolLayout } from "./layout.ts";
import { layoutOf, pickersOf } from "./memory.ts";
import { CREATOR, PoolParts } from "./parts.ts";
import type { PoolHandle } from "./types.ts";

/** For the creator, once: what is not to start as zeros. */
export function clear({ handle, layout, queue, bindings, pickers }: PoolParts): void {
  layout.header[CONCURRENCY] = handle.options.concurrency;
  layout.header[NEXT_RANK] = FIRST_BACKUP;
  queue.clear();
  bindings?.clear();
  for (const picker of pickers) picker.clear();
}

/** The creator's new parts, which all threads are to use from then on; `permits`: the most there may be. If `onMove` throws, nothing has changed. */
export function move(
  before: PoolParts,
  handle: PoolHandle,
  permits: number,
  onMove: ((handle: PoolHandle) => void) | null,
): PoolParts {
  const parts = new PoolParts(handle, layoutOf(handle), CREATOR, before.lock, before);
  const { layout, lock, pickers } = parts;
  if (pickers !== before.pickers) preparePickers(before, parts);
  lock.take();
  try {
    copyParts(before, parts);
    parts.rows.rebuild();
    onMove?.(handle);
    if (before.bindings === null) parts.bindings?.clear();
    layout.header[CONCURRENCY] = permits;
    Atomics.store(layout.header, VERSION, handle.version);
    parts.ejection.reconsider();
  } finally {
    lock.free();
  }
  return parts;
}

/** Has new pickers learn of the targets, and do what takes long before the lock is taken. */
function preparePickers(before: PoolParts, { handle, layout, pickers }: PoolParts): void {
  const span = layout.header[SPAN]!;
  if (before.handle.memory.rows !== handle.memory.rows) copyRows(before.layout, layout); // copied again with the lock held
  for (const picker of pickers) {
    picker.clear();
    picker.grow(0, span);
  }
  if (movePickers(before.handle, handle)) return;
  for (let row = 0; row < span; row++) {
    const picker = pickers[layout.group[row]! & PICKER]!;
    picker.onAdded(row);
    picker.onChanged(row);
  }
  for (const picker of pickers) picker.prepare();
}

function copyParts(before: PoolParts, parts: PoolParts): void {
  const [from, to] = [before.handle.memory, parts.handle.memory];
  if (from.rows !== to.rows) copyRows(before.layout, parts.layout);
  if (from.bindings !== to.bindings && before.bindings !== null && parts.bindings !== null) {
    copyBindings(before.layout, parts.layout);
  }
  if (from.waiters !== to.waiters) copyWaiters(before.layout, parts.layout);
  if (from.pickers !== to.pickers) movePickers(before.handle, parts.handle);
}

function copyRows(from: PoolLayout, to: PoolLayout): void {
  const span = from.header[SPAN]!;
  for (const name of [
    "state",
    "availability",
    "weight",
    "maxConnections",
    "limit",
    "elsewhere",
    "sendProxy",
    "rank",
    "group",
    "active",
    "incarnation",
  ] as const) {
    copy(from[name], to[name], span);
  }
  for (const name of ["addressVersion", "addressPort", "failure"] as const) copy(from[name], to[name], span);
  for (const name of ["unanswered", "asker", "episode", "isOut", "strikes"] as const) copy(from[name], to[name], span);
  for (const name of OBSERVED) copy(from[name], to[name], span);
  copy(from.habits, to.habits, 2 * span);
  copy(from.habitOwners, to.habitOwners, 2 * span);
  for (const name of [
    "total",
    "failures",
    "bytesIn",
    "bytesOut",
    "connectMs",
    "pickedAt",
    "failedAt",
    "creditsUntil",
  ] as const) {
    copy(from[name], to[name], span);
  }
  copy(from.identity, to.identity, 2 * span);
  copy(from.addressText, to.addressText, ADDRESS_BYTES * span);
  to.suspects.keys.set(from.suspects.keys); // whole groups
  for (let worker = 0; worker < MAX_WORKERS; worker++) {
    const held = from.heldRows.subarray(worker * from.rows, worker * from.rows + span);
    const there = to.heldRows.subarray(worker * to.rows, worker * to.rows + span);
    // Of threads that there are not all are zeros, which takes no memory unless it is written.
    if (held.some((count, row) => count !== there[row])) there.set(held);
  }
}

const OBSERVED = [
  "answeredAt",
  "experience",
  "waitedAt",
  "hushedAt",
  "taughtAt",
  "gap",
  "gapEndedAt",
  "outMs",
  "outAt",
  "trialAt",
  "triedAt",
  "backAt",
] as const;

/** The buckets in use: a table that may become larger has the same ones. */
function copyBindings(from: PoolLayout, to: PoolLayout): void {
  const slots = from.header[BUCKETS]! * BINDING_WAYS;
  copy(from.bindingKeys, to.bindingKeys, 4 * slots);
  copy(from.bindingTargets, to.bindingTargets, 2 * slots);
  copy(from.bindingUsedAt, to.bindingUsedAt, slots);
  copy(from.bindingOpen, to.bindingOpen, slots);
  if (from.header[SHARING] === 0) return;
  copy(from.bindingSharedAt, to.bindingSharedAt, slots);
  copy(from.bindingBoundAt, to.bindingBoundAt, slots);
}

function copyWaiters(from: PoolLayout, to: PoolLayout): void {
  const nodes = from.header[NODES]!;
  for (const name of ["waiterTickets", "waiterArrivals", "waiterSilent"] as const) copy(from[name], to[name], nodes);
  for (const name of ["waiterWorkers", "waiterNext", "waiterPrevious", "waiterGenerations", "waiterSawRoom"] as const) {
    copy(from[name], to[name], nodes);
  }
  for (const name of ["silentNext", "silentPrevious"] as const) copy(from[name], to[name], nodes);
}

/** An algorithm that stays keeps what it has not derived. False: it begins anew. */
function movePickers(before: PoolHandle, after: PoolHandle): boolean {
  const from = pickersOf(before);
  const to = pickersOf(after);
  if (from.algorithm !== to.algorithm) return false;
  const moved = [0, 1].map((i) => to.algorithm.move?.(from.own[i] as never, to.own[i] as never) ?? false);
  return moved.every((each) => each);
}

function copy<A extends Int32Array | Float64Array | Uint8Array>(from: A, to: A, length: number): void {
  to.set(from.subarray(0, length));
}
