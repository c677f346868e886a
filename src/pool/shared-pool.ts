/** The pool as every thread has it: permits, the queue, picks, and the counts of each row. */

import type { Address } from "../net/runtime.ts";
import type { ClientKey } from "../util/client-key.ts";
import type { NetCode } from "../util/net-codes.ts";
import { Addresses } from "./address.ts";
import type { Choice } from "./choice.ts";
import { countNext, countServing } from "./groups.ts";
import {
  BACKUP,
  CONCURRENCY,
  COUNTS,
  GRANTED,
  HUSHED,
  LOST,
  MISSED,
  OPEN,
  PATIENCE,
  PERMITS,
  SILENT,
  UP,
  VERSION,
  WAITING,
  WATCHED,
} from "./header.ts";
import { MAX_WORKERS, type PoolLayout } from "./layout.ts";
import { Lock } from "./lock.ts";
import { LookUps } from "./look-ups.ts";
import { layoutOf } from "./memory.ts";
import type { PoolOptions } from "./options.ts";
import { PoolParts } from "./parts.ts";
import type { Queue } from "./queue.ts";
import type { Rows } from "./rows.ts";
import type { Seen } from "./silence.ts";
import { type Grant, INCARNATIONS, MAY_WAIT, type PoolHandle } from "./types.ts";

/** Times (`now`) are in ms, by one clock per pool. */
export class SharedPool {
  readonly #worker: number;
  readonly #lock: Lock;
  readonly lookUps: LookUps;
  /** Answers are to be told of (`answered()`, `unanswered()`), and who waits (`observe()`). */
  observes = false;
  watches = false;
  // What follows is of the memory that this thread uses, and is replaced when that moves.
  #options!: Required<PoolOptions>;
  #parts!: PoolParts;
  #layout!: PoolLayout;
  #choice!: Choice;
  #rows!: Rows;
  #queue!: Queue;
  #addresses!: Addresses;

  /**
   * `worker` is a number from 1 that no other living thread has. `adopt` gives the latest handle that the thread has been posted
   * (Pool.onMove): it is called, maybe with the lock held, when the pool's memory has moved.
   */
  static attach(handle: PoolHandle, worker: number, adopt: () => PoolHandle = () => handle): SharedPool {
    if (!Number.isInteger(worker) || worker < 1 || worker >= MAX_WORKERS) {
      throw new RangeError(`worker ${worker}: 1 to ${MAX_WORKERS - 1} is allowed`);
    }
    return new SharedPool(handle, worker, adopt, null);
  }

