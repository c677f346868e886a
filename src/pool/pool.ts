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
import { BindingExchange } from "./binding-exchange.ts";
import { type BindingView, bindingViews } from "./binding-views.ts";
import type { PoolTotals, RowCounters, TargetRow } from "./counters.ts";
import { Directory } from "./directory.ts";
import { countNext, countServing } from "./groups.ts";
import {
  BINDINGS,
  BY_OPTION,
  CONCURRENCY,
  EJECTIONS,
  EVICTIONS,
  FOR_SLEEPERS,
  HOLDING,
  LAST_BINDING,
  LAST_BINDING_RUN,
  PATIENCE,
  REGROUPED,
} from "./header.ts";
import { firstHandle, moreRows, nextHandle } from "./memory.ts";
import { clear, move } from "./move.ts";
import { checkConcurrency, completeOptions, type PoolChanges, type PoolOptions } from "./options.ts";
import { CREATOR } from "./parts.ts";
import { SharedPool } from "./shared-pool.ts";
import { OBSERVATIONS, type Observation, type Suspicion } from "./suspicion.ts";
import { INCARNATIONS, type PoolHandle, type TargetSpec, type TargetState, type TargetView } from "./types.ts";

export type { ClientKey } from "../util/client-key.ts";
export { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName, DEFAULT_ALGORITHM } from "./algorithms/index.ts";
export type { BindingView } from "./binding-views.ts";
export type { PoolTotals, RowCounters, TargetRow } from "./counters.ts";
export { rankOf } from "./groups.ts";
export type { PoolChanges, PoolOptions, PoolSettings } from "./options.ts";
export { SharedPool } from "./shared-pool.ts";
export * from "./suspicion.ts";
export * from "./types.ts";

/** Connections in a row: so many from one address by chance, or from the only client that is awake, are too few to matter. */
const MANY = 100;

/** Of the creator's thread. After a change of targets, limits or settings grant() is to be called: waiters may go on. */
export class Pool extends SharedPool {
  readonly #directory: Directory;
  /** With other balancers. */
  readonly exchange = new BindingExchange(() => this.parts);
  /** The header's count when pickers were last told that rows may have gone from one to the other in another thread. */
  #regrouped = 0;
  #sleeping = 0;
  #part: ((concurrency: number) => number) | null = null;
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
    this.#setPatience(BY_OPTION, this.options.queueWhenEmpty > 0);
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
  setState(identity: string, state: TargetState, failure: Suspicion | null = null): boolean {
    return this.#directory.setState(identity, state, failure);
  }

  /** Another weight, of all that set() says. RangeError: it is out of range. False: unknown identity. */
  setWeight(identity: string, weight: number): boolean {
    return this.#directory.setWeight(identity, weight);
  }

