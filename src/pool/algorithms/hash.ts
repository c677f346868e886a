/**
 * Consistent hash of the client's address over a table (rendezvous.ts). The table lists the targets of its
 * group (groups.ts) that are up or suspect, full ones too: a limit that is reached or a connect that fails moves only the clients it must, for as long as it must.
 *
 * There are two tables, of which one is read. The creator's thread brings the other one up to date, outside the lock, and then has
 * all threads read that one. Until then they pick by the old one and pass over entries whose row may not be picked.
 */
import { setTimeout } from "node:timers";
import { type ClientKey, hasAddress } from "../../util/client-key.ts";
import type { Cutter } from "../cutter.ts";
import { BACKUP, HUSHED, NEXT, PICKS, SERVING, SPAN, SUSPECT, UP } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import type { Lock } from "../lock.ts";
import { TableBuilder, type TableTarget, tableSize } from "../rendezvous.ts";
import { mix, publicHash } from "../sip-hash.ts";
import { algorithm, Picker } from "./algorithm.ts";

export const hash = algorithm({
  name: "hash",
  doc: "by the client's address, alike on every balancer",
  use: "caches, and several balancers that keep clients on their targets",
  memory,
  /** To a table of another size everybody would move. */
  move(from: Memory, to: Memory): boolean {
    const table = from.tables[from.side[0]!]!;
    if (table.length !== to.tables[0].length) return false;
    to.listed.set(from.listed);
    to.tables[0].set(table);
    return true;
  },
  create: ({ layout, takes, seed, lock }, memory: Memory) => new ConsistentHash(layout, memory, takes, seed, lock),
});

/** Entries looked at before all rows are: with half the targets full, one key in 2^16 gets that far. */
const PROBES = 16;
/** At most one part in five of the thread's time goes into tables, however fast targets come, go and change… */
const REST_PER_WORK = 4;
/** …in the long run: ms of rest that may be owed, so that each of a few changes in a row is seen at once. */
const REST_OWED_MS = 1_000;
/** In `listed`: not the row's weight in any table, since the row has another target now. */
const OUTDATED = -1;

type Memory = ReturnType<typeof memory>;

function memory(cutter: Cutter, rows: number, most: number) {
  const size = tableSize(most);
  return {
    /** By row: the weight with which it is in the newest table; 0: it is not in it. Of use to the creator alone. */
    listed: cutter.ints(rows),
    /** Rows plus one. */
    tables: [cutter.ints(size), cutter.ints(size)] as const,
    /** Which of the two tables is read, in its only element. */
    side: cutter.ints(1),
  };
}

class ConsistentHash extends Picker {
  readonly #layout: PoolLayout;
  readonly #takes: number;
  readonly #lock: Lock | null;
  readonly #listed: Int32Array;
  readonly #tables: Memory["tables"];
  readonly #side: Int32Array;
  readonly #size: number;
  /** Not alike on every balancer, or those that count alike would all send the next one to the same target. */
  readonly #someone: ClientKey;
  #builder: TableBuilder | null = null;
  #dirty = false;
  #scheduled = false;
  #restUntil = Number.NEGATIVE_INFINITY;

  constructor(layout: PoolLayout, { listed, tables, side }: Memory, takes: number, seed: number, lock: Lock | null) {
    super();
    this.#layout = layout;
    this.#takes = takes;
    this.#someone = Uint32Array.of(0, seed, seed / 2 ** 32, 0);
    this.#lock = lock;
    this.#listed = listed;
    this.#tables = tables;
    this.#side = side;
    this.#size = tables[0].length;
  }

  override onAdded(row: number): void {
    this.#listed[row] = OUTDATED;
  }

  override onChanged(row: number): void {
    if (this.#lock === null || this.#listed[row] === this.#weightToList(row)) return;
    this.#dirty = true;
    this.#schedule();
  }

  pick(key: ClientKey, tried: readonly number[]): number {
    const client = hasAddress(key) ? key : this.#anybody();
    const { availability } = this.#layout;
    const table = this.#tables[this.#side[0]!]!;
    const start = publicHash(client, 0);
    let entry = start % this.#size;
    let row = table[entry]! - 1;
    if (row >= 0 && availability[row] === this.#takes && !tried.includes(row)) return row;
    const step = 1 + (publicHash(client, 1) % (this.#size - 1));
    for (let probe = 1; probe < PROBES; probe++) {
      entry = (entry + step) % this.#size;
      row = table[entry]! - 1;
      if (row >= 0 && availability[row] === this.#takes && !tried.includes(row)) return row;
    }
    return this.#scan(start, tried);
  }

  /** For clients without an address, which are many: another one each time, so that they go to all targets by their weights. */
  #anybody(): ClientKey {
    this.#someone[3] = ++this.#layout.clocks[PICKS]!;
    return this.#someone;
  }

  override prepare(): void {
    if (!this.#dirty || this.#lock === null) return;
    const start = performance.now();
    if (start < this.#restUntil - REST_OWED_MS) return;
    this.#dirty = false;
    const front = this.#side[0]!;
    const back = 1 - front;
    const table = this.#tables[back]!;
    if (this.#builder === null) {
      this.#builder = new TableBuilder(this.#size);
      this.#listed.fill(0); // of a table that has moved it knows nothing
    }
    table.set(this.#tables[front]!);
    this.#builder.update(table, this.#changes());
    this.#lock.take();
    this.#side[0] = back;
    this.#lock.free();
    const end = performance.now();
    this.#restUntil = Math.max(this.#restUntil, end) + REST_PER_WORK * (end - start);
  }

  /** Only the creator writes tables, so a thread that died cannot have spoiled one; but one that has moved may be out of date. */
  override rebuild(): void {
    for (let row = 0; row < this.#layout.header[SPAN]!; row++) this.onChanged(row);
  }

  /**
   * How the targets of the next table differ. It needs no lock: weights are written by this thread alone, and the states that
   * other threads change (up and suspect, left and free) come to the same here.
   */
  #changes(): TableTarget[] {
    const { header, identity } = this.#layout;
    const changes: TableTarget[] = [];
    for (let row = 0; row < header[SPAN]!; row++) {
      const weight = this.#weightToList(row);
      if (this.#listed[row] === weight) continue;
      this.#listed[row] = weight;
      changes.push({ row, weight, hash0: identity[2 * row]!, hash1: identity[2 * row + 1]! });
    }
    return changes;
  }

  #weightToList(row: number): number {
    const { group, state, weight } = this.#layout;
    if (group[row] !== (this.#takes === BACKUP ? NEXT : SERVING)) return 0;
    return state[row] === UP || state[row] === SUSPECT || state[row] === HUSHED ? weight[row]! : 0;
  }

  /** The row that may be picked and ranks first for this key by its identity: the same one on every balancer. */
  #scan(key: number, tried: readonly number[]): number {
    const { availability, header, identity } = this.#layout;
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let row = 0; row < header[SPAN]!; row++) {
      if (availability[row] !== this.#takes) continue;
      const rank = mix(key, identity[2 * row]!);
      if (rank < bestRank && !tried.includes(row)) {
        best = row;
        bestRank = rank;
      }
    }
    return best;
  }

  /** A pick by this thread brings the table up to date at once; this is for when only other threads pick. */
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
