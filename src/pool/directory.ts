/**
 * Which identity has which row, and what its reports say. For the creator's thread: identities are known nowhere else. It takes
 * the lock itself, and only to write: parsing and hashing come before.
 */

import { decodeAddress, encodeAddress } from "./address.ts";
import { ASKED_PROXIES } from "./asked-proxy.ts";
import type { PoolTotals, RowCounters, TargetRow } from "./counters.ts";
import type { Ejection } from "./ejection.ts";
import { ofRank } from "./groups.ts";
import { DOWN, DRAINING, FREE, HUSHED, LEFT, SPAN, SUSPECT, UP } from "./header.ts";
import { ADDRESS_BYTES, type PoolLayout } from "./layout.ts";
import type { Lock } from "./lock.ts";
import { checkWhole, type PoolOptions } from "./options.ts";
import type { PoolParts } from "./parts.ts";
import type { Rows } from "./rows.ts";
import type { Silence } from "./silence.ts";
import { hashText } from "./sip-hash.ts";
import { numberOfSuspicion, type Suspicion, suspicionOfNumber } from "./suspicion.ts";
import {
  MAX_CONNECTIONS,
  MAX_PRIORITY,
  MAX_WEIGHT,
  type TargetSpec,
  type TargetState,
  type TargetView,
} from "./types.ts";

const STATES: Record<TargetState, number> = { up: UP, suspect: SUSPECT, draining: DRAINING, down: DOWN };
/** By number, from FREE to HUSHED: a target that has left is shown as draining until its last connection has ended. */
const STATE_NAMES: readonly TargetState[] = ["down", "up", "suspect", "draining", "down", "draining", "up"];

type Hashes = [number, number];

/** One for all pools that have never had a target: each is asked every other second. */
const NO_COUNTERS: RowCounters = {
  incarnation: new Int32Array(),
  total: new Float64Array(),
  failures: new Float64Array(),
  bytesIn: new Float64Array(),
  bytesOut: new Float64Array(),
};

export class Directory {
  /** See Pool.panic. */
  panic = false;
  readonly #lock: Lock;
  readonly #makeRoom: () => void;
  #options!: Required<PoolOptions>;
  #layout!: PoolLayout;
  #rows!: Rows;
  #silence!: Silence;
  #ejection!: Ejection;
  /** In order of registration. May name rows that another thread has freed since: see #find(). */
  readonly #rowOf = new Map<string, number>();
  readonly #identities: string[] = [];
  /** Who had each row before that one: connections that it served may yet have to be told of. */
  readonly #before: string[] = [];
  readonly #encoded = new Uint8Array(ADDRESS_BYTES);
  /** Of those whose rows others have now: what was counted of one that has left stays in its row until then. */
  readonly #former = { connections: 0, failures: 0, bytesIn: 0, bytesOut: 0 };

  /** `makeRoom` has the pool get more rows, and calls use(). */
  constructor(parts: PoolParts, makeRoom: () => void) {
    this.#lock = parts.lock;
    this.#makeRoom = makeRoom;
    this.use(parts);
  }

  /** The pool consists of these from now on. */
  use({ handle, layout, rows, silence, ejection }: PoolParts): void {
    this.#options = handle.options;
    this.#layout = layout;
    this.#rows = rows;
    this.#silence = silence;
    this.#ejection = ejection;
  }

  /** The identity that has the row, or had it last. */
  identity(row: number): string {
    return this.#identities[row] ?? "";
  }

