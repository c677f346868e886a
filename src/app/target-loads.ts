/** What this balancer has of each target: connections that are open, and new ones. */
import type { TargetLoad } from "../group/loads.ts";
import type { Pool } from "../pool/pool.ts";
import type { Statistics } from "../telemetry/statistics.ts";

export interface TargetLoadsOptions {
  /** Those that are served now, by name. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly statistics: Pick<Statistics, "of">;
}

/** Of all targets, in order of registration, by pool. */
export function* targetLoads({ pools, statistics }: TargetLoadsOptions): Generator<TargetLoad> {
  for (const [name, pool] of pools) {
    const samples = statistics.of(name)?.samples;
    for (const { identity, row, active } of pool.targetRows())
      yield { name: identity, active, perSecond: samples?.ratesOf(row).connections ?? 0 };
  }
}
