/** What algorithms have in common that draw two rows in proportion to weight, and take one of them. */
import type { ClientKey } from "../../util/client-key.ts";
import type { Cutter } from "../cutter.ts";
import { SPAN } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import { randomBelow, seedRandom } from "../random-words.ts";
import { SumTree, type SumTreeMemory } from "../tree.ts";
import { Picker, type PickerContext } from "./algorithm.ts";

export interface ChoicesMemory {
  /** The weights of rows that may be picked. */
  readonly tree: SumTreeMemory;
  /** The state of the generator: one sequence for all threads. */
  readonly random: Int32Array;
}

export function choicesMemory(cutter: Cutter, rows: number): ChoicesMemory {
  return { tree: SumTree.memory(cutter, rows), random: cutter.ints(4) };
}

export abstract class TwoChoices extends Picker {
  protected readonly layout: PoolLayout;
  readonly #takes: number;
  readonly #tree: SumTree;
  readonly #random: Int32Array;
  readonly #seed: number;

  constructor({ layout, takes, seed }: PickerContext, { tree, random }: ChoicesMemory) {
    super();
    this.layout = layout;
    this.#takes = takes;
    this.#tree = new SumTree(layout.header, tree);
    this.#random = random;
    this.#seed = seed;
  }

  /** One of two that it draws; there is one at least. */
  protected abstract choose(now: number): number;

  override clear(): void {
    seedRandom(this.#random, this.#seed);
  }

  override onChanged(row: number): void {
    this.#tree.set(row, this.#amount(row));
  }

  pick(_client: ClientKey, tried: readonly number[], now: number): number {
    for (let i = 0; i < tried.length; i++) this.#tree.set(tried[i]!, 0);
    const row = this.#tree.total > 0 ? this.choose(now) : -1;
    for (let i = 0; i < tried.length; i++) this.onChanged(tried[i]!);
    return row;
  }

  override rebuild(): void {
    for (let row = 0; row < this.layout.header[SPAN]!; row++) this.#tree.leaves[row] = this.#amount(row);
    this.#tree.rebuild();
  }

  protected draw(): number {
    return this.#tree.at(randomBelow(this.#random, this.#tree.total));
  }

  /** Another one, if there is one. */
  protected drawOther(row: number): number {
    const own = this.#tree.leaves[row]!;
    const others = this.#tree.total - own;
    if (others === 0) return row;
    const point = randomBelow(this.#random, others);
    return this.#tree.at(point < this.#tree.before(row) ? point : point + own);
  }

  #amount(row: number): number {
    return this.layout.availability[row] === this.#takes ? this.layout.weight[row]! : 0;
  }
}