  protected constructor(
    handle: PoolHandle,
    worker: number,
    adopt: () => PoolHandle,
    onAbandoned: ((worker: number) => void) | null,
  ) {
    const layout = layoutOf(handle);
    this.#worker = worker;
    this.#lock = new Lock(layout.header, worker, onAbandoned, handle.version, () => this.#adopt(adopt()));
    this.lookUps = new LookUps(layout.header, this.#lock, () => this.#parts);
    this.use(new PoolParts(handle, layout, worker, this.#lock, null));
  }

  /** `concurrency` is only up to date in the creator's thread. */
  get options(): Required<PoolOptions> {
    return this.#options;
  }

  protected set options(options: Required<PoolOptions>) {
    this.#options = options;
  }

  /** Of the memory that this thread uses. */
  get handle(): PoolHandle {
    return this.#parts.handle;
  }

  protected get parts(): PoolParts {
    return this.#parts;
  }

  protected use(parts: PoolParts): void {
    this.#options = parts.handle.options;
    this.#parts = parts;
    this.#layout = parts.layout;
    this.#choice = parts.choice;
    this.#rows = parts.rows;
    this.#queue = parts.queue;
    this.observes = parts.observes;
    this.watches = parts.watches;
    this.#addresses = new Addresses(parts.layout, this.#lock);
    this.#lock.version = parts.handle.version;
  }

  /** The pool's memory has moved. */
  #adopt(handle: PoolHandle): void {
    if (handle.version < Atomics.load(this.#layout.header, VERSION)) {
      throw new Error(`worker ${this.#worker} has not been told of the new memory of pool "${this.options.name}"`);
    }
    this.use(new PoolParts(handle, layoutOf(handle), this.#worker, this.#lock, this.#parts));
  }

  /** Connections that hold a permit. */
  get active(): number {
    return this.#layout.header[PERMITS]!;
  }

  /** Connections in the queue, with one whose turn it is. */
  get waiting(): number {
    const { header } = this.#layout;
    return header[WAITING]! + (header[GRANTED] === 0 ? 0 : 1);
  }

  /** No target is up, be it a full one, and those who come wait for one (Pool.patience, Pool.sleeping). */
  get awaitsTarget(): boolean {
    const { header } = this.#layout;
    return header[PATIENCE] !== 0 && countServing(header) + countNext(header) === 0;
  }

  /** Somebody waits in the queue, and not for a permit. */
  get isWanting(): boolean {
    const { header } = this.#layout;
    return header[WAITING]! > 0 && (header[CONCURRENCY]! < 0 || header[PERMITS]! < header[CONCURRENCY]!);
  }

  /** Whether it is the turn of a waiter of this worker, which grant() names then. */
  get granted(): boolean {
    const node = Atomics.load(this.#layout.header, GRANTED) - 1;
    if (node >= 0) this.#lock.follow(); // that node may be one that is new
    return node >= 0 && this.#layout.waiterWorkers[node] === this.#worker + 1;
  }

  /** Whether somebody called grant() while it was a waiter's turn, who may have known of something for another one. */
  get grantMissed(): boolean {
    return this.#layout.header[MISSED] !== 0;
  }

  /** ADMITTED: it holds a permit. REFUSED: the queue is full. Anything else: it waits, and this number names it for cancel(). */
  enter(ticket: number): number {
    this.#lock.take();
    try {
      return this.#queue.enter(ticket);
    } finally {
      this.#lock.free();
    }
  }

  /**
   * After a pick() that gave MAY_WAIT: gives the permit back and waits at the queue's end. Answers as enter() does, but never
   * ADMITTED. Call grant() afterwards.
   */
  wait(ticket: number): number {
    this.#lock.take();
    try {
      this.#queue.leave();
      return this.#queue.enqueue(ticket, this.#choice.sawRoom);
    } finally {
      this.#lock.free();
    }
  }

  /** Leaves the queue, whether or not its turn has come. False: this worker has no such waiter. Call grant() afterwards. */
  cancel(waiter: number): boolean {
    this.#lock.take();
    try {
      return this.#queue.cancel(waiter);
    } finally {
      this.#lock.free();
    }
  }

  /** This worker's waiter has half-closed and had sent nothing: if the queue is full, it loses its place to a newcomer. */
  silent(waiter: number): void {
    this.#lock.take();
    this.#queue.silent(waiter);
    this.#lock.free();
  }

  /** Something that waiters take is short: one that is silent, of any worker, loses its place as it would to a newcomer of a full queue. */
  giveWay(): void {
    if (this.silentWaiters === 0) return;
    this.#lock.take();
    this.#queue.giveWay();
    this.#lock.free();
  }

  /** Waiters, of any worker, that have half-closed and had sent nothing. */
  get silentWaiters(): number {
    return this.#layout.header[SILENT]!;
  }

  /** Waiters, of any worker, that have lost their places and have not been told: enter() and wait() of others have them lose it. */
  get lost(): number {
    return this.#layout.header[LOST]!;
  }

  /** Whether there are such of that worker, whose thread is then to be woken. */
  hasLost(worker: number): boolean {
    return Atomics.load(this.#layout.lostHeads, worker) !== 0;
  }

  /** The ticket of one of this worker's, which does not wait any more; -1: there is none. */
  takeLost(): number {
    if (!this.hasLost(this.#worker)) return -1;
    this.#lock.take();
    try {
      return this.#queue.takeLost();
    } finally {
      this.#lock.free();
    }
  }

  /** Gives a permit back. */
  leave(): void {
    this.#lock.take();
    try {
      this.#queue.leave();
    } finally {
      this.#lock.free();
    }
  }

  /**
   * The waiter whose turn it is: another one's only after that one has picked by pickGranted() or was cancelled. It becomes the
   * turn of the first one if a permit is free and a target has room, or no target at all is left (the pick will say so). To be
   * called until it gives null or another worker's, after leave, wait, pickGranted, cancel, release, failed, recover, and changes
   * of targets and limits. Another worker's thread is to be woken, which finds `granted` true.
   */
  grant(): Grant | null {
    // Without the lock the count may be a moment old, as it could be a moment after any look at it.
    if (this.waiting === 0) return null;
    this.#lock.take();
    try {
      return this.#queue.grant();
    } finally {
      this.#lock.free();
    }
  }

  /**
   * The row for a connection of this client, already counted as active there; or NO_TARGET; or MAY_WAIT when a target that is not
   * in `tried` is at its limit, or when a target is waited for (Pool.hold(), PoolOptions.queueWhenEmpty, Pool.sleeping). First comes the target that the client is
   * bound to, then what the algorithm picks among those that are up, then among backups that are up, then the suspect that failed
   * longest ago, backups last; nothing, if a target that is up and comes before is merely full. A binding to a backup counts only
   * while backups are picked. Binds the client to that row, unless its own target is merely full, or the client has no address (all zeros).
   */
  pick(client: ClientKey, tried: readonly number[], now: number): number {
    this.#choice.prepare();
    this.#lock.take();
    try {
      return this.#choice.pick(client, tried, now);
    } finally {
      this.#lock.free();
    }
  }

  /**
   * The pick of a waiter of this worker, whose turn it is. It waits on if the answer is MAY_WAIT: at the head if it has tried
   * nothing yet, since another connection took the room it was granted for, else at the end. Otherwise it holds a permit now.
   */
  pickGranted(ticket: number, client: ClientKey, tried: readonly number[], now: number): number {
    this.#choice.prepare();
    this.#lock.take();
    try {
      const row = this.#choice.pick(client, tried, now);
      if (row === MAY_WAIT) this.#queue.returnTurn(ticket, this.#choice.sawRoom, tried.length === 0);
      else this.#queue.endTurn(ticket);
      return row;
    } finally {
      this.#lock.free();
    }
  }

  /** The connection to the target stands, after `ms`. */
  connected(row: number, ms: number): void {
    this.#lock.take();
    try {
      this.#rows.connected(row, ms);
    } finally {
      this.#lock.free();
    }
  }

  /** The target has given a connection its first byte, after `ms`: see Picker.onAnswered(). Once for each, and only while `observes`. */
  answered(row: number, ms: number, now: number): void {
    this.#lock.take();
    try {
      this.#rows.answered(row, ms, now);
      this.#parts.ejection.answered(row, ms, now);
    } finally {
      this.#lock.free();
    }
  }

  /** The target has ended a connection before it gave it a byte; or (`ms`) the client has, which asked so long ago. Only while `observes`. */
  unanswered(row: number, ms: number | null, now: number): void {
    this.#lock.take();
    this.#parts.ejection.unanswered(row, ms, now);
    this.#lock.free();
  }

  /** Some row is to be looked at again, whether or not this thread has something to tell of it. */
  get watched(): boolean {
    return this.#layout.header[WATCHED] !== 0;
  }

  /** What this thread has seen of answers and waits since it last told, and what follows from that. To be called a few times a second. Call grant() afterwards. */
  observe(seen: Seen, now: number): void {
    this.#lock.take();
    try {
      const { ejection, silence } = this.#parts; // the lock may have come with others
      seen.tell(silence, now);
      this.#layout.header[WATCHED] = silence.look(now) + ejection.look(now);
    } finally {
      this.#lock.free();
    }
  }

  /** Since when its target is out for answering nobody; 0: it is not, or there is no better one. */
  silentSince(row: number): number {
    const { header } = this.#layout;
    const isBetter = header[COUNTS + OPEN]! > 0 || (countServing(header) === 0 && header[COUNTS + BACKUP]! > 0);
    return isBetter ? this.#parts.ejection.silentSince(row) : 0;
  }

  /** Connecting failed with `code`: the target becomes suspect, and this connection no longer counts on it. */
  failed(row: number, client: ClientKey, now: number, code: NetCode = "EUNKNOWN"): void {
    this.#lock.take();
    try {
      this.#parts.bindings?.close(client, now);
      this.#rows.failed(row, now, code);
      if (this.observes) this.#parts.ejection.failed(row);
    } finally {
      this.#lock.free();
    }
  }

  /** The connection has ended. The bytes are those that addBytes() has not been told of. */
  release(row: number, client: ClientKey, bytesIn: number, bytesOut: number, now: number): void {
    this.#lock.take();
    try {
      this.#rows.addBytes(row, bytesIn, bytesOut);
      this.#parts.bindings?.close(client, now);
      this.#rows.removeConnection(row);
    } finally {
      this.#lock.free();
    }
  }

  /** Whether the target takes new connections, apart from its limit and its weight. */
  isUp(row: number): boolean {
    this.#lock.take(); // so that it is the memory of now
    const state = this.#layout.state[row];
    this.#lock.free();
    return state === UP || state === HUSHED;
  }

  /** The client is bound to that target no longer, if it was. */
  unbind(client: ClientKey, row: number): void {
    this.#lock.take();
    this.#parts.bindings?.forget(client, row);
    this.#lock.free();
  }

  /** Bytes that a connection has moved so far, so that the counts of a long one do not all come at its end. */
  addBytes(row: number, bytesIn: number, bytesOut: number): void {
    this.#lock.take();
    this.#rows.addBytes(row, bytesIn, bytesOut);
    this.#lock.free();
  }

  /** Tells the target that has the row from those that had it before or will have it: a number below INCARNATIONS. */
  incarnation(row: number): number {
    return this.#layout.incarnation[row]! & (INCARNATIONS - 1);
  }

  /** What the target asks to be told of clients: an index into ASKED_PROXIES. */
  askedProxy(row: number): number {
    return this.#layout.sendProxy[row]!;
  }

  /** Where to connect for this row: the same object until its address changes. */
  address(row: number): Address {
    return this.#addresses.get(row);
  }
}
