/** What of a pool's settings its memory decides by, and what the engine does for it. */
import type { PoolSettings } from "../config/settings.ts";
import { targetSockets } from "../config/socket-settings.ts";
import type { SendProxy } from "../edge/proxy-header/send.ts";
import type { ServedPool, TargetTlsBridge } from "../engines/engine.ts";
import type { Pool, PoolChanges } from "../pool/pool.ts";

/** What a pool decides itself. The rest is the engine's. */
const OF_POOL = Object.keys({
  algorithm: true,
  persistent: true,
  concurrency: true,
  queue: true,
  maxTargets: true,
  maxBindings: true,
  queueWhenEmpty: true,
  hangDetection: true,
  ejectAfter: true,
  ejectSlow: true,
  ejectTime: true,
  ejectShare: true,
  panic: true,
} satisfies Record<keyof PoolChanges, true>) as (keyof PoolChanges)[];

/** What differs alone: what somebody has ordered while the pool ran (setConcurrency) stays otherwise. */
export function poolChange(before: PoolSettings, after: PoolSettings): PoolChanges {
  return Object.fromEntries(OF_POOL.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]));
}

/** `bridge`: where its targets are spoken to through TLS; null: they are not. */
export function servedPool(pool: Pool, settings: PoolSettings, bridge: TargetTlsBridge | null): ServedPool {
  return {
    ...settings,
    pool,
    sendProxy: sendProxyOf(settings),
    targetTls: bridge ?? undefined,
    sockets: targetSockets(settings),
  };
}

function sendProxyOf({ sendProxy, sendProxyTlvs }: PoolSettings): SendProxy | undefined {
  if (sendProxy === "off") return undefined;
  return { version: sendProxy === "v1" ? 1 : 2, tlvs: sendProxyTlvs };
}
