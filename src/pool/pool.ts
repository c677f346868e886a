/**
 * A pool: the targets behind one listening address and the policy that chooses among them. Its state lives in one
 * SharedArrayBuffer, so that every worker thread of an engine sees the same numbers: the target table, the picks' trees,
 * sticky bindings, the concurrency limit and its queue. One lock guards them; each operation holds it for about a
 * microsecond or less and never across anything that blocks.
 *
 * The control plane (the creator's thread) names targets by identity; the data plane (any thread) by row. A row is not
 * given to another identity while connections still count on it.
 */
import type { Address } from "../net/runtime.ts";
import { decodeAddress } from "./address.ts";
import type { Picker } from "./algorithms/algorithm.ts";
import { ConsistentHash } from "./algorithms/hash.ts";
import { LeastConnections } from "./algorithms/leastconn.ts";
import { TwoRandomChoices } from "./algorithms/random.ts";
import { RoundRobin } from "./algorithms/roundrobin.ts";
import { Directory } from "./directory.ts";
import { CONCURRENCY, FULL, OPEN, PLACES, ROOM_EVENTS, SIZE, WAITING } from "./layout.ts";
import { Lock } from "./lock.ts";
import { completeOptions } from "./options.ts";
import { Queue, UNTRIED } from "./queue.ts";
import { seedRandom } from "./random.ts";
import { Rows } from "./rows.ts";
import { Bindings } from "./sticky.ts";
import { ADDRESS_BYTES, type Limits, MAX_WORKERS, type Memory, sizeOf, view } from "./table.ts";
import {
  ALL_FULL,
  type ClientKey,
  type Grant,
  NO_TARGET,
  type PoolOptions,
  type PoolShared,
  type TargetSpec,
  type TargetState,
  type TargetView,
} from "./types.ts";

export { DEFAULT_MAX_BINDINGS, DEFAULT_MAX_TARGETS } from "./table.ts";
export * from "./types.ts";

export class Pool {
  readonly options: Required<PoolOptions>;
  readonly shared: PoolShared;
  readonly #memory: Memory;
  readonly #lock: Lock;
  readonly #picker: Picker;
  readonly #rows: Rows;
  readonly #queue: Queue;
  readonly #bindings: Bindings | null;
  readonly #directory: Directory | null;
  /** ROOM_EVENTS when this thread's last pick found every target full. */
  #sawRoom = UNTRIED;
  /** Decoded addresses by row, and the versions they were decoded from. */
  readonly #addresses: Address[] = [];
  readonly #addressVersions: number[] = [];

  /** A pool of this thread's own making: it is worker 0 and the only one that may use the control plane. RangeError on bad options. */
  static create(options: PoolOptions): Pool {
    const limits = completeOptions(options);
    const shared = { buffer: new SharedArrayBuffer(sizeOf(limits)), options: limits };
    const pool = new Pool(shared, 0);
    pool.#initialise(limits);
    return pool;
  }

  /** The pool as another thread sees it. `worker` is a number from 1 that no other living thread has. */
  static attach(shared: PoolShared, worker: number): Pool {
    if (!Number.isInteger(worker) || worker < 1 || worker >= MAX_WORKERS) {
      throw new RangeError(`worker ${worker}: 1 to ${MAX_WORKERS - 1} is allowed`);
    }
    return new Pool(shared, worker);
  }

  private constructor(shared: PoolShared, worker: number) {
    const limits = shared.options;
    const creator = worker === 0;
    this.options = limits;
    this.shared = shared;
    this.#memory = view(limits, shared.buffer);
    this.#lock = new Lock(this.#memory.header, worker, creator ? (dead) => this.#repair(dead) : null);
    this.#picker = createPicker(limits, this.#memory, creator ? this.#lock : null);
    this.#rows = new Rows(this.#memory, this.#picker, worker);
    this.#queue = new Queue(this.#memory, worker);
    this.#bindings = limits.persistent === null ? null : new Bindings(this.#memory, limits.persistent, limits.seed);
    this.#directory = creator ? new Directory(limits, this.#memory, this.#lock, this.#rows, this.#picker) : null;
  }

  // Control plane: the creator's thread only.

  /**
   * Adds the target, or updates it by its identity; active connections and counters stay. One that left while connections
   * were open is revived. "up" does not lift "suspect" unless the address changed. RangeError: a value out of range, or
   * the pool is full.
   */
  set(spec: TargetSpec, state: TargetState): void {
    this.#creator().set(spec, state);
  }

  /** False: unknown identity. Lifts "suspect" too: a probe that succeeded calls it. */
  setState(identity: string, state: TargetState): boolean {
    return this.#creator().setState(identity, state);
  }

