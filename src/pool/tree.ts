/**
 * Trees over the rows, eight children to a node: few levels, and a node's children lie in one cache line. Level 0 is the rows,
 * level 1 groups of 8 of them, and so on. Only as many levels are in use as the rows in use (SPAN) need. Called with the pool's
 * lock held.
 */
import type { Cutter } from "./cutter.ts";
import { SPAN } from "./header.ts";

const BITS = 3;
export const FANOUT = 1 << BITS;

/** Levels above `span` rows; at least 1. */
export function levelsFor(span: number): number {
  return span <= FANOUT ? 1 : Math.ceil((32 - Math.clz32(span - 1)) / BITS);
}

/** Rows before the first group that begins at `row` or after it. */
function groupEnd(row: number): number {
  return Math.ceil(row / FANOUT) * FANOUT;
}

/** Where each level starts within the nodes (index 0, the rows, is unused), every level rounded up to full groups, and where the last ends. */
function levelStarts(rows: number): { starts: Int32Array; end: number } {
  const starts = new Int32Array(levelsFor(rows) + 1);
  let end = 0;
  for (let level = 1, nodes = rows; level < starts.length; level++) {
    nodes = Math.ceil(nodes / FANOUT);
    starts[level] = end;
    end += Math.ceil(nodes / FANOUT) * FANOUT;
  }
  return { starts, end };
}

/** The key of a row that cannot be chosen: none is worse. */
export const NEVER = Number.POSITIVE_INFINITY;

export interface MinTreeMemory {
  /** By row. */
  readonly keys: Float64Array;
  /** The best row below each node, plus one; 0 while there was none. */
  readonly winners: Int32Array;
}

/**
 * Tournament tree: the row with the smallest key, among equal keys the one with the smallest tie. Reading the best is O(1), a
 * change O(log8 rows).
 */
export class MinTree {
  readonly keys: Float64Array;
  readonly #ties: Float64Array;
  readonly #winners: Int32Array;
  readonly #header: Int32Array;
  readonly #starts: Int32Array;

  static memory(cutter: Cutter, rows: number): MinTreeMemory {
    return { keys: cutter.doubles(rows), winners: cutter.ints(levelStarts(rows).end) };
  }

  constructor(header: Int32Array, ties: Float64Array, { keys, winners }: MinTreeMemory) {
    this.#header = header;
    this.keys = keys;
    this.#ties = ties;
    this.#winners = winners;
    this.#starts = levelStarts(keys.length).starts;
  }

  /** Rows from `start` to `end` - 1 come into use, none of which can be chosen yet. Groups are read as a whole. */
  grow(start: number, end: number): void {
    this.keys.fill(NEVER, groupEnd(start), groupEnd(end));
  }

