/**
 * Consistent hash of the client's address over a table (rendezvous.ts). The table lists targets that are up or suspect, full ones
 * too: a limit reached or a failed connection moves only the keys it must, for as long as it must.
 *
 * The creator's thread brings the table up to date, outside the lock and on the side nobody reads; then it turns the sides. Until
 * then the other threads use the old one, whose stale entries they pass over.
 */
import { setTimeout } from "node:timers";
import { mix, publicHash } from "../hash.ts";
import { HASH_SIDE, OPEN, SPAN, SUSPECT, UP } from "../layout.ts";
import type { Lock } from "../lock.ts";
import type { Memory } from "../table.ts";
import type { ClientKey } from "../types.ts";
import type { Picker } from "./algorithm.ts";
import { TableBuilder, type TableTarget } from "./rendezvous.ts";

/** Entries looked at before all rows are: with half the targets full, one key in 2^16 gets that far. */
const PROBES = 16;
/** At most one part in five of the thread's time goes into rebuilding, however fast targets come, go and change… */
const REST_PER_WORK = 4;
/** …in the long run: ms of rest that may be owed, so that a few changes in a row are each seen at once. */
const REST_OWED_MS = 1_000;
/** Not the row's weight in any table: it has another identity now. */
const OUTDATED = -1;

export class ConsistentHash implements Picker {
  readonly #memory: Memory;
  /** Only the creator has one: it rebuilds. */
  readonly #lock: Lock | null;
  readonly #sides: readonly [Int32Array, Int32Array];
  readonly #size: number;
  #builder: TableBuilder | null = null;
  #dirty = false;
  #scheduled = false;
  #restUntil = Number.NEGATIVE_INFINITY;

  constructor(memory: Memory, lock: Lock | null) {
    this.#memory = memory;
    this.#lock = lock;
    this.#size = memory.hashTables.length / 2;
    this.#sides = [memory.hashTables.subarray(0, this.#size), memory.hashTables.subarray(this.#size)];
  }

  reweighted(_row: number, _before: number): void {}
  took(_row: number): void {}
  /** A thread that died can have spoiled no table: only the creator writes them. */
  rebuild(): void {}

  joined(row: number): void {
    this.#memory.listed[row] = OUTDATED;
  }

  changed(row: number): void {
    if (this.#lock === null || this.#memory.listed[row] === this.#listable(row)) return;
    this.#dirty = true;
    this.#schedule();
  }

  choose(client: ClientKey, tried: readonly number[]): number {
    const { header, standing } = this.#memory;
    const table = this.#sides[header[HASH_SIDE]!]!;
    const key = publicHash(client, 0);
    let slot = key % this.#size;
    let row = table[slot]!;
    if (row >= 0 && standing[row] === OPEN && !tried.includes(row)) return row;
    const step = 1 + (publicHash(client, 1) % (this.#size - 1));
    for (let probe = 1; probe < PROBES; probe++) {
      slot = (slot + step) % this.#size;
      row = table[slot]!;
      if (row >= 0 && standing[row] === OPEN && !tried.includes(row)) return row;
    }
    return this.#scan(key, tried);
  }

  prepare(): void {
    if (!this.#dirty || this.#lock === null) return;
    const start = performance.now();
    if (start < this.#restUntil - REST_OWED_MS) return;
    this.#dirty = false;
    const front = this.#memory.header[HASH_SIDE]!;
    const back = 1 - front;
    this.#builder ??= new TableBuilder(this.#size);
    this.#sides[back]!.set(this.#sides[front]!);
    this.#builder.update(this.#sides[back]!, this.#changes());
    this.#lock.take();
    this.#memory.header[HASH_SIDE] = back;
    this.#lock.free();
    const end = performance.now();
    this.#restUntil = Math.max(this.#restUntil, end) + REST_PER_WORK * (end - start);
  }

  /** How the targets of the next table differ. Their weights are written by this thread alone, so it needs no lock. */
  #changes(): TableTarget[] {
    const { header, identity, listed } = this.#memory;
    const changes: TableTarget[] = [];
    for (let row = 0; row < header[SPAN]!; row++) {
      const weight = this.#listable(row);
      if (listed[row] === weight) continue;
      listed[row] = weight;
      changes.push({ row, weight, hash0: identity[2 * row]!, hash1: identity[2 * row + 1]! });
    }
    return changes;
  }

  #listable(row: number): number {
    const is = this.#memory.state[row];
    return is === UP || is === SUSPECT ? this.#memory.weight[row]! : 0;
  }

  /** The open row that ranks first for this key by its identity: the same one on every balancer. */
  #scan(key: number, tried: readonly number[]): number {
    const { header, identity, standing } = this.#memory;
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let row = 0; row < header[SPAN]!; row++) {
      if (standing[row] !== OPEN) continue;
      const rank = mix(key, identity[2 * row]!);
      if (rank < bestRank && !tried.includes(row)) {
        best = row;
        bestRank = rank;
      }
    }
    return best;
  }

  /** A pick by this thread rebuilds a dirty table at once; this is for when only other threads pick. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const rest = Math.max(0, Math.ceil(this.#restUntil - REST_OWED_MS - performance.now()));
    setTimeout(() => {
      this.#scheduled = false;
      this.prepare();
      if (this.#dirty) this.#schedule();
    }, rest).unref();
  }
}
