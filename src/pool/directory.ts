/**
 * Which identity has which row, and what its reports say. Only the pool's creator knows identities; the other threads know
 * rows. It takes the lock itself, for its writes only: what can be done before (parsing, hashing) is.
 */
import { decodeAddress, encodeAddress } from "./address.ts";
import type { Picker } from "./algorithms/algorithm.ts";
import { hashText } from "./hash.ts";
import { DOWN, DRAINING, FREE, LEFT, SIZE, SPAN, SUSPECT, UP } from "./layout.ts";
import type { Lock } from "./lock.ts";
import type { Rows } from "./rows.ts";
import { ADDRESS_BYTES, type Limits, type Memory } from "./table.ts";
import type { TargetSpec, TargetState, TargetView } from "./types.ts";

const STATES: Record<TargetState, number> = { up: UP, suspect: SUSPECT, draining: DRAINING, down: DOWN };
/** By number. One that has left is shown while its last connections drain. */
const STATE_NAMES: readonly TargetState[] = ["down", "up", "suspect", "draining", "down", "draining"];
const MAX_WEIGHT = 1_000_000;
const MAX_CONNECTIONS = 2 ** 31 - 1;

type Hashes = [number, number];

export class Directory {
  readonly #limits: Limits;
  readonly #memory: Memory;
  readonly #lock: Lock;
  readonly #rows: Rows;
  readonly #picker: Picker;
  /** In order of registration. May name rows that have been freed since, by whichever thread: see find(). */
  readonly #rowOf = new Map<string, number>();
  readonly #identities: string[] = [];
  readonly #scratch = new Uint8Array(ADDRESS_BYTES);

  constructor(limits: Limits, memory: Memory, lock: Lock, rows: Rows, picker: Picker) {
    this.#limits = limits;
    this.#memory = memory;
    this.#lock = lock;
    this.#rows = rows;
    this.#picker = picker;
  }

  /** The row of a target that is registered, or has left and still has connections; -1 otherwise. */
  find(identity: string): number {
    const row = this.#rowOf.get(identity);
    if (row === undefined) return -1;
    if (this.#memory.state[row] !== FREE) return row;
    this.#rowOf.delete(identity);
    return -1;
  }

  /** The identity that has the row, or had it last. */
  identity(row: number): string {
    return this.#identities[row] ?? "";
  }

  set(spec: TargetSpec, state: TargetState): void {
    checkNumber(spec, "weight", MAX_WEIGHT);
    checkNumber(spec, "maxConnections", MAX_CONNECTIONS);
    const kind = encodeAddress(spec.address, this.#scratch);
    const hashes: Hashes = [hashText(spec.identity, 0), hashText(spec.identity, 1)];
    this.#lock.take();
    try {
      this.#write(spec, state, kind, hashes);
    } finally {
      this.#lock.free();
    }
  }

  /** False: it is not registered. */
  setState(identity: string, state: TargetState): boolean {
    return this.#change(identity, (row) => {
      this.#memory.state[row] = STATES[state];
    });
  }

  /** False: it was not registered. */
  remove(identity: string): boolean {
    const { active, header, state } = this.#memory;
    return this.#change(identity, (row) => {
      state[row] = active[row] === 0 ? FREE : LEFT;
      header[SIZE]!--;
    });
  }

  /** Those registered, in order of registration; with `state`, only those. */
  views(state?: TargetState): TargetView[] {
    const views: TargetView[] = [];
    for (const identity of [...this.#rowOf.keys()]) {
      const row = this.find(identity);
      if (row < 0 || this.#memory.state[row] === LEFT) continue;
      if (state === undefined || this.#memory.state[row] === STATES[state]) views.push(this.#view(row));
    }
    return views;
  }

  view(identity: string): TargetView | undefined {
    const row = this.find(identity);
    return row < 0 ? undefined : this.#view(row);
  }

  #change(identity: string, change: (row: number) => void): boolean {
    this.#lock.take();
    try {
      const row = this.find(identity);
      if (row < 0 || this.#memory.state[row] === LEFT) return false;
      change(row);
      this.#rows.refresh(row);
      return true;
    } finally {
      this.#lock.free();
    }
  }

  #write(spec: TargetSpec, state: TargetState, kind: number, hashes: Hashes): void {
    const memory = this.#memory;
    const known = this.find(spec.identity);
    const newcomer = known < 0;
    const row = newcomer ? this.#allot(spec.identity, hashes) : known;
    if (newcomer || memory.state[row] === LEFT) memory.header[SIZE]!++;
    const moved = this.#writeAddress(row, kind);
    const weightBefore = memory.weight[row]!;
    memory.weight[row] = spec.weight;
    memory.maxConnections[row] = spec.maxConnections;
    if (newcomer) this.#picker.joined(row);
    else if (weightBefore !== spec.weight) this.#picker.reweighted(row, weightBefore);
    const staysSuspect = state === "up" && memory.state[row] === SUSPECT && !moved;
    memory.state[row] = staysSuspect ? SUSPECT : STATES[state];
    this.#rows.refresh(row);
  }

  #view(row: number): TargetView {
    const memory = this.#memory;
    const at = row * ADDRESS_BYTES;
    return {
      identity: this.identity(row),
      address: decodeAddress(memory.addressKind[row]!, memory.addressBytes.subarray(at, at + ADDRESS_BYTES)),
      weight: memory.weight[row]!,
      maxConnections: memory.maxConnections[row]!,
      state: STATE_NAMES[memory.state[row]!]!,
      active: memory.active[row]!,
      total: memory.total[row]!,
      failures: memory.failures[row]!,
      bytesIn: memory.bytesIn[row]!,
      bytesOut: memory.bytesOut[row]!,
      connectMs: memory.connectMs[row]! < 0 ? null : memory.connectMs[row]!,
    };
  }

  /** The lowest free row, so that the trees stay as low as they can. */
  #allot(identity: string, hashes: Hashes): number {
    const memory = this.#memory;
    const { maxTargets, name } = this.#limits;
    const row = memory.state.indexOf(FREE);
    if (row < 0 || row >= maxTargets) throw new RangeError(`pool "${name}" is full: at most ${maxTargets} targets`);
    const before = this.#identities[row];
    if (before !== undefined && this.#rowOf.get(before) === row) this.#rowOf.delete(before);
    this.#rowOf.set(identity, row);
    this.#identities[row] = identity;
    memory.incarnation[row]!++;
    memory.identity.set(hashes, 2 * row);
    for (const counter of [memory.total, memory.failures, memory.bytesIn, memory.bytesOut, memory.failedAt]) {
      counter[row] = 0;
    }
    memory.connectMs[row] = -1;
    memory.weight[row] = 0;
    if (row >= memory.header[SPAN]!) this.#rows.grow(row + 1);
    return row;
  }

  /** Writes the scratch address to the row. True: it was another one before. */
  #writeAddress(row: number, kind: number): boolean {
    const { addressBytes, addressKind, addressVersion } = this.#memory;
    const at = row * ADDRESS_BYTES;
    const same = addressKind[row] === kind && this.#scratch.every((byte, i) => addressBytes[at + i] === byte);
    if (same) return false;
    addressBytes.set(this.#scratch, at);
    addressKind[row] = kind;
    addressVersion[row]!++;
    return true;
  }
}

function checkNumber(spec: TargetSpec, name: "weight" | "maxConnections", most: number): void {
  const value = spec[name];
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${name} ${value} of target "${spec.identity}": a whole number from 0 to ${most} is allowed`);
  }
}
