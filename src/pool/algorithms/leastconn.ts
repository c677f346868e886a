/** Weighted least connections: the smallest (active + 1) / weight; on a tie the one that was picked least recently. */

import { OPEN, PICKS, SPAN } from "../layout.ts";
import type { Memory } from "../table.ts";
import { MinTree, NEVER } from "../tree.ts";
import type { ClientKey } from "../types.ts";
import type { Picker } from "./algorithm.ts";

export class LeastConnections implements Picker {
  readonly #memory: Memory;
  readonly #tree: MinTree;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#tree = new MinTree(memory.header, memory.orderKeys, memory.pickedAt, memory.orderNodes);
  }

  joined(_row: number): void {}
  reweighted(_row: number, _before: number): void {}
  prepare(): void {}

  changed(row: number): void {
    this.#tree.set(row, this.#key(row));
  }

  took(row: number): void {
    this.#memory.pickedAt[row] = ++this.#memory.clocks[PICKS]!;
  }

  choose(_client: ClientKey, tried: readonly number[]): number {
    return this.#tree.best(tried);
  }

  rebuild(): void {
    for (let row = 0; row < this.#memory.header[SPAN]!; row++) this.#tree.keys[row] = this.#key(row);
    this.#tree.rebuild();
  }

  #key(row: number): number {
    const { standing, active, weight } = this.#memory;
    return standing[row] === OPEN ? (active[row]! + 1) / weight[row]! : NEVER;
  }
}
