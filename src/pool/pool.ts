/**
 * A pool: targets that are interchangeable, and the policy that picks among them. All its state is in shared memory, so that every
 * thread of an engine sees the same numbers, and limits hold to the connection across threads.
 *
 * Threads. The creator's thread is worker 0 and has the Pool: besides traffic it adds, changes and removes targets, which it
 * names by identity, and changes settings. Any other thread has a SharedPool, attached by a handle, and knows targets by their row
 * alone. A row is not given to another identity while connections still count on it.
 *
 * Memory, in parts (PoolMemory) that every thread cuts alike (cutter.ts, memory.ts), so that a handle is no more than them, how large
 * they are, and the options:
 *
 *     core       header.ts, layout.ts   the lock, counts, the heads of lists, the permits that each worker holds
 *     rows       layout.ts              one array per field, read and changed through rows.ts and directory.ts; the connections
 *                                       that each worker has per row: given back when its thread dies
 *     bindings   layout.ts              sticky.ts
 *     waiters    layout.ts              queue.ts
 *     pickers    algorithms/            what the algorithm keeps for itself; one file each
 *
 * All but the core move when a setting changes, or when there are more targets than rows: move.ts.
 *
 * The lock (lock.ts) is one for all of it. Every write is made with it held; each operation holds it for about a microsecond or
 * less, and never across anything that blocks; only a move copies with it held. Without it are read: single words and counters
 * (32 bits or an aligned double are never half written); addressVersion, to see whether an address must be read again; and, by the
 * creator, what it alone writes: weights, limits, addresses. The one thing written without it is the work of Picker.prepare(), in
 * memory that only the creator uses until it is done.
 *
 * A thread that dies may hold the lock and leave anything half done. Therefore every count and list can be derived anew from the
 * rows' states, weights and limits, from the queue's nodes, and from what each worker holds: PoolParts.repair().
 */

import { clientText } from "../util/client-key.ts";
import type { NetCode } from "../util/net-codes.ts";
import { Directory } from "./directory.ts";
import {
  BACKUP,
  BACKUP_FULL,
  CONCURRENCY,
  COUNTS,
  EVICTIONS,
  FULL,
  HOLDING,
  LAST_BINDING,
  LAST_BINDING_RUN,
  OPEN,
} from "./header.ts";
import { firstHandle, moreRows, nextHandle } from "./memory.ts";
import { clear, move } from "./move.ts";
import { checkConcurrency, completeOptions, type PoolChanges, type PoolOptions } from "./options.ts";
import { CREATOR } from "./parts.ts";
import { SharedPool } from "./shared-pool.ts";
import type { PoolHandle, TargetSpec, TargetState, TargetView } from "./types.ts";

export type { ClientKey } from "../util/client-key.ts";
export { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName, DEFAULT_ALGORITHM } from "./algorithms/index.ts";
export type { PoolChanges, PoolOptions, PoolSettings } from "./options.ts";
export { SharedPool } from "./shared-pool.ts";
export * from "./types.ts";

/** Connections in a row: so many from one address by chance, or from the only client that is awake, are too few to matter. */
const MANY = 100;

/** Of the creator's thread. After a change of targets, limits or settings grant() is to be called: waiters may go on. */
export class Pool extends SharedPool {
  readonly #directory: Directory;
  /**
   * Told when the pool has other memory, before any thread finds that out: the handle is to be posted to all that are attached. The
   * lock is held. If it throws, nothing has changed.
   */
  onMove: ((handle: PoolHandle) => void) | null = null;

  /** RangeError: an option is out of its range. */
  static create(options: PoolOptions): Pool {
    return new Pool(firstHandle(completeOptions(options)));
  }

  private constructor(handle: PoolHandle) {
    super(
      handle,
      CREATOR,
      () => this.handle,
      (dead) => this.parts.repair(dead),
    );
    clear(this.parts);
    this.#directory = new Directory(this.parts, () => this.#move(this.options, moreRows(this.handle)));
  }

  /**
   * Adds the target, or updates the one of this identity, which keeps its connections and counters; one that left while it had
   * connections is back. "up" does not lift "suspect" unless the address has changed. RangeError: a value out of range, or the
   * pool is full.
   */
  set(spec: TargetSpec, state: TargetState): void {
    this.#directory.set(spec, state);
  }

  /** Lifts "suspect" too, as a probe that has succeeded does; `failure`: why it becomes one. False: unknown identity. */
  setState(identity: string, state: TargetState, failure: NetCode | null = null): boolean {
    return this.#directory.setState(identity, state, failure);
  }

