/** A balancer's measures for tests of the page of metrics: real pools and statistics, and the rest made up. */
import type { Measured } from "../../../src/admin/metrics/scrape.ts";
import { Pool } from "../../../src/pool/pool.ts";
import { Histogram } from "../../../src/telemetry/histogram.ts";
import { WAITS } from "../../../src/telemetry/scale.ts";
import { Statistics } from "../../../src/telemetry/statistics.ts";
import { ManualClock } from "../../support/clock.ts";
import { fakeGroup } from "../../support/operated/group.ts";
import { record } from "../../telemetry/records.ts";

export interface World {
  readonly measured: Measured;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly statistics: Statistics;
}

/** With as many targets in each pool, of which each has served a connection. */
export function worldOf(poolNames: readonly string[], targets: number): World {
  const pools = new Map(poolNames.map((name) => [name, poolOf(name, targets)]));
  const statistics = new Statistics(() => pools, new ManualClock());
  for (const [name, pool] of pools) {
    for (let n = 0; n < targets; n++) {
      const client = Uint32Array.of(0, 0, 0xffff, n);
      pool.enter(n);
      const row = pool.pick(client, [], n);
      pool.connected(row, 1);
      pool.release(row, client, 10, 1_000, n);
      statistics.ended(record({ pool: name, target: `${name}/web-${n}`, queuedMs: n % 2 }));
      pool.leave();
    }
  }
  const eventLoop = new Histogram(WAITS);
  eventLoop.add(WAITS.rangeOf(0.2), 0.2);
  const measured: Measured = {
    version: "2.0.0",
    runtime: { name: "Node", version: "20.0.0" },
    engine: "linux",
    startedAt: Date.UTC(2026, 10, 30),
    ready: true,
    pools: () => [...pools.keys()].map((name) => ({ name, statistics: statistics.of(name)! })),
    edges: () => [{ listener: "web", refusals: { denied: 6, "client-rate": 0 }, untracked: 2, bytes: 4_096 }],
    tls: () => [
      {
        ...{ listener: "web", address: "*:443", handshakes: 9, resumed: 4, failed: 1 },
        // A file may be named twice.
        certificates: Array(2).fill({ file: "/etc/tls/a.pem", notAfter: Date.UTC(2027, 1, 1) }),
      },
    ],
    checks: () => [{ kind: "check", passes: 7, failures: 2, ms: 3 }],
    checked: 1,
    refusals: () => [{ source: "ordered", says: "draining" }],
    orders: 1,
    group: fakeGroup(Date.UTC(2026, 10, 30)),
    sharedBindings: { written: 30, taken: 20 },
    lookUps: { done: 12, failed: 2, late: 3 },
    sessions: 2,
    silentSessions: 1,
    rejections: new Map([["UNKNOWN_KEY", 3]]),
    events: new Map([["targetUp", 4]]),
    apiAnswers: new Map([["200", 5]]),
    reloads: { done: 1, failed: 2, lastDoneAt: Date.UTC(2026, 10, 30, 1) },
    eventLoop,
    threads: [
      { name: "main", busy: 0.25, seconds: 12.5 },
      { name: "worker 1", busy: null, seconds: null },
    ],
    descriptors: { open: 40, limit: 1024 },
    memoryBytes: 50_000_000,
    cpuSeconds: 13,
  };
  return { measured, pools, statistics };
}

function poolOf(name: string, targets: number): Pool {
  const pool = Pool.create({
    name,
    algorithm: "roundrobin",
    persistent: 60_000,
    concurrency: 1_000,
    queue: 10,
    maxTargets: Math.max(1, targets),
    seed: 1,
  });
  for (let n = 0; n < targets; n++) {
    const address = { host: "10.0.0.1", port: 1 + (n % 60_000) };
    pool.set({ identity: `${name}/web-${n}`, address, weight: 1 + (n % 5), maxConnections: 0 }, "up");
  }
  return pool;
}
