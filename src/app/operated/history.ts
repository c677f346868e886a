import type { History } from "../../admin/api/schemas/pools.ts";
import type { Statistics } from "../../telemetry/statistics.ts";
import { noPool, timeText } from "./targets.ts";

/** Throws `NO_POOL`. */
export function shownHistory(statistics: Pick<Statistics, "history">, pool: string): History {
  const known = statistics.history(pool);
  if (known === undefined) throw noPool(pool);
  const { stepMs, until, series } = known;
  const copied = Object.entries(series).map(([name, values]) => [name, [...values]]);
  return { pool, stepMs, until: timeText(until), ...(Object.fromEntries(copied) as typeof series) } as History;
}
