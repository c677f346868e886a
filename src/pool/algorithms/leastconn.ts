/** Weighted least connections: the smallest (active + 1) / weight; on a tie the row that was picked least recently. */
import type { ClientKey } from "../client-key.ts";
import { OPEN, PICKS, SPAN } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import { MinTree, type MinTreeMemory, NEVER } from "../tree.ts";
import { algorithm, Picker } from "./algorithm.ts";

export const leastconn = algorithm({
  name: "leastconn",
  doc: "fewest connections for its weight",
  use: "nearly everything: it follows what the targets carry",
  memory: MinTree.memory,
  create: ({ layout }, memory: MinTreeMemory) => new LeastConnections(layout, memory),
});

class LeastConnections extends Picker {
  readonly #layout: PoolLayout;
  readonly #tree: MinTree;

  constructor(layout: PoolLayout, memory: MinTreeMemory) {
    super();
    this.#layout = layout;
    this.#tree = new MinTree(layout.header, layout.pickedAt, memory);
  }

  override clear(): void {
    this.#tree.clear();
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
    const { availability, active, weight } = this.#layout;
    return availability[row] === OPEN ? (active[row]! + 1) / weight[row]! : NEVER;
  }
}
