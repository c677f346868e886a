/** Clients of all pools that wait for what the other balancers of the group know of them. */
import type { PoolSettings } from "../config/settings.ts";
import type { Engine } from "../engines/engine.ts";
import type { GoOn, Lookers } from "../group/readings.ts";
import type { Pool } from "../pool/pool.ts";

export interface PoolLookUpsOptions {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly settingsOf: (pool: string) => Pick<PoolSettings, "persistentShared"> | undefined;
  readonly engine: Pick<Engine, "lookedUp">;
}

export class PoolLookUps implements Lookers {
  onWanted: (ms: number) => void = () => undefined;
  onServed: () => void = () => undefined;
  readonly #options: PoolLookUpsOptions;

  constructor(options: PoolLookUpsOptions) {
    this.#options = options;
  }

  open(atLeast: number): boolean {
    const { pools, settingsOf } = this.#options;
    let isAny = false;
    for (const [name, pool] of pools) {
      const ms = settingsOf(name)?.persistentShared ?? 0;
      const isOpen = ms > atLeast;
      isAny ||= isOpen;
      this.#set(pool, isOpen ? ms : 0);
    }
    return isAny;
  }

  #set(pool: Pool, ms: number): void {
    const { lookUps } = pool;
    if (lookUps.ms !== ms) {
      lookUps.onWanted = () => this.onWanted(ms);
      lookUps.onServed = () => this.onServed();
      lookUps.ms = ms;
      if (ms === 0) this.#options.engine.lookedUp(pool);
    } else if (ms > 0 && lookUps.isWanted) {
      this.onWanted(ms); // a thread may have died that was about to say so
    }
  }

  take(atMost = Number.POSITIVE_INFINITY): GoOn {
    const { pools, engine } = this.#options;
    const taken = [...pools.values()]
      .filter(({ lookUps }) => lookUps.ms > 0 && lookUps.ms <= atMost)
      .map((pool) => ({ pool, last: pool.lookUps.begin() }));
    return (most = Number.POSITIVE_INFINITY) => {
      for (const { pool, last } of taken) {
        if (pool.lookUps.ms <= most && pool.lookUps.done(last)) engine.lookedUp(pool);
      }
    };
  }
}
