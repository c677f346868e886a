/** All metrics, in the order of the page. A new one is an entry of one of these lists; its line in docs/metrics.md follows (`make docs`). */
import { groupMetrics } from "./group-metrics.ts";
import { listenerMetrics } from "./listener-metrics.ts";
import type { Metric } from "./metric.ts";
import { poolMetrics } from "./pool-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { targetMetrics } from "./target-metrics.ts";

/** What those see who see one pool. */
export const OF_POOLS: readonly Metric[] = [...poolMetrics, ...targetMetrics];

export const METRICS: readonly Metric[] = [...processMetrics, ...groupMetrics, ...listenerMetrics, ...OF_POOLS];
