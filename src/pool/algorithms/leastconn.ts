/**
 * Weighted least connections: the smallest (active + 1) / weight, where the connections count that other balancers have there as well, as far
 * as the target's reporter has told; on a tie the heaviest row, and among equally heavy ones the one
 * that was picked least recently. The heaviest, so that an idle pool sends everybody to the largest target even while the last
 * connection's end is still on its way: with one connection it ties with an idle one of half its weight.
 */
import type { ClientKey } from "../../util/client-key.ts";
import { PICKS, SPAN } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import { MinTree, type MinTreeMemory, NEVER } from "../tree.ts";
import { algorithm, Picker } from "./algorithm.ts";

export const leastconn = algorithm({
  name: "leastconn",
  doc: "fewest connections for its weight",
  use: "nearly everything: it follows what the targets carry",
  memory: MinTree.memory,
  create: ({ layout, takes }, memory: MinTreeMemory) => new LeastConnections(layout, memory, takes),
});

/**
 * How much smaller a unit of weight makes the key, as a part of it: one step of a double, so that equals differ by their weight
 * and, with weights up to 2^20, loads that differ by more than 2^-32 keep their order. In the key, because a tree that compared
 * weights as well would read three times as much among 10,000 idle targets as among ten.
 */
const HEAVIER_FIRST = 2 ** -52;

class LeastConnections extends Picker {
  readonly #layout: PoolLayout;
  readonly #takes: number;
  readonly #tree: MinTree;

  constructor(layout: PoolLayout, memory: MinTreeMemory, takes: number) {
    super();
    this.#layout = layout;
    this.#takes = takes;
    this.#tree = new MinTree(layout.header, layout.pickedAt, memory);
  }

  override grow(start: number, end: number): void {
    this.#tree.grow(start, end);
  }

  override onPicked(row: number): void {
    this.#layout.pickedAt[row] = ++this.#layout.clocks[PICKS]!;
  }

  override onChanged(row: number): void {
    this.#tree.set(row, this.#key(row));
  }

  pick(_client: ClientKey, tried: readonly number[]): number {
    return this.#tree.best(tried);
  }

  override rebuild(): void {
    for (let row = 0; row < this.#layout.header[SPAN]!; row++) this.#tree.keys[row] = this.#key(row);
    this.#tree.rebuild();
  }

  #key(row: number): number {
    const { availability, active, elsewhere, weight } = this.#layout;
    if (availability[row] !== this.#takes) return NEVER;
    const w = weight[row]!;
    return ((active[row]! + elsewhere[row]! + 1) / w) * (1 - w * HEAVIER_FIRST);
  }
}
