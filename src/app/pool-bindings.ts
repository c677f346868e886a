/** The sticky bindings of all pools, as they are shared with the other balancers of the group. */
import type { PoolSettings } from "../config/settings.ts";
import type { Engine } from "../engines/engine.ts";
import type { BoundThere } from "../group/binding-batch.ts";
import type { Outlived } from "../group/binding-log.ts";
import type { IsHeir } from "../group/heirs.ts";
import type { BindingBook } from "../group/shared-bindings.ts";
import type { Moment } from "../pool/binding-precedence.ts";
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
  isNewcomer = true;
  readonly #options: PoolBindingsOptions;

  constructor(options: PoolBindingsOptions) {
    this.#options = options;
  }

  take(elapsed: number, most: number): Outlived[] {
    const { pools, wallClock } = this.#options;
    const moment = this.#moment();
    const found: Outlived[] = [];
    for (const [name, pool] of pools) {
      const idle = this.#shared(name, pool);
      if (idle === null) continue;
      for (const { client, row, usedAt, boundAt } of pool.exchange.take(moment, elapsed, most)) {
        const at = Math.floor(wallClock() - (moment.now - usedAt));
        const [text, target] = [clientText(client), pool.identity(row)];
        found.push({ pool: name, client: text, target, at, boundAt, until: at + idle });
      }
    }
    return found;
  }

  heed({ pool: name, target, clients }: BoundThere): number | null {
    const { pools, wallClock } = this.#options;
    const pool = pools.get(name);
    if (pool === undefined) return null;
    if (this.#shared(name, pool) === null) return 0;
    const row = pool.row(target);
    if (row < 0) return null;
    const key = new Uint32Array(4);
    const moment = this.#moment();
    const wallNow = wallClock();
    let taken = 0;
    for (const [client, at, boundAt] of clients) {
      if (!hasAddress(clientKey(client.replace(NETWORK, ""), key))) continue; // none that Harmony has written
      const usedAt = moment.now - (wallNow - at);
      if (pool.exchange.adopt(key, row, { usedAt, boundAt }, moment)) taken++;
    }
    return taken;
  }

  inherit(isHeir: IsHeir): void {
    for (const [name, pool] of this.#options.pools) {
      if (this.#shared(name, pool) !== null) pool.exchange.inherit(isHeir);
    }
  }

  #moment(): Moment {
    const { engine, wallClock } = this.#options;
    const at = Math.floor(wallClock());
    return { now: engine.now(), stamp: this.isNewcomer ? -at : at };
  }

  /** ms that a binding outlives its last use; null: that pool shares none. From here on its threads know which. */
  #shared(name: string, pool: Pool): number | null {
    const { persistent = null, persistentShared = null } = this.#options.settingsOf(name) ?? {};
    const idle = persistentShared === null ? null : persistent;
    pool.exchange.isOn = idle !== null;
    return idle;
  }
}
