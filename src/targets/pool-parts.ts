/**
 * What part of a pool's `concurrency` is this balancer's, where reporters speak to several balancers which do not know of each other: each
 * has the same part, by what the pool's reporters say of how many there are. What remains goes to the first ones, in an order that all reporters
 * with the same balancers have in common. Where they say different things the smallest part counts. Balancers that have no reporter of the pool
 * in common do not count each other.
 *
 * What was said holds until its target is gone: reporters that have fallen silent have not said that there are fewer.
 */
import type { Row } from "./entry.ts";

/** So many balancers, of which this is the one at that place, from 0. */
interface Standing {
  readonly balancers: number;
  readonly place: number;
}

interface PoolStandings {
  readonly byRow: Map<Row, Standing>;
  /** How many rows say the same, by what they say. */
  readonly counts: Map<string, { readonly standing: Standing; count: number }>;
  last: Standing | null;
}

export class PoolParts {
  readonly #pools = new Map<string, PoolStandings>();
  readonly #onPart: (pool: string) => void;

  /** `onPart`: part() gives another number for that pool. */
  constructor(onPart: (pool: string) => void) {
    this.#onPart = onPart;
  }

  /** Of so many permits. */
  part(pool: string, concurrency: number): number {
    const last = this.#pools.get(pool)?.last;
    if (last == null) return concurrency;
    const { balancers, place } = last;
    return Math.max(1, Math.floor(concurrency / balancers) + (place < concurrency % balancers ? 1 : 0));
  }

  /** The row has been written. */
  note(row: Row): void {
    const { balancers = 1, place = 0 } = row.registered?.report ?? {};
    const before = this.#pools.get(row.poolName)?.byRow.get(row);
    if (balancers === (before?.balancers ?? 1) && place === (before?.place ?? 0)) return;
    if (balancers > 1) this.#set(row, { balancers, place });
    else this.forget(row);
  }

  /** It is gone. */
  forget(row: Row): void {
    const pool = this.#pools.get(row.poolName);
    if (pool === undefined || !pool.byRow.has(row)) return;
    this.#drop(pool, row);
    this.#look(row.poolName, pool);
    if (pool.byRow.size === 0) this.#pools.delete(row.poolName);
  }

  #set(row: Row, standing: Standing): void {
    const pool = this.#pools.get(row.poolName) ?? { byRow: new Map(), counts: new Map(), last: null };
    this.#pools.set(row.poolName, pool);
    this.#drop(pool, row);
    pool.byRow.set(row, standing);
    const same = pool.counts.get(keyOf(standing)) ?? { standing, count: 0 };
    same.count++;
    pool.counts.set(keyOf(standing), same);
    this.#look(row.poolName, pool);
  }

  #drop({ byRow, counts }: PoolStandings, row: Row): void {
    const before = byRow.get(row);
    if (before === undefined) return;
    byRow.delete(row);
    const same = counts.get(keyOf(before))!;
    same.count--;
    if (same.count === 0) counts.delete(keyOf(before));
  }

  #look(name: string, pool: PoolStandings): void {
    const all = [...pool.counts.values()].map(({ standing }) => standing);
    const last = all.reduce<Standing | null>((worst, each) => (isWorse(each, worst) ? each : worst), null);
    const isNews = last?.balancers !== pool.last?.balancers || last?.place !== pool.last?.place;
    pool.last = last;
    if (isNews) this.#onPart(name);
  }
}

function keyOf({ balancers, place }: Standing): string {
  return `${place} of ${balancers}`;
}

function isWorse(one: Standing, other: Standing | null): boolean {
  if (other === null || one.balancers !== other.balancers) return one.balancers > (other?.balancers ?? 0);
  return one.place > other.place;
}
