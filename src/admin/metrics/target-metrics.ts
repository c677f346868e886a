/** Metrics with a series for each target. They begin at 0 when a target comes, and are gone when it has left. */
import type { RowCounters } from "../../pool/pool.ts";
import { labelText } from "./label.ts";
import type { HistogramMetric, NumberMetric, Series } from "./metric.ts";
import { type MeasuredCheck, type Scrape, type ScrapedTarget, WITH_HISTOGRAMS } from "./scrape.ts";

const TARGET = ["pool", "target"];

export const targetMetrics: readonly (NumberMetric | HistogramMetric)[] = [
  {
    name: "harmony_target_connections_total",
    type: "counter",
    labels: TARGET,
    help: "Connections to the target since it came.",
    series: (scrape) => counted(scrape, "total"),
  },
  {
    name: "harmony_target_connections_active",
    type: "gauge",
    labels: TARGET,
    help: "Connections that the target has now, with those that are being made.",
    series: (scrape) => each(scrape, ({ is }) => is.active),
  },
  {
    name: "harmony_target_bytes_total",
    type: "counter",
    labels: [...TARGET, "direction"],
    help: "Bytes from clients to the target (in) and from the target to clients (out).",
    series: (scrape) => [
      ...counted(scrape, "bytesIn", 'direction="in"'),
      ...counted(scrape, "bytesOut", 'direction="out"'),
    ],
  },
  {
    name: "harmony_target_failures_total",
    type: "counter",
    labels: [...TARGET, "reason"],
    help: "Attempts to connect to the target that failed, by error, of connections that have ended. Only targets that have failed have it.",
    series: ({ targets }) =>
      targets
        .filter(({ statistics }) => statistics !== undefined && statistics.failures !== null)
        .flatMap(({ label, statistics }) =>
          [...statistics!.failures!].map(([code, count]) => one(`${label},${labelText("reason", code)}`, count)),
        ),
  },
  {
    name: "harmony_target_up",
    type: "gauge",
    labels: TARGET,
    help: "1: it takes new connections. 0: it is suspect, drains, or is down.",
    series: (scrape) => each(scrape, ({ is }) => (is.state === "up" ? 1 : 0)),
  },
  {
    name: "harmony_target_weight",
    type: "gauge",
    labels: TARGET,
    help: "Its weight in effect: what is reported or declared, times what an operator has ordered.",
    series: (scrape) => each(scrape, ({ is }) => is.weight),
  },
  {
    name: "harmony_target_verdict",
    type: "gauge",
    labels: [...TARGET, "source", "says"],
    help: "1 for each source that keeps a target from taking connections: says is suspect, draining or down. Only targets that are not up have it.",
    series: ({ measured, targets }) =>
      targets
        .filter(({ is }) => is.state !== "up")
        .flatMap(({ is: { identity }, label }) =>
          measured
            .refusals(identity)
            .map(({ source, says }) => one(`${label},${labelText("source", source)},${labelText("says", says)}`, 1)),
        ),
  },
  {
    name: "harmony_target_checks_total",
    type: "counter",
    labels: [...TARGET, "kind", "result"],
    help: "Checks of the target's health, and questions to its agent, that passed or failed. Only targets that are checked have it.",
    series: (scrape) =>
      checks(scrape, (label, { passes, failures }) => [
        one(`${label},${labelText("result", "passed")}`, passes),
        one(`${label},${labelText("result", "failed")}`, failures),
      ]),
  },
  {
    name: "harmony_target_check_seconds",
    type: "gauge",
    labels: [...TARGET, "kind"],
    help: "How long the last answer to a check of the target took, or its agent's. Only targets that are checked have it.",
    series: (scrape) => checks(scrape, (label, { ms }) => (ms === null ? [] : [one(label, ms / 1_000)])),
  },
  times(
    "harmony_target_connect_seconds",
    "connect",
    "Time to connect to the target, with attempts at others that failed before.",
  ),
  times("harmony_target_first_byte_seconds", "firstByte", "Time from a client's accept to the target's first byte."),
  times("harmony_target_duration_seconds", "duration", "Time from a client's accept to its end."),
];

function times(name: string, what: "connect" | "firstByte" | "duration", help: string): HistogramMetric {
  return {
    name,
    type: "histogram",
    labels: TARGET,
    help: `${help} Of connections that have ended, and of the first ${WITH_HISTOGRAMS} targets alone.`,
    histograms: ({ targets }) =>
      targets
        .slice(0, WITH_HISTOGRAMS)
        .flatMap(({ label, statistics }) =>
          statistics === undefined ? [] : [{ labels: label, histogram: statistics[what].histogram }],
        ),
  };
}

function each({ targets, targetLabels }: Scrape, value: (target: ScrapedTarget) => number): readonly Series[] {
  return [{ labels: targetLabels, value: (nth) => value(targets[nth]!) }];
}

function counted(
  { targets, targetLabels }: Scrape,
  name: Exclude<keyof RowCounters, "incarnation">,
  also = "",
): readonly Series[] {
  const value = (nth: number) => {
    const { is, counters } = targets[nth]!;
    return counters[name][is.row]!;
  };
  return [{ labels: targetLabels, also, value }];
}

function checks(
  { measured, targets }: Scrape,
  series: (label: string, check: MeasuredCheck) => readonly Series[],
): Series[] {
  if (measured.checked === 0) return [];
  return targets.flatMap(({ is: { identity }, label }) =>
    measured.checks(identity).flatMap((check) => series(`${label},${labelText("kind", check.kind)}`, check)),
  );
}

function one(labels: string, value: number): Series {
  return { labels: [labels], value: () => value };
}
