/**
 * Smooth weighted round robin as stride scheduling (Waldspurger): each row has a virtual time at which its next turn is due.
 * The earliest is picked, and its next turn is 1 / weight later.
 */
import type { ClientKey } from "../../util/client-key.ts";
import type { Cutter } from "../cutter.ts";
import { PICKS, SPAN } from "../header.ts";
import type { PoolLayout } from "../layout.ts";
import { MinTree, NEVER } from "../tree.ts";
import { algorithm, Picker } from "./algorithm.ts";

export const roundrobin = algorithm({
  name: "roundrobin",
  doc: "in turn, in exact proportion to the weights",
  use: "many short connections that cost alike",
  memory,
  move(from: Memory, to: Memory): boolean {
    to.turnAt.set(from.turnAt);
    to.clock.set(from.clock);
    return true;
  },
  create: ({ layout, takes }, memory: Memory) => new RoundRobin(layout, memory, takes),
});

/**
 * Newcomers get their first turn at different fractions of their stride: multiples of the golden ratio lie evenly, however
 * many there are. Without that, a thousand light targets would all have their turns one after the other.
 */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
/** Times are set back before the resolution of a double (2^-32 here) comes near the smallest stride, 1e-6. */
const REBASE_AT = 2 ** 20;

const NONE: readonly number[] = [];

type Memory = ReturnType<typeof memory>;

function memory(cutter: Cutter, rows: number) {
  return {
    tree: MinTree.memory(cutter, rows),
    /** When the row's next turn is due, in virtual time. */
    turnAt: cutter.doubles(rows),
    /** The virtual time, in its only element. */
    clock: cutter.doubles(1),
  };
}

class RoundRobin extends Picker {
  readonly #layout: PoolLayout;
  readonly #takes: number;
  readonly #turnAt: Float64Array;
  readonly #clock: Float64Array;
  readonly #tree: MinTree;

  constructor(layout: PoolLayout, { tree, turnAt, clock }: Memory, takes: number) {
    super();
    this.#layout = layout;
    this.#takes = takes;
    this.#turnAt = turnAt;
    this.#clock = clock;
    this.#tree = new MinTree(layout.header, layout.pickedAt, tree);
  }

  override grow(start: number, end: number): void {
    this.#tree.grow(start, end);
  }

  override onAdded(row: number): void {
    const weight = this.#layout.weight[row]!;
    const stride = weight === 0 ? 0 : 1 / weight;
    this.#turnAt[row] = this.#clock[0]! + stride * (((row + 1) * GOLDEN_RATIO) % 1);
  }

  /** What is left of the way to the next turn is stretched or shortened as the stride is. */
  override onWeightChanged(row: number, before: number): void {
    const weight = this.#layout.weight[row]!;
    const now = this.#clock[0]!;
    if (before === 0) this.onAdded(row);
    else if (weight > 0) this.#turnAt[row] = now + Math.max(0, this.#turnAt[row]! - now) * (before / weight);
  }

  override onPicked(row: number): void {
    const { pickedAt, weight, clocks } = this.#layout;
    pickedAt[row] = ++clocks[PICKS]!;
    // A last resort may be overdue: it goes on from now.
    this.#turnAt[row] = Math.max(this.#turnAt[row]!, this.#clock[0]!) + 1 / weight[row]!;
  }

  override onChanged(row: number): void {
    const turnAt = this.#turnAt;
    const open = this.#layout.availability[row] === this.#takes;
    const key = this.#tree.keys[row];
    // Turns missed while it could not take any are not made up for.
    if (open && key === NEVER) turnAt[row] = Math.max(turnAt[row]!, this.#clock[0]!);
    const due = open ? turnAt[row]! : NEVER;
    if (due !== key) this.#tree.set(row, due);
  }

  pick(_client: ClientKey, tried: readonly number[]): number {
    const first = this.#tree.best(NONE);
    if (first < 0) return -1;
    const now = this.#tree.keys[first]!;
    this.#clock[0] = now;
    if (now >= REBASE_AT) this.#rebase(now);
    return tried.length === 0 ? first : this.#tree.best(tried);
  }

  override rebuild(): void {
    const { availability, header } = this.#layout;
    const { keys } = this.#tree;
    for (let row = 0; row < header[SPAN]!; row++)
      keys[row] = availability[row] === this.#takes ? this.#turnAt[row]! : NEVER;
    this.#tree.rebuild();
  }

  #rebase(now: number): void {
    for (let row = 0; row < this.#layout.header[SPAN]!; row++) this.#turnAt[row]! -= now;
    this.#clock[0] = 0;
    this.rebuild();
  }
}