  /** To be called also when the row's tie has changed. */
  set(row: number, key: number): void {
    this.keys[row] = key;
    const levels = levelsFor(this.#header[SPAN]!);
    for (let level = 1, node = row >> BITS; level <= levels; level++, node >>= BITS) {
      const at = this.#starts[level]! + node;
      const winner = this.#winners[at]! - 1;
      if (winner === row) this.#winners[at] = this.#contest(level, node) + 1;
      else if (winner < 0 || this.#beats(row, winner)) this.#winners[at] = row + 1;
      else return; // it neither was nor is the best here, so nothing changes above
    }
  }

  /** The best row that is not in `except`; -1: there is none. */
  best(except: readonly number[]): number {
    return this.#bestBelow(levelsFor(this.#header[SPAN]!), 0, except);
  }

  /** Derives all nodes from the keys: when SPAN has outgrown the levels, and in a repair. */
  rebuild(): void {
    this.#winners.fill(0);
    const levels = levelsFor(this.#header[SPAN]!);
    for (let level = 1, nodes = this.#header[SPAN]!; level <= levels; level++) {
      nodes = Math.ceil(nodes / FANOUT);
      for (let node = 0; node < nodes; node++)
        this.#winners[this.#starts[level]! + node] = this.#contest(level, node) + 1;
    }
  }

  #contest(level: number, node: number): number {
    const first = node << BITS;
    const start = level === 1 ? 0 : this.#starts[level - 1]!;
    let best = -1;
    for (let child = first; child < first + FANOUT; child++) {
      const row = level === 1 ? child : this.#winners[start + child]! - 1;
      if (row >= 0 && (best < 0 || this.#beats(row, best))) best = row;
    }
    return best;
  }

  #bestBelow(level: number, node: number, except: readonly number[]): number {
    const winner = level === 0 ? node : this.#winners[this.#starts[level]! + node]! - 1;
    if (winner < 0 || this.keys[winner] === NEVER) return -1;
    if (except.length === 0 || !except.includes(winner)) return winner;
    if (level === 0) return -1;
    let best = -1;
    for (let child = node << BITS, end = child + FANOUT; child < end; child++) {
      const row = this.#bestBelow(level - 1, child, except);
      if (row >= 0 && (best < 0 || this.#beats(row, best))) best = row;
    }
    return best;
  }

  #beats(a: number, b: number): boolean {
    const keyA = this.keys[a]!;
    const keyB = this.keys[b]!;
    return keyA < keyB || (keyA === keyB && this.#ties[a]! < this.#ties[b]!);
  }
}

export interface SumTreeMemory {
  /** By row. */
  readonly leaves: Float64Array;
  /** By node. */
  readonly sums: Float64Array;
}

/** Finds the row at a point of the cumulated amounts, in O(log8 rows). Amounts are integers, so that the sums are exact. */
export class SumTree {
  readonly leaves: Float64Array;
  readonly #sums: Float64Array;
  readonly #header: Int32Array;
  readonly #starts: Int32Array;

  static memory(cutter: Cutter, rows: number): SumTreeMemory {
    return { leaves: cutter.doubles(rows), sums: cutter.doubles(levelStarts(rows).end) };
  }

  constructor(header: Int32Array, { leaves, sums }: SumTreeMemory) {
    this.#header = header;
    this.leaves = leaves;
    this.#sums = sums;
    this.#starts = levelStarts(leaves.length).starts;
  }

  get total(): number {
    return this.#sums[this.#starts[levelsFor(this.#header[SPAN]!)]!]!;
  }

  set(row: number, amount: number): void {
    const more = amount - this.leaves[row]!;
    if (more === 0) return;
    this.leaves[row] = amount;
    const levels = levelsFor(this.#header[SPAN]!);
    for (let level = 1, node = row >> BITS; level <= levels; level++, node >>= BITS) {
      this.#sums[this.#starts[level]! + node]! += more;
    }
  }

  /** The row that covers `point`, 0 <= point < total. */
  at(point: number): number {
    let left = point;
    let child = 0;
    for (let level = levelsFor(this.#header[SPAN]!) - 1; level >= 0; level--) {
      const amounts = level === 0 ? this.leaves : this.#sums;
      const start = level === 0 ? 0 : this.#starts[level]!;
      for (child <<= BITS; left >= amounts[start + child]!; child++) left -= amounts[start + child]!;
    }
    return child;
  }

  /** Where the row begins: the amounts of those before it. */
  before(row: number): number {
    const levels = levelsFor(this.#header[SPAN]!);
    let sum = 0;
    for (let level = 0, node = row; level < levels; level++, node >>= BITS) {
      const amounts = level === 0 ? this.leaves : this.#sums;
      const start = level === 0 ? 0 : this.#starts[level]!;
      for (let sibling = node & -FANOUT; sibling < node; sibling++) sum += amounts[start + sibling]!;
    }
    return sum;
  }

  /** Derives all nodes from the leaves: when SPAN has outgrown the levels, and in a repair. */
  rebuild(): void {
    this.#sums.fill(0);
    const levels = levelsFor(this.#header[SPAN]!);
    for (let row = 0; row < this.#header[SPAN]!; row++) {
      for (let level = 1, node = row >> BITS; level <= levels; level++, node >>= BITS) {
        this.#sums[this.#starts[level]! + node]! += this.leaves[row]!;
      }
    }
  }
}
