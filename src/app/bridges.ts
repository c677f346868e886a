/** The bridges over which pools speak TLS to their targets: one for each pool that does, for as long as it does so in the same way. */
import { isDeepStrictEqual } from "node:util";
import type { PoolSettings } from "../config/settings.ts";
import type { TargetTlsBridge } from "../engines/engine.ts";
import type { TlsListeners } from "../tls/listeners.ts";
import type { TargetTls } from "../tls/settings.ts";

interface Held {
  readonly tls: TargetTls;
  /** ms */
  readonly keepalive: number;
  readonly bridge: TargetTlsBridge;
}

/** By pool, all that are to be; those that are not there yet have been opened. */
export type PreparedBridges = ReadonlyMap<string, Held>;

export class Bridges {
  readonly #tls: Pick<TlsListeners, "bridge" | "forget">;
  #held: PreparedBridges = new Map();

  constructor(tls: Pick<TlsListeners, "bridge" | "forget">) {
    this.#tls = tls;
  }

  /** Rejects with NetError, and nothing has changed then. */
  async prepare(pools: ReadonlyMap<string, PoolSettings>): Promise<PreparedBridges> {
    const next = new Map<string, Held>();
    try {
      for (const [name, { targetTls: tls, keepalive }] of pools) {
        if (tls === "off") continue;
        const held = this.#held.get(name);
        const stays = held !== undefined && held.keepalive === keepalive && isDeepStrictEqual(held.tls, tls);
        next.set(name, stays ? held : { tls, keepalive, bridge: await this.#tls.bridge(tls, keepalive) });
      }
    } catch (error) {
      await this.drop(next);
      throw error;
    }
    return next;
  }

  /** Closes those that no pool has: what prepare() has opened in vain, and what commit() has given. */
  async drop(these: PreparedBridges): Promise<void> {
    const gone = [...these].filter(([name, { bridge }]) => this.of(name) !== bridge);
    await Promise.all(gone.map(([, { bridge }]) => this.#tls.forget(bridge)));
  }

  /** Gives those that are not needed any more, for drop(): targets may be being connected to over them still. */
  commit(next: PreparedBridges): PreparedBridges {
    const former = [...this.#held].filter(([name, { bridge }]) => next.get(name)?.bridge !== bridge);
    this.#held = next;
    return new Map(former);
  }

  /** null: the pool's targets are spoken to as they are. */
  of(pool: string): TargetTlsBridge | null {
    return this.#held.get(pool)?.bridge ?? null;
  }
}
