/**
 * Power of two random choices (Mitzenmacher): two rows drawn in proportion to weight, the one with the smaller
 * active / weight gets the connection, on a tie the first.
 */

import { OPEN, SPAN } from "../layout.ts";
import { randomBelow } from "../random.ts";
import type { Memory } from "../table.ts";
import { SumTree } from "../tree.ts";
import type { ClientKey } from "../types.ts";
import type { Picker } from "./algorithm.ts";

export class TwoRandomChoices implements Picker {
  readonly #memory: Memory;
  readonly #tree: SumTree;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#tree = new SumTree(memory.header, memory.sumLeaves, memory.sumNodes);
  }

  joined(_row: number): void {}
  reweighted(_row: number, _before: number): void {}
  took(_row: number): void {}
  prepare(): void {}

  changed(row: number): void {
    this.#tree.set(row, this.#amount(row));
  }

  choose(_client: ClientKey, tried: readonly number[]): number {
    if (tried.length === 0) return this.#draw();
    for (const row of tried) this.#tree.set(row, 0);
    const row = this.#draw();
    for (const row of tried) this.changed(row);
    return row;
  }

  rebuild(): void {
    for (let row = 0; row < this.#memory.header[SPAN]!; row++) this.#tree.leaves[row] = this.#amount(row);
    this.#tree.rebuild();
  }

  #draw(): number {
    const total = this.#tree.total;
    if (total <= 0) return -1;
    const { active, weight, random } = this.#memory;
    const first = this.#tree.at(randomBelow(random, total));
    const second = this.#tree.at(randomBelow(random, total));
    // active / weight compared crosswise: no division, and exact (both factors stay below 2^31 and 2^20).
    return active[second]! * weight[first]! < active[first]! * weight[second]! ? second : first;
  }

  #amount(row: number): number {
    return this.#memory.standing[row] === OPEN ? this.#memory.weight[row]! : 0;
  }
}
