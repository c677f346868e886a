/**
 * Which identity has which row, and what its reports say. For the creator's thread: identities are known nowhere else. It takes
 * the lock itself, and only to write: parsing and hashing come before.
 */
import { codeOfNumber, type NetCode, numberOf } from "../util/net-codes.ts";
import { decodeAddress, encodeAddress } from "./address.ts";
import type { Pickers } from "./algorithms/algorithm.ts";
import { DOWN, DRAINING, FREE, LEFT, SPAN, SUSPECT, UP } from "./header.ts";
import { ADDRESS_BYTES, type PoolLayout } from "./layout.ts";
import type { Lock } from "./lock.ts";
import { checkWhole, type PoolOptions } from "./options.ts";
import type { PoolParts } from "./parts.ts";
import type { Rows } from "./rows.ts";
import { hashText } from "./sip-hash.ts";
import { MAX_CONNECTIONS, MAX_WEIGHT, type TargetSpec, type TargetState, type TargetView } from "./types.ts";

const STATES: Record<TargetState, number> = { up: UP, suspect: SUSPECT, draining: DRAINING, down: DOWN };
/** By number, from FREE to LEFT: a target that has left is shown as draining until its last connection has ended. */
const STATE_NAMES: readonly TargetState[] = ["down", "up", "suspect", "draining", "down", "draining"];

type Hashes = [number, number];

export class Directory {
  /** See Pool.panic. */
  panic = false;
  readonly #lock: Lock;
  readonly #makeRoom: () => void;
  #options!: Required<PoolOptions>;
  #layout!: PoolLayout;
  #rows!: Rows;
  #pickers!: Pickers;
  /** In order of registration. May name rows that another thread has freed since: see #find(). */
  readonly #rowOf = new Map<string, number>();
  readonly #identities: string[] = [];
  readonly #encoded = new Uint8Array(ADDRESS_BYTES);

  /** `makeRoom` has the pool get more rows, and calls use(). */
  constructor(parts: PoolParts, makeRoom: () => void) {
    this.#lock = parts.lock;
    this.#makeRoom = makeRoom;
    this.use(parts);
  }

  /** The pool consists of these from now on. */
  use({ handle, layout, rows, pickers }: PoolParts): void {
    this.#options = handle.options;
    this.#layout = layout;
    this.#rows = rows;
    this.#pickers = pickers;
  }

  /** The identity that has the row, or had it last. */
  identity(row: number): string {
    return this.#identities[row] ?? "";
  }

  /** There are as many targets as there may be, with those that have left and still have connections. */
  get full(): boolean {
    return this.#rowForNew() < 0;
  }