  /** No new connections from now on; its row is free once the last one has ended. False: unknown identity. */
  remove(identity: string): boolean {
    return this.#directory.remove(identity);
  }

  /** No target is reported any more: those that are up or suspect are a last resort. A mark for whoever looks; picks do not ask. */
  get panic(): boolean {
    return this.#directory.panic;
  }

  set panic(panic: boolean) {
    this.#directory.panic = panic;
  }

  /** In order of registration; without those that have left. */
  targets(): TargetView[] {
    return this.#directory.views();
  }

  /** Another target would be refused. */
  get full(): boolean {
    return this.#directory.full;
  }

  suspects(): TargetView[] {
    return this.#directory.views("suspect");
  }

  /** Also one that has left and still has connections; it is shown as draining. */
  view(identity: string): TargetView | undefined {
    return this.#directory.view(identity);
  }

  /** Also right for a row whose target has just left. */
  identity(row: number): string {
    return this.#directory.identity(row);
  }

  /** Counts (32 bits, wrapping) clients that lost the target they were bound to because there are as many bindings as there may be. */
  get evictions(): number {
    return this.parts.layout.header[EVICTIONS]!;
  }

  /**
   * The address from which the last MANY connections came, all of them, though sticky bindings keep it on one target and there are
   * several that take load; null where this is not so.
   */
  get loneClient(): string | null {
    const { header, bindingKeys } = this.parts.layout;
    if (this.parts.bindings === null) return null; // what the header says is of a time when there were some
    const takeLoad =
      header[COUNTS + OPEN]! + header[COUNTS + FULL]! || header[COUNTS + BACKUP]! + header[COUNTS + BACKUP_FULL]!;
    if (takeLoad < 2 || header[LAST_BINDING_RUN]! < MANY) return null;
    const at = 4 * header[LAST_BINDING]!;
    return clientText(Uint32Array.from(bindingKeys.subarray(at, at + 4)));
  }

  /**
   * Other settings from now on; one that is not given, or undefined, stays as it is. Nothing that is open or waits is lost. Smaller
   * limits keep what is there and refuse what comes. Call grant() afterwards. RangeError: one is out of its range; nothing has changed.
   */
  change(settings: PoolChanges): void {
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    const before = this.options;
    const options = completeOptions({ ...before, ...Object.fromEntries(given) });
    const names = Object.keys(options) as (keyof PoolOptions)[];
    const changed = names.filter((name) => options[name] !== before[name]);
    if (changed.some((name) => name !== "concurrency")) this.#move(options, this.handle.capacity.rows);
    else if (changed.length > 0) this.setConcurrency(options.concurrency);
  }

  /** Permits from now on; -1 no limit, 0 pauses. Connections that hold one keep it. */
  setConcurrency(permits: number): void {
    checkConcurrency(permits);
    const { layout, lock } = this.parts;
    lock.take();
    layout.header[CONCURRENCY] = permits;
    lock.free();
    this.options = { ...this.options, concurrency: permits };
  }

  /**
   * For a balancer that has just started: those who find no target that is up wait for the first one, in the queue, until
   * endHold(). A suspect is not tried either: nobody has reached it yet.
   */
  hold(): void {
    this.#setHolding(1);
  }

  /** Those who find no target are told so from now on. Has no effect after the first target has come. */
  endHold(): void {
    this.#setHolding(0);
  }

  #setHolding(holding: 0 | 1): void {
    const { layout, lock } = this.parts;
    lock.take();
    layout.header[HOLDING] = holding;
    lock.free();
  }

  /**
   * Has the algorithm do at once what it would otherwise do within milliseconds, so that other threads pick by the targets as
   * they are now. For engines with threads, after changes.
   */
  settle(): void {
    for (const picker of this.parts.pickers) picker.prepare();
  }

  /**
   * A worker's thread has died: its lock is freed, what it may have left half done is derived anew, its connections and permits
   * no longer count, and its waiters are gone. Its number may be used again. Call grant() afterwards.
   */
  recover(worker: number): void {
    if (worker === CREATOR) throw new RangeError(`worker ${CREATOR} is the pool's creator`);
    const { lock } = this.parts;
    if (!lock.seize(worker)) lock.take();
    try {
      this.parts.repair(worker);
    } finally {
      lock.free();
    }
  }

  #move(options: Required<PoolOptions>, rows: number): void {
    const parts = move(this.parts, nextHandle(this.handle, options, rows), this.onMove);
    this.use(parts);
    this.#directory.use(parts);
  }
}
