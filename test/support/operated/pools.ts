import type { Connection } from "../../../src/admin/api/schemas/connections.ts";
import type { Listener, Pool } from "../../../src/admin/api/schemas/pools.ts";
import type { TargetCounts } from "../../../src/admin/api/schemas/status.ts";
import { fakeQuantiles, wave } from "./numbers.ts";

export const POOL_NAMES: readonly string[] = ["web", "db", "mqtt"];

export function fakePool(
  name: string,
  targets: TargetCounts,
  open: readonly Connection[],
  listeners: readonly Listener[],
  startedAt: number,
): Pool {
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  const isWeb = name === "web";
  const own = listeners.filter(({ pool }) => pool === name);
  return {
    name,
    origin: name === "mqtt" ? "brought" : "defined",
    options: { algorithm: "leastconn", concurrency: isWeb ? 500 : -1, persistent: isWeb ? 1_800_000 : 0 },
    listeners: own.length === 0 ? [] : [{ name: own[0]!.name, addresses: own.map(({ address }) => address) }],
    panic: false,
    rebalancing: null,
    asleep: 0,
    targets,
    active: open.length,
    waiting: isWeb ? Math.max(0, Math.round(wave(50, 6))) : 0,
    concurrency: isWeb ? 500 : null,
    groupConcurrency: null,
    permits: isWeb ? 180 : null,
    connections: seconds * 12,
    failures: Math.floor(seconds / 900),
    requeues: Math.floor(seconds / 1200),
    unavailable: {
      "no-targets": 3,
      "connect-failed": Math.floor(seconds / 4000),
      "queue-full": isWeb ? 12 : 0,
      "queue-timeout": isWeb ? 4 : 0,
      stopping: 0,
    },
    bytesIn: seconds * 41_000,
    bytesOut: seconds * 600_000,
    bindings: isWeb ? 240 : null,
    evictions: 0,
    rates: {
      connections: Math.max(0, 12 + wave(45, 4)),
      failures: 0,
      bytesIn: 41_000 + wave(45, 9_000),
      bytesOut: 600_000 + wave(45, 150_000),
    },
    connectMs: fakeQuantiles(1.8),
    firstByteMs: fakeQuantiles(14),
    durationMs: fakeQuantiles(900),
    queuedMs: isWeb ? fakeQuantiles(3) : null,
  };
}
