/**
 * Power of two random choices (Mitzenmacher): two rows are drawn in proportion to weight, and the one with the smaller
 * active / weight gets the connection, on a tie the first.
 */
import type { ClientKey } from "../../util/client-key.ts";
import type { Cutter } from "../cutter.ts";
import { SPAN } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import { SumTree } from "../tree.ts";
import { algorithm, Picker } from "./algorithm.ts";

export const random = algorithm({
  name: "random",
  doc: "the less loaded of two at random",
  use: "several balancers in front of the same targets",
  memory,
  move(from: Memory, to: Memory): boolean {
    to.random.set(from.random);
    return true;
  },
  create: ({ layout, takes, seed }, memory: Memory) => new TwoRandomChoices(layout, memory, takes, seed),
});

type Memory = ReturnType<typeof memory>;

function memory(cutter: Cutter, rows: number) {
  return {
    /** The weights of rows that may be picked. */
    tree: SumTree.memory(cutter, rows),
    /** The state of the generator: one sequence for all threads. */
    random: cutter.ints(4),
  };
}

class TwoRandomChoices extends Picker {
  readonly #layout: PoolLayout;
  readonly #takes: number;
  readonly #tree: SumTree;
  readonly #random: Int32Array;
  readonly #seed: number;

  constructor(layout: PoolLayout, { tree, random }: Memory, takes: number, seed: number) {
    super();
    this.#layout = layout;
    this.#takes = takes;
    this.#tree = new SumTree(layout.header, tree);
    this.#random = random;
    this.#seed = seed;
  }

  override clear(): void {
    seedRandom(this.#random, this.#seed);
  }

  override onChanged(row: number): void {
    this.#tree.set(row, this.#amount(row));
  }

  pick(_client: ClientKey, tried: readonly number[]): number {
    if (tried.length === 0) return this.#draw();
    for (const row of tried) this.#tree.set(row, 0);
    const row = this.#draw();
    for (const row of tried) this.onChanged(row);
    return row;
  }

  override rebuild(): void {
    for (let row = 0; row < this.#layout.header[SPAN]!; row++) this.#tree.leaves[row] = this.#amount(row);
    this.#tree.rebuild();
  }

  #draw(): number {
    const total = this.#tree.total;
    if (total <= 0) return -1;
    const { active, weight } = this.#layout;
    const first = this.#tree.at(randomBelow(this.#random, total));
    const second = this.#tree.at(randomBelow(this.#random, total));
    // active / weight compared crosswise: no division, and exact (the factors stay below 2^31 and 2^20).
    return active[second]! * weight[first]! < active[first]! * weight[second]! ? second : first;
  }

  #amount(row: number): number {
    return this.#layout.availability[row] === this.#takes ? this.#layout.weight[row]! : 0;
  }
}

// The generator is xoshiro128** (Blackman and Vigna), since Math.random cannot be seeded.

/** Fills the four words from a seed (splitmix32). All zeros would be a state that the generator never leaves. */
function seedRandom(words: Int32Array, seed: number): void {
  let x = (seed ^ Math.floor(seed / 2 ** 32)) | 0;
  for (let i = 0; i < 4; i++) {
    x = (x + 0x9e3779b9) | 0;
    let z = x ^ (x >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    words[i] = z ^ (z >>> 15);
  }
  if ((words[0]! | words[1]! | words[2]! | words[3]!) === 0) words[0] = 1;
}

/** A whole number from 0 to `below` - 1; `below` is at most 2^40, so that 53 random bits leave no noticeable bias. */
function randomBelow(words: Int32Array, below: number): number {
  const high = nextWord(words) >>> 5;
  const low = nextWord(words) >>> 6;
  return Math.floor(((high * 2 ** 26 + low) / 2 ** 53) * below);
}

function nextWord(s: Int32Array): number {
  const s1 = s[1]!;
  const times5 = Math.imul(s1, 5);
  const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);
  s[2]! ^= s[0]!;
  s[3]! ^= s1;
  s[1] = s1 ^ s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= s1 << 9;
  s[3] = (s[3]! << 11) | (s[3]! >>> 21);
  return result;
}