  /** The identity that had the row before the one that identity() gives. */
  identityBefore(row: number): string {
    return this.#before[row] ?? "";
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
    checkWhole("priority", spec.priority ?? 0, 0, MAX_PRIORITY, whose);
    checkWhole("maxConnections", spec.maxConnections, 0, MAX_CONNECTIONS, whose);
    checkWhole("credits", spec.credits?.count ?? 0, 0, MAX_CONNECTIONS, whose);
    checkWhole("elsewhere", spec.elsewhere ?? 0, 0, MAX_CONNECTIONS, whose);
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
  setState(identity: string, state: TargetState, failure: Suspicion | null): boolean {
    return this.#change(identity, (row) => {
      this.#layout.state[row] = STATES[state];
      this.#layout.failure[row] = numberOfSuspicion(failure);
    });
  }

  /** False: it is not registered. */
  setWeight(identity: string, weight: number): boolean {
    checkWhole("weight", weight, 0, MAX_WEIGHT, ` of target "${identity}"`);
    return this.#change(identity, (row) => {
      const before = this.#layout.weight[row]!;
      this.#layout.weight[row] = weight;
      if (weight !== before) this.#rows.pickerOf(row).onWeightChanged(row, before);
    });
  }

  /** Its machine is silent, or heard again. False: nothing has changed. */
  silence(identity: string, isSilent: boolean, now: number): boolean {
    let hasChanged = false;
    this.#change(identity, (row) => {
      hasChanged = isSilent ? this.#ejection.silence(row, now) : this.#ejection.unsilence(row, now);
    });
    return hasChanged;
  }

  /** False: it was not registered. */
  remove(identity: string): boolean {
    const { active, maxConnections, state } = this.#layout;
    return this.#change(identity, (row) => {
      this.#rows.setLimit(row, maxConnections[row]!, null);
      state[row] = active[row] === 0 ? FREE : LEFT;
    });
  }

  /** Those registered, in order of registration; with `state`, only those. */
  views(state?: TargetState): TargetView[] {
    const views: TargetView[] = [];
    for (const identity of [...this.#rowOf.keys()]) {
      const row = this.#find(identity);
      if (row < 0 || this.#layout.state[row] === LEFT) continue;
      if (state === undefined || STATE_NAMES[this.#layout.state[row]!] === state) views.push(this.#view(row));
    }
    return views;
  }

  /** See Pool.row(). */
  row(identity: string): number {
    return this.#find(identity);
  }

  view(identity: string): TargetView | undefined {
    const row = this.#find(identity);
    return row < 0 ? undefined : this.#view(row);
  }

  counters(): RowCounters {
    const { incarnation, total, failures, bytesIn, bytesOut } = this.#layout;
    const span = this.#layout.header[SPAN]!;
    if (span === 0) return NO_COUNTERS;
    return {
      incarnation: incarnation.slice(0, span),
      total: total.slice(0, span),
      failures: failures.slice(0, span),
      bytesIn: bytesIn.slice(0, span),
      bytesOut: bytesOut.slice(0, span),
    };
  }

  totals(): PoolTotals {
    const { total, failures, bytesIn, bytesOut } = this.#layout;
    const sums = { ...this.#former };
    for (let row = 0; row < this.#layout.header[SPAN]!; row++) {
      sums.connections += total[row]!;
      sums.failures += failures[row]!;
      sums.bytesIn += bytesIn[row]!;
      sums.bytesOut += bytesOut[row]!;
    }
    return sums;
  }

  /** Those registered, in order of registration. */
  targetRows(): TargetRow[] {
    const { state, weight, limit, maxConnections, active, rank } = this.#layout;
    const found: TargetRow[] = [];
    for (const [identity, row] of this.#rowOf) {
      const is = state[row]!;
      if (is === FREE || is === LEFT) continue;
      found.push({
        identity,
        row,
        state: STATE_NAMES[is]!,
        ...ofRank(rank[row]!),
        weight: weight[row]!,
        maxConnections: maxConnections[row]!,
        limit: limit[row] === 0 ? Number.POSITIVE_INFINITY : Math.max(0, limit[row]!),
        active: active[row]!,
      });
    }
    return found;
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
    this.#rows.setLimit(row, spec.maxConnections, spec.credits ?? null);
    layout.elsewhere[row] = spec.elsewhere ?? 0;
    layout.sendProxy[row] = ASKED_PROXIES.indexOf(spec.sendProxy ?? "pool");
    const rankBefore = layout.rank[row]!;
    const pickerBefore = this.#rows.pickerOf(row);
    this.#rows.setRank(row, spec);
    const picker = this.#rows.pickerOf(row);
    if (isNew || picker !== pickerBefore) picker.onAdded(row);
    else if (weightBefore !== spec.weight) picker.onWeightChanged(row, weightBefore);
    const is = layout.state[row];
    const stays = state === "up" && (is === SUSPECT || is === HUSHED) && !moved;
    if (isNew || moved || state === "suspect") this.#silence.forget(row);
    if (!stays) {
      layout.state[row] = STATES[state];
      layout.failure[row] = 0;
    }
    this.#rows.refresh(row);
    if (picker !== pickerBefore) pickerBefore.onChanged(row);
    if (layout.rank[row] !== rankBefore) this.#rows.regroup();
  }

  #view(row: number): TargetView {
    const layout = this.#layout;
    const at = row * ADDRESS_BYTES;
    const state = STATE_NAMES[layout.state[row]!]!;
    return {
      identity: this.identity(row),
      address: decodeAddress(layout.addressPort[row]!, layout.addressText.subarray(at, at + ADDRESS_BYTES)),
      weight: layout.weight[row]!,
      maxConnections: layout.maxConnections[row]!,
      credits: this.#credits(row),
      elsewhere: layout.elsewhere[row]!,
      ...ofRank(layout.rank[row]!),
      sendProxy: ASKED_PROXIES[layout.sendProxy[row]!]!,
      state,
      active: layout.active[row]!,
      total: layout.total[row]!,
      failures: layout.failures[row]!,
      bytesIn: layout.bytesIn[row]!,
      bytesOut: layout.bytesOut[row]!,
      connectMs: layout.total[row] === 0 ? null : layout.connectMs[row]!,
      failure: state === "suspect" ? suspicionOfNumber(layout.failure[row]!) : null,
      panic: this.panic && (state === "up" || state === "suspect"),
    };
  }

  #credits(row: number): TargetView["credits"] {
    const { creditsUntil, limit } = this.#layout;
    return creditsUntil[row] === 0 ? null : Math.max(0, limit[row]!);
  }

  #allot(identity: string, hashes: Hashes): number {
    const layout = this.#layout;
    const { maxTargets, name } = this.#options;
    const row = this.#rowForNew();
    if (row < 0) throw new RangeError(`pool "${name}" is full: at most ${maxTargets} targets (--max-targets)`);
    const before = this.#identities[row];
    if (before !== undefined) {
      if (this.#rowOf.get(before) === row) this.#rowOf.delete(before);
      this.#before[row] = before;
    }
    this.#rowOf.set(identity, row);
    this.#identities[row] = identity;
    layout.incarnation[row]!++;
    layout.identity.set(hashes, 2 * row);
    this.#former.connections += layout.total[row]!;
    this.#former.failures += layout.failures[row]!;
    this.#former.bytesIn += layout.bytesIn[row]!;
    this.#former.bytesOut += layout.bytesOut[row]!;
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