  /**
   * The lowest row that is free, so that the trees stay as low as they can; it may be one that is yet to be made. -1: the pool is full.
   * Rows that become free are so at once in all threads, without the lock.
   */
  #rowForNew(): number {
    const { header, rows, state } = this.#layout;
    const { maxTargets } = this.#options;
    const free = state.indexOf(FREE);
    const span = header[SPAN]!;
    const mayCome =
      span < maxTargets || state.subarray(0, span).reduce((n, is) => n + (is === FREE ? 0 : 1), 0) < maxTargets;
    if (!mayCome) return -1;
    return free < 0 ? rows : free;
  }

  set(spec: TargetSpec, state: TargetState): void {
    const whose = ` of target "${spec.identity}"`;
    checkWhole("weight", spec.weight, 0, MAX_WEIGHT, whose);
    checkWhole("maxConnections", spec.maxConnections, 0, MAX_CONNECTIONS, whose);
    const port = encodeAddress(spec.address, this.#encoded);
    const hashes: Hashes = [hashText(spec.identity, 0), hashText(spec.identity, 1)];
    if (this.#find(spec.identity) < 0 && this.#rowForNew() === this.#layout.rows) this.#makeRoom();
    this.#lock.take();
    try {
      this.#write(spec, state, port, hashes);
    } finally {
      this.#lock.free();
    }
  }

  /** False: it is not registered. */
  setState(identity: string, state: TargetState, failure: NetCode | null): boolean {
    return this.#change(identity, (row) => {
      this.#layout.state[row] = STATES[state];
      this.#layout.failure[row] = numberOf(failure);
    });
  }

  /** False: it was not registered. */
  remove(identity: string): boolean {
    const { active, state } = this.#layout;
    return this.#change(identity, (row) => {
      state[row] = active[row] === 0 ? FREE : LEFT;
    });
  }

  /** Those registered, in order of registration; with `state`, only those. */
  views(state?: TargetState): TargetView[] {
    const views: TargetView[] = [];
    for (const identity of [...this.#rowOf.keys()]) {
      const row = this.#find(identity);
      if (row < 0 || this.#layout.state[row] === LEFT) continue;
      if (state === undefined || this.#layout.state[row] === STATES[state]) views.push(this.#view(row));
    }
    return views;
  }

  view(identity: string): TargetView | undefined {
    const row = this.#find(identity);
    return row < 0 ? undefined : this.#view(row);
  }

  /** The row of a target that is registered, or has left and still has connections; -1 otherwise. */
  #find(identity: string): number {
    const row = this.#rowOf.get(identity);
    if (row === undefined) return -1;
    if (this.#layout.state[row] !== FREE) return row;
    this.#rowOf.delete(identity);
    return -1;
  }

  #change(identity: string, change: (row: number) => void): boolean {
    this.#lock.take();
    try {
      const row = this.#find(identity);
      if (row < 0 || this.#layout.state[row] === LEFT) return false;
      change(row);
      this.#rows.refresh(row);
      return true;
    } finally {
      this.#lock.free();
    }
  }

  #write(spec: TargetSpec, state: TargetState, port: number, hashes: Hashes): void {
    const layout = this.#layout;
    const known = this.#find(spec.identity);
    const isNew = known < 0;
    const row = isNew ? this.#allot(spec.identity, hashes) : known;
    const moved = this.#writeAddress(row, port);
    const weightBefore = layout.weight[row]!;
    layout.weight[row] = spec.weight;
    layout.maxConnections[row] = spec.maxConnections;
    const backup = spec.backup === true ? 1 : 0;
    const backupBefore = layout.backup[row]!;
    layout.backup[row] = backup;
    const picker = this.#pickers[backup];
    if (isNew || backup !== backupBefore) picker.onAdded(row);
    else if (weightBefore !== spec.weight) picker.onWeightChanged(row, weightBefore);
    const staysSuspect = state === "up" && layout.state[row] === SUSPECT && !moved;
    if (!staysSuspect) {
      layout.state[row] = STATES[state];
      layout.failure[row] = 0;
    }
    this.#rows.refresh(row);
    if (backup !== backupBefore) this.#pickers[backupBefore]!.onChanged(row);
  }

  #view(row: number): TargetView {
    const layout = this.#layout;
    const at = row * ADDRESS_BYTES;
    return {
      identity: this.identity(row),
      address: decodeAddress(layout.addressPort[row]!, layout.addressText.subarray(at, at + ADDRESS_BYTES)),
      weight: layout.weight[row]!,
      maxConnections: layout.maxConnections[row]!,
      backup: layout.backup[row] === 1,
      state: STATE_NAMES[layout.state[row]!]!,
      active: layout.active[row]!,
      total: layout.total[row]!,
      failures: layout.failures[row]!,
      bytesIn: layout.bytesIn[row]!,
      bytesOut: layout.bytesOut[row]!,
      connectMs: layout.total[row] === 0 ? null : layout.connectMs[row]!,
      failure: layout.state[row] === SUSPECT ? codeOfNumber(layout.failure[row]!) : null,
      panic: this.panic && (layout.state[row] === UP || layout.state[row] === SUSPECT),
    };
  }

  #allot(identity: string, hashes: Hashes): number {
    const layout = this.#layout;
    const { maxTargets, name } = this.#options;
    const row = this.#rowForNew();
    if (row < 0) throw new RangeError(`pool "${name}" is full: at most ${maxTargets} targets (--max-targets)`);
    const before = this.#identities[row];
    if (before !== undefined && this.#rowOf.get(before) === row) this.#rowOf.delete(before);
    this.#rowOf.set(identity, row);
    this.#identities[row] = identity;
    layout.incarnation[row]!++;
    layout.identity.set(hashes, 2 * row);
    for (const counter of [layout.total, layout.failures, layout.bytesIn, layout.bytesOut, layout.failedAt]) {
      counter[row] = 0;
    }
    layout.weight[row] = 0;
    if (row >= layout.header[SPAN]!) this.#rows.grow(row + 1);
    return row;
  }

  /** Writes the encoded address to the row. True: it was another one before. */
  #writeAddress(row: number, port: number): boolean {
    const { addressPort, addressText, addressVersion } = this.#layout;
    const at = row * ADDRESS_BYTES;
    const same = addressPort[row] === port && this.#encoded.every((byte, i) => addressText[at + i] === byte);
    if (same) return false;
    addressText.set(this.#encoded, at);
    addressPort[row] = port;
    addressVersion[row]!++;
    return true;
  }
}