  /**
   * Nothing is heard of the target's machine, or it is heard again: in between it is suspect, unless it sends anybody anything, or as
   * many are out already as the pool's share allows. `now` by the engine's time. False: nothing has changed.
   */
  silence(identity: string, isSilent: boolean, now: number): boolean {
    return this.#directory.silence(identity, isSilent, now);
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

  /** That this target has now, also one that has left. */
  connections(identity: string): number {
    const row = this.#directory.row(identity);
    return row < 0 ? 0 : this.parts.layout.active[row]!;
  }

  /** As targets(), but only what is read at once. */
  targetRows(): TargetRow[] {
    return this.#directory.targetRows();
  }

  /** What has been counted in each row until now. */
  counters(): RowCounters {
    return this.#directory.counters();
  }

  /** What has been counted of all targets that it has and had. */
  totals(): PoolTotals {
    return this.#directory.totals();
  }

  /** How often targets were taken out for what their connections had shown, by that. */
  ejections(): Record<Observation, number> {
    const { clocks } = this.parts.layout;
    return Object.fromEntries(OBSERVATIONS.map((each, n) => [each, clocks[EJECTIONS + n]!])) as Record<
      Observation,
      number
    >;
  }

  /** Sticky bindings, with those that have expired and whose place nobody has needed since; null: it makes none. */
  get bindings(): number | null {
    return this.parts.bindings === null ? null : this.parts.layout.header[BINDINGS]!;
  }

  /** They, one by one; `now`: the engine's time, which the pool counts in. See binding-views.ts for what comes and goes meanwhile. */
  bindingViews(now: () => number): Generator<BindingView> {
    return bindingViews(() => this.parts, now);
  }

  /** The row of the target, which may have left and still have connections; -1: it is not known. */
  row(identity: string): number {
    return this.#directory.row(identity);
  }

  /** Also right for a row whose target has just left. */
  identity(row: number): string {
    return this.#directory.identity(row);
  }

  /** The identity that had the row when incarnation() gave that; null: two others have had it since. */
  identityAt(row: number, incarnation: number): string | null {
    const ago = (this.incarnation(row) - incarnation) & (INCARNATIONS - 1);
    if (ago > 1) return null;
    return ago === 0 ? this.#directory.identity(row) : this.#directory.identityBefore(row);
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
    const takeLoad = countServing(header) || countNext(header);
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
    const ofMemory = changed.filter((name) => name !== "concurrency" && name !== "queueWhenEmpty");
    if (ofMemory.length > 0) this.#move(options, this.handle.capacity.rows);
    else if (changed.includes("concurrency")) this.setConcurrency(options.concurrency);
    this.#setPatience(BY_OPTION, options.queueWhenEmpty > 0);
    this.options = { ...this.options, queueWhenEmpty: options.queueWhenEmpty };
  }

  /** Permits from now on; -1 no limit, 0 pauses. Connections that hold one keep it. */
  setConcurrency(concurrency: number): void {
    checkConcurrency(concurrency);
    this.#setPermits(concurrency);
    this.options = { ...this.options, concurrency };
  }

  /**
   * Other balancers use the pool's concurrency as well: `part` says how much of a limit is this one's, and is asked for each new limit. null: all
   * of it. What is open stays so. To be called again when the part is another one, and grant() afterwards.
   */
  share(part: ((concurrency: number) => number) | null): void {
    this.#part = part;
    this.#setPermits(this.options.concurrency);
  }

  /** How many of its concurrency may be used here; -1: no limit. */
  get permits(): number {
    return this.parts.layout.header[CONCURRENCY]!;
  }

  #setPermits(concurrency: number): void {
    const permits = this.#permitsOf(concurrency);
    const { layout, lock } = this.parts;
    lock.take();
    layout.header[CONCURRENCY] = permits;
    lock.free();
  }

  #permitsOf(concurrency: number): number {
    if (this.#part === null || concurrency <= 0) return concurrency;
    return Math.min(concurrency, Math.max(0, this.#part(concurrency)));
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

  /**
   * So many of its targets start when somebody waits. As long as there are any, and as with the option `queueWhenEmpty`, those who find no
   * target that is up wait for one in the queue, and try no suspect. Call grant() after a change.
   */
  get sleeping(): number {
    return this.#sleeping;
  }

  set sleeping(sleeping: number) {
    this.#sleeping = sleeping;
    this.#setPatience(FOR_SLEEPERS, sleeping > 0);
  }

  #setPatience(bit: number, on: boolean): void {
    const { layout, lock } = this.parts;
    lock.take();
    const others = layout.header[PATIENCE]! & ~bit;
    layout.header[PATIENCE] = on ? others | bit : others;
    lock.free();
  }

  #setHolding(holding: 0 | 1): void {
    const { layout, lock } = this.parts;
    lock.take();
    layout.header[HOLDING] = holding;
    lock.free();
  }

  /**
   * Has the algorithm do at once what it would otherwise do within milliseconds, so that other threads pick by the targets as
   * they are now. For engines with threads, after changes, and now and then: another thread may have found that other priorities serve.
   */
  settle(): void {
    const { layout, lock } = this.parts;
    const regrouped = layout.header[REGROUPED]!;
    if (regrouped !== this.#regrouped) {
      this.#regrouped = regrouped;
      lock.take();
      for (const picker of this.parts.pickers) picker.rebuild();
      lock.free();
    }
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
    const permits = this.#permitsOf(options.concurrency);
    const parts = move(this.parts, nextHandle(this.handle, options, rows), permits, this.onMove);
    this.use(parts);
    this.#directory.use(parts);
  }
}
