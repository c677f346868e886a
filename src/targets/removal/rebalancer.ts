/** Rebalancing (rebalancing.ts) of all pools whose option says so. */
import type { Pool } from "../../pool/pool.ts";
import { Looks } from "./looks.ts";
import type { Rate } from "./rate.ts";
import { Rebalancing, type RebalancingOptions, type Run } from "./rebalancing.ts";

export interface RebalancerOptions extends RebalancingOptions {
  readonly pools: ReadonlyMap<string, Pool>;
  /** null: none of its connections is ended for others. */
  readonly rateOf: (pool: string) => Rate | null;
  /** ms in which a target that has come takes up its whole share. */
  readonly rampOf: (pool: string) => number;
}

export class Rebalancer {
  readonly #options: RebalancerOptions;
  readonly #looks: Looks;
  readonly #byPool = new Map<Pool, Rebalancing>();

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#looks = new Looks(options.clock, () => this.#look());
  }

  /** The targets of a pool have changed, or its settings. Costs nothing where none is rebalanced. */
  changed(name: string): void {
    if (this.#options.rateOf(name) !== null || this.#byPool.size > 0) this.#looks.changed();
  }

  /** What is under way in that pool. */
  runOf(name: string): Run | null {
    const pool = this.#options.pools.get(name);
    return (pool && this.#byPool.get(pool)?.run) ?? null;
  }

  close(): void {
    this.#looks.close();
    for (const each of this.#byPool.values()) each.stop();
    this.#byPool.clear();
  }

  #look(): boolean {
    const { pools, rampOf, rateOf } = this.#options;
    const wanted = new Set<Pool>();
    for (const [name, pool] of pools) {
      const rate = rateOf(name);
      if (rate === null) continue;
      wanted.add(pool);
      const of = this.#byPool.get(pool) ?? new Rebalancing(name, pool, this.#options);
      this.#byPool.set(pool, of);
      of.look(rate, rampOf(name));
    }
    for (const [pool, of] of this.#byPool) {
      if (wanted.has(pool)) continue;
      of.stop();
      this.#byPool.delete(pool);
    }
    return wanted.size > 0;
  }
}
