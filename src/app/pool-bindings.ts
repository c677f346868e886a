/** The sticky bindings of all pools, as they are shared with the other balancers of the group. */
import type { PoolSettings } from "../config/settings.ts";
import type { Engine } from "../engines/engine.ts";
import type { BoundThere } from "../group/binding-batch.ts";
import type { Outlived } from "../group/binding-log.ts";
import type { BindingBook } from "../group/shared-bindings.ts";
import type { Pool } from "../pool/pool.ts";
import { clientKey, clientText, hasAddress } from "../util/client-key.ts";

type Sharing = Pick<PoolSettings, "persistent" | "persistentShared">;

export interface PoolBindingsOptions {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly settingsOf: (pool: string) => Sharing | undefined;
  readonly engine: Pick<Engine, "now">;
  /** ms since 1970. */
  readonly wallClock: () => number;
}

/** What an IPv6 network is called beside the address that it begins with. */
const NETWORK = /\/64$/;

export class PoolBindings implements BindingBook {
  readonly #options: PoolBindingsOptions;

  constructor(options: PoolBindingsOptions) {
    this.#options = options;
  }

  take(elapsed: number, most: number): Outlived[] {
    const { pools, engine, wallClock } = this.#options;
    const now = engine.now();
    const found: Outlived[] = [];
    for (const [name, pool] of pools) {
      const idle = this.#shared(name, pool);
      if (idle === null) continue;
      for (const { client, row, usedAt } of pool.exchange.take(now, elapsed, most)) {
        const at = Math.floor(wallClock() - (now - usedAt));
        found.push({ pool: name, client: clientText(client), target: pool.identity(row), at, until: at + idle });
      }
    }
    return found;
  }

  heed({ pool: name, target, clients }: BoundThere): number | null {
    const { pools, engine, wallClock } = this.#options;
    const pool = pools.get(name);
    if (pool === undefined) return null;
    if (this.#shared(name, pool) === null) return 0;
    const row = pool.row(target);
    if (row < 0) return null;
    const key = new Uint32Array(4);
    const now = engine.now();
    const wallNow = wallClock();
    let taken = 0;
    for (const [client, at] of clients) {
      if (!hasAddress(clientKey(client.replace(NETWORK, ""), key))) continue; // none that Harmony has written
      if (pool.exchange.adopt(key, row, now - (wallNow - at), now)) taken++;
    }
    return taken;
  }

  /** ms that a binding outlives its last use; null: that pool shares none. From here on its threads know which. */
  #shared(name: string, pool: Pool): number | null {
    const { persistent = null, persistentShared = false } = this.#options.settingsOf(name) ?? {};
    const idle = persistentShared ? persistent : null;
    pool.exchange.isOn = idle !== null;
    return idle;
  }
}
