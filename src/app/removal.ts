/** What becomes of open connections when targets go (`on-down`) and come (`rebalance`), in all pools. */
import type { Engine } from "../engines/engine.ts";
import { Rebalancer } from "../targets/removal/rebalancer.ts";
import type { Run } from "../targets/removal/rebalancing.ts";
import { Removals } from "../targets/removal/removals.ts";
import { systemClock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import type { BalancerEvents } from "./events.ts";
import type { Services } from "./services.ts";

export class Removal {
  readonly #removals: Removals;
  readonly #rebalancer: Rebalancer;

  constructor(engine: Engine, services: Services, tell: (...event: EventOf<BalancerEvents>) => void) {
    const { pools } = services;
    const settingsOf = (pool: string) => services.state.pools.get(pool);
    const common = { engine, clock: systemClock, pools };
    this.#removals = new Removals({
      ...common,
      timeOf: (pool) => settingsOf(pool)?.onDown ?? null,
      onRemoved: (removed) => tell("connectionsRemoved", removed),
    });
    this.#rebalancer = new Rebalancer({
      ...common,
      random: Math.random,
      rateOf: (pool) => settingsOf(pool)?.rebalance ?? null,
      rampOf: (pool) => settingsOf(pool)?.slowStart ?? 0,
      onBegin: (pool, run) => tell("rebalancing", pool, run),
      onEnd: (pool, run) => tell("rebalanced", pool, run),
    });
  }

  /** The targets of a pool have changed, or its settings. */
  changed(pool: string): void {
    this.#removals.changed(pool);
    this.#rebalancer.changed(pool);
  }

  /** What connections are ended for in that pool now; null: none are. */
  rebalancing(pool: string): Run | null {
    return this.#rebalancer.runOf(pool);
  }

  close(): void {
    this.#removals.close();
    this.#rebalancer.close();
  }
}
