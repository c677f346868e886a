/**
 * Smooth weighted round robin as stride scheduling (Waldspurger): each row has a virtual time at which its next turn is
 * due, the earliest is chosen, and its next turn is 1 / weight later.
 */

import { OPEN, PICKS, SPAN, VIRTUAL_TIME } from "../layout.ts";
import type { Memory } from "../table.ts";
import { MinTree, NEVER } from "../tree.ts";
import type { ClientKey } from "../types.ts";
import type { Picker } from "./algorithm.ts";

/**
 * Newcomers get their first turn at different fractions of their stride: multiples of the golden ratio lie evenly however
 * many there are. Without it a thousand light targets would all have their turns in one row.
 */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
/** Times are set back before the resolution of a double (2^-32 here) comes near the smallest stride, 1e-6. */
const REBASE_AT = 2 ** 20;

const NOBODY: readonly number[] = [];

export class RoundRobin implements Picker {
  readonly #memory: Memory;
  readonly #tree: MinTree;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#tree = new MinTree(memory.header, memory.orderKeys, memory.pickedAt, memory.orderNodes);
  }

  prepare(): void {}

  joined(row: number): void {
    const { turnAt, weight, clocks } = this.#memory;
    const stride = weight[row] === 0 ? 0 : 1 / weight[row]!;
    turnAt[row] = clocks[VIRTUAL_TIME]! + stride * (((row + 1) * GOLDEN_RATIO) % 1);
  }

  /** What is left of the way to the next turn stretches or shrinks with the stride. */
  reweighted(row: number, before: number): void {
    const { turnAt, weight, clocks } = this.#memory;
    const now = clocks[VIRTUAL_TIME]!;
    if (before === 0) this.joined(row);
    else if (weight[row]! > 0) turnAt[row] = now + Math.max(0, turnAt[row]! - now) * (before / weight[row]!);
  }

  changed(row: number): void {
    const { standing, turnAt, clocks } = this.#memory;
    const open = standing[row] === OPEN;
    const key = this.#tree.keys[row];
    // Turns missed while it could take none are not made up for.
    if (open && key === NEVER) turnAt[row] = Math.max(turnAt[row]!, clocks[VIRTUAL_TIME]!);
    const now = open ? turnAt[row]! : NEVER;
    if (now !== key) this.#tree.set(row, now);
  }

  took(row: number): void {
    const { pickedAt, turnAt, weight, clocks } = this.#memory;
    pickedAt[row] = ++clocks[PICKS]!;
    // A last resort may be overdue: it goes on from now.
    turnAt[row] = Math.max(turnAt[row]!, clocks[VIRTUAL_TIME]!) + 1 / weight[row]!;
  }

  choose(_client: ClientKey, tried: readonly number[]): number {
    const { clocks } = this.#memory;
    const first = this.#tree.best(NOBODY);
    if (first < 0) return -1;
    clocks[VIRTUAL_TIME] = this.#tree.keys[first]!;
    if (clocks[VIRTUAL_TIME]! >= REBASE_AT) this.#rebase();
    return tried.length === 0 ? first : this.#tree.best(tried);
  }

  rebuild(): void {
    const { standing, turnAt, header } = this.#memory;
    for (let row = 0; row < header[SPAN]!; row++) this.#tree.keys[row] = standing[row] === OPEN ? turnAt[row]! : NEVER;
    this.#tree.rebuild();
  }

  #rebase(): void {
    const { turnAt, clocks, header } = this.#memory;
    for (let row = 0; row < header[SPAN]!; row++) turnAt[row]! -= clocks[VIRTUAL_TIME]!;
    clocks[VIRTUAL_TIME] = 0;
    this.rebuild();
  }
}
