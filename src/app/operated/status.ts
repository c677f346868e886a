/** The balancer as a whole. */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { runtime } from "#runtime";
import type { Status, TargetCounts } from "../../admin/api/schemas/status.ts";
import type { BalancerSettings } from "../../config/settings.ts";
import { inSlices } from "../../util/slices.ts";
import { VERSION } from "../../util/version.ts";
import { groupInShort } from "./group.ts";
import type { Operable } from "./operable.ts";
import { countStates } from "./pools.ts";

/** What others know. */
type Known = Pick<Status, "reporters" | "silentReporters" | "orders" | "stateFile" | "logLevel"> & {
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly lastReload: Status["document"]["lastReload"];
};

export async function statusOf(balancer: Operable, { startedAt, lastReload, ...known }: Known): Promise<Status> {
  const { parts, passedOver, telemetry } = balancer;
  const { services, engine, document, group } = parts;
  const counts = await countsOf(balancer);
  return {
    name: "harmony-balancer",
    version: VERSION,
    runtime: { name: runtime.name, version: runtime.version },
    engine: { name: engine.name, passedOver: passedOver.map(({ name, reason }) => ({ name, reason })) },
    pid: process.pid,
    host: hostname(),
    startedAt: new Date(startedAt).toISOString(),
    uptimeMs: Math.max(0, Date.now() - startedAt),
    state: stateOf(balancer),
    document: { file: fileOf(document.settings), lastReload },
    group: group && groupInShort(group.view()),
    pools: services.pools.size,
    listeners: services.listeners.length,
    targets: counts.targets,
    asleep: counts.asleep,
    panic: [...services.pools].filter(([, { panic }]) => panic).map(([name]) => name),
    connections: { ...services.connections, total: counts.total },
    descriptors: telemetry.descriptors,
    memoryBytes: process.memoryUsage.rss(),
    eventLoop: telemetry.eventLoop.delay,
    threads: telemetry.threads.busy.map(({ name, busy }) => ({ name, busy })),
    ...known,
  };
}

/** The API answers before all of its own places are open, and until the last connection has gone. */
function stateOf({ isReady, isClosing }: Pick<Operable, "isReady" | "isClosing">): Status["state"] {
  if (isClosing()) return "stopping";
  return isReady() ? "serving" : "starting";
}

async function countsOf({ parts }: Operable): Promise<{ targets: TargetCounts; asleep: number; total: number }> {
  const targets = { up: 0, suspect: 0, draining: 0, down: 0 };
  let [asleep, total] = [0, 0];
  await inSlices(parts.services.pools.values(), (pool) => {
    countStates(pool, targets);
    asleep += pool.sleeping;
    total += pool.totals().connections;
  });
  return { targets, asleep, total };
}

/** What it reads when it reloads; null: it was started without a file. */
export function fileOf({ config }: Pick<BalancerSettings, "config">): string | null {
  return config === null ? null : resolve(config);
}
