/** Pools, as the API shows them. */
import type { Pool } from "../../admin/api/schemas/pools.ts";
import type { TargetCounts } from "../../admin/api/schemas/status.ts";
import { plain } from "../../admin/shown-settings.ts";
import type { Pool as PoolMemory } from "../../pool/pool.ts";
import type { Run } from "../../targets/removal/rebalancing.ts";
import type { Statistics } from "../../telemetry/statistics.ts";
import { formatAddress } from "../../util/address.ts";
import { inSlices } from "../../util/slices.ts";
import { type PoolView, poolViews } from "../views.ts";
import type { Parts } from "../wiring.ts";

export async function shownPools(
  { services, document, removal, sharedPermits }: Pick<Parts, "services" | "document" | "removal" | "sharedPermits">,
  statistics: Statistics,
): Promise<Pool[]> {
  const shown: Pool[] = [];
  await inSlices(poolViews(services, document), (view) => {
    const pool = services.pools.get(view.name); // which may have gone since the last slice
    if (pool === undefined) return;
    const least = sharedPermits?.least(view.name) ?? Number.POSITIVE_INFINITY;
    shown.push({
      ...shownPool(view, pool, removal.rebalancing(view.name), statistics),
      ...limitOf(pool, least),
    });
  });
  return shown;
}

function shownPool(
  { name, origin, options: { targets: _, ...options }, listeners, active, waiting }: PoolView,
  pool: PoolMemory,
  rebalancing: Run | null,
  of: Statistics,
): Omit<Pool, keyof Limit> {
  return {
    name,
    origin,
    options: plain(options) as Pool["options"],
    listeners: listeners.map((each) => ({ name: each.name, addresses: each.addresses.map(formatAddress) })),
    panic: pool.panic,
    rebalancing: rebalancing && { ...rebalancing, targets: [...rebalancing.targets] },
    targets: countStates(pool),
    asleep: pool.sleeping,
    active,
    waiting,
    ...of.pool(name)!,
  };
}

type Limit = Pick<Pool, "concurrency" | "groupConcurrency" | "permits">;

/** `least`: of all balancers. */
function limitOf({ options: { concurrency }, permits }: PoolMemory, least: number): Limit {
  if (concurrency < 0) return { concurrency: null, groupConcurrency: null, permits: null };
  const groupConcurrency = least < concurrency ? least : null;
  return { concurrency, groupConcurrency, permits: permits < concurrency ? permits : null };
}

/** Adds the pool's targets to `counts`, and gives them. */
export function countStates(pool: PoolMemory, counts = { up: 0, suspect: 0, draining: 0, down: 0 }): TargetCounts {
  for (const { state } of pool.targetRows()) counts[state]++;
  return counts;
}