  /** No new connections from now on; its row is freed with its last one. False: unknown identity. */
  remove(identity: string): boolean {
    return this.#creator().remove(identity);
  }

  /** Places from now on; -1 no limit, 0 pauses. Those who have a place keep it. Call grant() afterwards. */
  setConcurrency(n: number): void {
    if (!Number.isInteger(n) || n < -1 || n > 2 ** 31 - 1) {
      throw new RangeError(`concurrency ${n}: -1 (no limit), 0 (paused) or a whole number below 2^31 is allowed`);
    }
    this.#lock.take();
    this.#memory.header[CONCURRENCY] = n;
    this.#lock.free();
  }

  /**
   * Brings at once up to date what other threads pick by and is derived from the targets (the hash table); without a call that
   * happens within milliseconds. For engines with threads, after changes.
   */
  settle(): void {
    this.#creator();
    this.#picker.prepare();
  }

  /** In order of registration; without those that have left. */
  targets(): TargetView[] {
    return this.#creator().views();
  }

  /** Also one that has left while it still has connections; it is shown as draining. */
  view(identity: string): TargetView | undefined {
    return this.#creator().view(identity);
  }

  suspects(): TargetView[] {
    return this.#creator().views("suspect");
  }

  /** Targets registered. */
  get size(): number {
    return this.#memory.header[SIZE]!;
  }

  /** Connections holding a place. */
  get active(): number {
    return this.#memory.header[PLACES]!;
  }

  /** Connections in the queue. */
  get waiting(): number {
    return this.#memory.header[WAITING]!;
  }

