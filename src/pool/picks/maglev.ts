/**
 * Weighted Maglev (Eisenbud et al., NSDI 2016): fills a table of prime size in which each target has a share of the
 * entries equal to its share of the weights, and few entries change when a target comes or goes. Pure.
 */

export interface MaglevTarget {
  readonly row: number;
  readonly weight: number;
  /** Two hashes of its identity, 32 bits each: they alone decide where it stands. */
  readonly hash0: number;
  readonly hash1: number;
}

const EMPTY = -1;

/** Writes rows into `table` (its length must be prime); -1 everywhere when there is no target. Weights must be above 0. */
export function fillMaglev(table: Int32Array, targets: readonly MaglevTarget[]): void {
  table.fill(EMPTY);
  if (targets.length === 0) return;
  const size = table.length;
  // The order of turns must not depend on the order of registration.
  const order = [...targets].sort((a, b) => (a.hash0 >>> 0) - (b.hash0 >>> 0) || (a.hash1 >>> 0) - (b.hash1 >>> 0));
  const heaviest = order.reduce((most, target) => Math.max(most, target.weight), 0);
  const next = Int32Array.from(order, (target) => (target.hash0 >>> 0) % size);
  const skip = Int32Array.from(order, (target) => ((target.hash1 >>> 0) % (size - 1)) + 1);
  const turns = new Calendar(order, heaviest, size);
  for (let filled = 0; filled < size; filled++) {
    const at = turns.next();
    let slot = next[at]!;
    while (table[slot] !== EMPTY) slot = (slot + skip[at]!) % size;
    table[slot] = order[at]!.row;
    next[at] = (slot + skip[at]!) % size;
  }
}

/**
 * Whose turn it is: the heaviest has one in every round, a target of half its weight in every second. Targets wait in a
 * list per round, so that a light one costs nothing in the rounds it sits out: a pool of one target of weight 1,000,000
 * and 10,000 of weight 1 would otherwise take 10^10 steps.
 */
class Calendar {
  readonly #targets: readonly MaglevTarget[];
  readonly #heaviest: number;
  /** First target of each round, -1 for none; and the one after each target. */
  readonly #first: Int32Array;
  readonly #after: Int32Array;
  readonly #turnsTaken: Int32Array;
  #round = 0;

  constructor(targets: readonly MaglevTarget[], heaviest: number, rounds: number) {
    this.#targets = targets;
    this.#heaviest = heaviest;
    this.#first = new Int32Array(rounds + 1).fill(-1);
    this.#after = new Int32Array(targets.length);
    this.#turnsTaken = new Int32Array(targets.length);
    for (let at = targets.length - 1; at >= 0; at--) this.#enter(at);
  }

  next(): number {
    while (this.#first[this.#round] === -1) this.#round++;
    const at = this.#first[this.#round]!;
    this.#first[this.#round] = this.#after[at]!;
    this.#turnsTaken[at]!++;
    this.#enter(at);
    return at;
  }

  /** Puts the target into the round of its next turn; beyond the last round it gets none. */
  #enter(at: number): void {
    const round = Math.ceil(((this.#turnsTaken[at]! + 1) * this.#heaviest) / this.#targets[at]!.weight);
    if (round >= this.#first.length) return;
    this.#after[at] = this.#first[round]!;
    this.#first[round] = at;
  }
}
