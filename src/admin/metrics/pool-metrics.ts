/** Metrics with a series for each pool. */
import type { TargetState } from "../../pool/pool.ts";
import type { PoolStatistics } from "../../telemetry/pool-statistics.ts";
import { labelText } from "./label.ts";
import type { HistogramMetric, NumberMetric, Series } from "./metric.ts";
import type { Scrape } from "./scrape.ts";

const STATES: readonly TargetState[] = ["up", "suspect", "draining", "down"];

const POOL = ["pool"];

export const poolMetrics: readonly (NumberMetric | HistogramMetric)[] = [
  {
    name: "harmony_pool_connections_total",
    type: "counter",
    labels: POOL,
    help: "Connections that reached a target.",
    series: (scrape) => each(scrape, totals("connections")),
  },
  {
    name: "harmony_pool_connections_active",
    type: "gauge",
    labels: POOL,
    help: "Connections that hold a permit now: those that are being connected, relayed or answered.",
    series: (scrape) => each(scrape, ({ pool }) => pool.active),
  },
  {
    name: "harmony_pool_connections_ended_total",
    type: "counter",
    labels: ["pool", "by", "cause"],
    help: "Connections that have ended, by who ended them first and why.",
    series: ({ pools }) =>
      pools.flatMap(({ label, statistics: { ended } }) =>
        Object.entries(ended).flatMap(([by, causes]) =>
          [...causes].map(([cause, count]) =>
            one(`${label},${labelText("by", by)},${labelText("cause", cause)}`, count),
          ),
        ),
      ),
  },
  {
    name: "harmony_pool_bytes_total",
    type: "counter",
    labels: ["pool", "direction"],
    help: "Bytes from clients to targets (in) and from targets to clients (out).",
    series: (scrape) => [
      ...each(scrape, totals("bytesIn"), 'direction="in"'),
      ...each(scrape, totals("bytesOut"), 'direction="out"'),
    ],
  },
  {
    name: "harmony_pool_targets_asleep",
    type: "gauge",
    labels: POOL,
    help: "Targets that are started when somebody waits: they are down, or drain.",
    series: (scrape) => each(scrape, ({ pool }) => pool.sleeping),
  },
  {
    name: "harmony_pool_queue_length",
    type: "gauge",
    labels: POOL,
    help: "Clients that wait in the queue now.",
    series: (scrape) => each(scrape, ({ pool }) => pool.waiting),
  },
  {
    name: "harmony_pool_failures_total",
    type: "counter",
    labels: ["pool", "reason"],
    help: "Attempts to connect to a target that failed, by error, of connections that have ended.",
    series: (scrape) => byKey(scrape, "reason", ({ failures }) => failures),
  },
  {
    name: "harmony_pool_ejections_total",
    type: "counter",
    labels: ["pool", "reason"],
    help: "How often a target was taken out for what its connections have shown: silent (it answered nobody), early-end (it ended them before a byte), slow; or its reporter (silent-reporter).",
    series: (scrape) => byKey(scrape, "reason", ({ pool }) => Object.entries(pool.ejections())),
  },
  {
    name: "harmony_requeues_total",
    type: "counter",
    labels: POOL,
    help: "How often a connection was given to another target, of connections that have ended.",
    series: (scrape) => each(scrape, ({ requeues }) => requeues),
  },
  {
    name: "harmony_unavailable_total",
    type: "counter",
    labels: ["pool", "reason"],
    help: "Clients that got no target.",
    series: (scrape) => byKey(scrape, "reason", ({ unavailable }) => Object.entries(unavailable)),
  },
  {
    name: "harmony_pool_bindings",
    type: "gauge",
    labels: POOL,
    help: "Sticky bindings, with those that have expired and whose place nobody has needed since; none of a pool that makes none.",
    series: (scrape) => each(scrape, ({ pool }) => pool.bindings ?? Number.NaN),
  },
  {
    name: "harmony_pool_binding_evictions_total",
    type: "counter",
    labels: POOL,
    help: "Clients that lost the target they were bound to because there are as many bindings as there may be.",
    series: (scrape) => each(scrape, ({ pool }) => (pool.bindings === null ? Number.NaN : pool.evictions)),
  },
  {
    name: "harmony_pool_targets",
    type: "gauge",
    labels: ["pool", "state"],
    help: "Targets by state.",
    series: ({ pools, poolLabels }) =>
      STATES.map((state) => ({
        labels: poolLabels,
        also: labelText("state", state),
        value: (nth) => pools[nth]!.targets.filter((target) => target.state === state).length,
      })),
  },
  {
    name: "harmony_pool_panic",
    type: "gauge",
    labels: POOL,
    help: "1 while all of the pool's reporters have fallen silent, and its targets are served without knowing their health.",
    series: (scrape) => each(scrape, ({ pool }) => (pool.panic ? 1 : 0)),
  },
  {
    name: "harmony_pool_concurrency",
    type: "gauge",
    labels: POOL,
    help: "Clients that may be served at once (--concurrency), by all balancers together where they share that; none where there is no limit.",
    series: (scrape) =>
      each(scrape, ({ pool: { options } }) => (options.concurrency < 0 ? Number.NaN : options.concurrency)),
  },
  {
    name: "harmony_pool_permits",
    type: "gauge",
    labels: POOL,
    help: "How many of them this balancer may serve: its part, where balancers share that; none where there is no limit.",
    series: (scrape) => each(scrape, ({ pool: { permits } }) => (permits < 0 ? Number.NaN : permits)),
  },
  times(
    "harmony_pool_connect_seconds",
    "connect",
    "Time to connect to a target, with attempts that failed and without the queue.",
  ),
  times("harmony_pool_first_byte_seconds", "firstByte", "Time from a client's accept to the target's first byte."),
  times(
    "harmony_pool_duration_seconds",
    "duration",
    "Time from a client's accept to its end, where a target served it.",
  ),
  times(
    "harmony_pool_queue_wait_seconds",
    "queued",
    "Time in the queue, and while it is looked up what other balancers know of the client (persistent-shared), of those that have waited.",
  ),
];

function times(name: string, what: "connect" | "firstByte" | "duration" | "queued", help: string): HistogramMetric {
  return {
    name,
    type: "histogram",
    labels: POOL,
    help: `${help} Of connections that have ended.`,
    histograms: ({ pools }) =>
      pools.map(({ label, statistics }) => ({ labels: label, histogram: statistics[what].histogram })),
  };
}

function each({ pools, poolLabels }: Scrape, value: (of: PoolStatistics) => number, also = ""): readonly Series[] {
  return [{ labels: poolLabels, also, value: (nth) => value(pools[nth]!.statistics) }];
}

function totals(name: "connections" | "bytesIn" | "bytesOut"): (of: PoolStatistics) => number {
  return ({ pool }) => pool.totals()[name];
}

function byKey(
  { pools }: Scrape,
  label: string,
  of: (statistics: PoolStatistics) => Iterable<readonly [string, number]>,
): readonly Series[] {
  return pools.map((pool) => {
    const all = [...of(pool.statistics)];
    const labels = all.map(([key]) => `${pool.label},${labelText(label, key)}`);
    return { labels, value: (nth) => all[nth]![1] };
  });
}

function one(labels: string, value: number): Series {
  return { labels: [labels], value: () => value };
}