  /**
   * A worker thread has died: its lock is freed, what it may have left half done is derived anew, its connections and
   * places are no longer counted, its waiters are gone. Its number may be used again. Call grant() afterwards.
   */
  recover(worker: number): void {
    if (worker === 0) throw new RangeError("worker 0 is the pool's creator");
    if (!this.#lock.seize(worker)) this.#lock.take();
    try {
      this.#repair(worker);
    } finally {
      this.#lock.free();
    }
  }

  // Data plane: any thread. `now` is in ms, by one clock per pool.

  /** ADMITTED: it has a place. REFUSED: the queue is full. Else it waits: the number names the waiter for cancel(). */
  enter(ticket: number): number {
    this.#lock.take();
    try {
      return this.#queue.enter(ticket);
    } finally {
      this.#lock.free();
    }
  }

  /**
   * After ALL_FULL: gives the place back and waits at the queue's end. `overtaken`: it had been granted its turn and has tried
   * no target yet, so another thread's connection took the room it was granted for; it waits at the queue's head, where it was.
   * As enter(), never ADMITTED. Call grant() afterwards.
   */
  wait(ticket: number, overtaken: boolean): number {
    this.#lock.take();
    try {
      this.#queue.leave();
      return this.#queue.enqueue(ticket, this.#sawRoom, overtaken);
    } finally {
      this.#lock.free();
    }
  }

  /** Leaves the queue. False: it has been granted already; the Grant is on its way and its place must be given back. */
  cancel(waiter: number): boolean {
    this.#lock.take();
    try {
      return this.#queue.cancel(waiter);
    } finally {
      this.#lock.free();
    }
  }

  /** Gives a place back. */
  leave(): void {
    this.#lock.take();
    try {
      this.#queue.leave();
    } finally {
      this.#lock.free();
    }
  }

  /**
   * The next waiter, now with a place, if there is a free one and a target has room, or no target at all is left (pick()
   * will say so). To be called after leave, wait, release, failed, recover and changes of the pool until it gives null.
   */
  grant(): Grant | null {
    if (this.#memory.header[WAITING] === 0) return null; // may be late by a moment: so is whoever asks a moment earlier
    this.#lock.take();
    try {
      return this.#queue.grant();
    } finally {
      this.#lock.free();
    }
  }

  /**
   * The row for a connection of this client, already counted as active there; NO_TARGET, or ALL_FULL when one that is not
   * in `tried` is at its limit. First the target the client is bound to, then what the algorithm chooses among those that
   * are up, then the suspect that failed longest ago. Binds the client to it, unless its own target is merely full.
   */
  pick(client: ClientKey, tried: readonly number[], now: number): number {
    this.#picker.prepare();
    this.#lock.take();
    try {
      const row = this.#bindings === null ? this.#choose(client, tried) : this.#pickBound(client, tried, now);
      if (row < 0) return this.#nobody(tried);
      this.#rows.take(row);
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

  /** Connecting failed: the target becomes suspect, and this connection no longer counts on it. */
  failed(row: number, now: number): void {
    this.#lock.take();
    try {
      this.#rows.failed(row, now);
    } finally {
      this.#lock.free();
    }
  }

  /** The connection has ended. Bytes are those not yet told by addBytes(). */
  release(row: number, client: ClientKey, bytesIn: number, bytesOut: number, now: number): void {
    this.#lock.take();
    try {
      this.#memory.bytesIn[row]! += bytesIn;
      this.#memory.bytesOut[row]! += bytesOut;
      if (this.#bindings !== null) {
        const slot = this.#bindings.find(client, now);
        if (slot >= 0 && this.#bindings.row(slot) === row) this.#bindings.touch(slot, now);
      }
      this.#rows.give(row);
    } finally {
      this.#lock.free();
    }
  }

  /** Progress of a connection that goes on. */
  addBytes(row: number, bytesIn: number, bytesOut: number): void {
    this.#lock.take();
    this.#memory.bytesIn[row]! += bytesIn;
    this.#memory.bytesOut[row]! += bytesOut;
    this.#lock.free();
  }

  /** Where to connect for this row. */
  address(row: number): Address {
    if (this.#addressVersions[row] !== this.#memory.addressVersion[row]) this.#readAddress(row);
    return this.#addresses[row]!;
  }

  /** Creator's thread only. Also right for a row whose target has just left. */
  identity(row: number): string {
    return this.#creator().identity(row);
  }

  /**
   * The address in binary; returns its kind: 4, 6, 1 (Unix) or 0 (none). 4 and 6: 16 bytes address (IPv4 in the first 4),
   * 2 port and 4 scope id, both big-endian. 1: the path, NUL-terminated. `into` has at least 108 bytes.
   */
  rowAddress(row: number, into: Uint8Array): number {
    const { addressBytes, addressKind } = this.#memory;
    const at = row * ADDRESS_BYTES;
    this.#lock.take();
    for (let i = 0; i < ADDRESS_BYTES; i++) into[i] = addressBytes[at + i]!;
    const kind = addressKind[row]!;
    this.#lock.free();
    return kind;
  }

  #pickBound(client: ClientKey, tried: readonly number[], now: number): number {
    const bindings = this.#bindings!;
    const slot = bindings.find(client, now);
    const bound = slot < 0 ? -1 : bindings.row(slot);
    if (bound < 0 || tried.includes(bound)) return this.#bind(client, this.#choose(client, tried), now);
    const standing = this.#memory.standing[bound];
    if (standing !== OPEN && standing !== FULL) return this.#bind(client, this.#choose(client, tried), now);
    bindings.touch(slot, now);
    return standing === OPEN ? bound : this.#choose(client, tried);
  }

  #bind(client: ClientKey, row: number, now: number): number {
    if (row >= 0) this.#bindings!.bind(client, row, now);
    return row;
  }

  #choose(client: ClientKey, tried: readonly number[]): number {
    const row = this.#picker.choose(client, tried);
    return row >= 0 ? row : this.#rows.lastResort(tried);
  }

  #nobody(tried: readonly number[]): number {
    if (!this.#rows.anyFull(tried)) return NO_TARGET;
    this.#sawRoom = this.#memory.header[ROOM_EVENTS]!;
    return ALL_FULL;
  }

  #readAddress(row: number): void {
    const bytes = new Uint8Array(ADDRESS_BYTES);
    let version = -1;
    let kind = 0;
    // Under the lock kind, bytes and version belong together; decoding waits until it is free.
    do {
      version = this.#memory.addressVersion[row]!;
      kind = this.rowAddress(row, bytes);
    } while (this.#memory.addressVersion[row] !== version);
    this.#addresses[row] = decodeAddress(kind, bytes);
    this.#addressVersions[row] = version;
  }

  #initialise(limits: Limits): void {
    this.#memory.header[CONCURRENCY] = limits.concurrency;
    seedRandom(this.#memory.random, limits.seed);
    this.#memory.orderKeys.fill(Number.POSITIVE_INFINITY);
    this.#memory.orderNodes.fill(-1);
    this.#memory.hashTables.fill(-1);
    this.#rows.clear();
    this.#queue.clear();
  }

  /** With the lock held. */
  #repair(dead: number): void {
    this.#rows.repair(dead);
    this.#queue.repair(dead);
  }

  #creator(): Directory {
    if (this.#directory === null) throw new Error("the control plane of a pool is for its creator's thread only");
    return this.#directory;
  }
}

function createPicker(limits: Limits, memory: Memory, lock: Lock | null): Picker {
  switch (limits.algorithm) {
    case "leastconn":
      return new LeastConnections(memory);
    case "roundrobin":
      return new RoundRobin(memory);
    case "random":
      return new TwoRandomChoices(memory);
    case "hash":
      return new ConsistentHash(memory, lock);
  }
}
