/** What one page of metrics is made of: everything that counts, copied or at hand when it was asked for. */
import type { GroupView } from "../../group/view.ts";
import type { RowCounters, TargetRow } from "../../pool/pool.ts";
import type { Histogram } from "../../telemetry/histogram.ts";
import type { PoolStatistics } from "../../telemetry/pool-statistics.ts";
import type { TargetStatistics } from "../../telemetry/target-statistics.ts";
import type { Busy } from "../../telemetry/thread-load.ts";
import { turn } from "../../util/slices.ts";
import { labelText } from "./label.ts";

/** The first targets of the balancer, in order of pools and registration, that have histograms of their own: each has 60 series. */
export const WITH_HISTOGRAMS = 100;

/** Targets between two turns: half a ms of work. */
const SLICE = 1_000;

export interface MeasuredPool {
  readonly name: string;
  readonly statistics: PoolStatistics;
}

export interface MeasuredCheck {
  readonly kind: "check" | "agent";
  readonly passes: number;
  readonly failures: number;
  /** How long the last answer took; null: there was none. */
  readonly ms: number | null;
}

/** A listener that asks something of its clients. */
export interface MeasuredEdge {
  readonly listener: string;
  /** Clients that were turned away, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Clients that were let in uncounted, as the limits had no room for them. */
  readonly untracked: number;
  /** Memory for lists and limits. */
  readonly bytes: number;
}

/** An address of a listener at which clients speak TLS. */
export interface MeasuredTls {
  readonly listener: string;
  readonly address: string;
  /** Handshakes that were agreed on; of those, the ones by a ticket; those that failed. */
  readonly handshakes: number;
  readonly resumed: number;
  readonly failed: number;
  /** By file: Unix time in ms until when it is valid. */
  readonly certificates: readonly { readonly file: string; readonly notAfter: number }[];
}

/** What metrics need of the balancer. */
export interface Measured {
  readonly version: string;
  readonly runtime: { readonly name: string; readonly version: string };
  readonly engine: string;
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly ready: boolean;
  pools(): readonly MeasuredPool[];
  edges(): readonly MeasuredEdge[];
  tls(): readonly MeasuredTls[];
  /** Of a target that is not up: those who say no. */
  refusals(target: string): readonly { readonly source: string; readonly says: string }[];
  /** What the balancer has asked of that target, or of its agent. */
  checks(target: string): readonly MeasuredCheck[];
  /** Checks, and agents, that are asked again and again; those that are alike are one. */
  readonly checked: number;
  /** Targets of which an operator has ordered something. */
  readonly orders: number;
  /** null: it is in none. */
  readonly group: GroupView | null;
  /** Sticky bindings that others of the group were told of, and that were taken from them; null: it is in none. */
  readonly sharedBindings: { readonly written: number; readonly taken: number } | null;
  /** How often all sticky bindings of others were read for clients that wait for that, and how often such a client went on before; null: it is in none. */
  readonly lookUps: { readonly done: number; readonly failed: number; readonly late: number } | null;
  /** Reporters that are connected. */
  readonly sessions: number;
  readonly silentSessions: number;
  /** Reporters that were turned away, by code. */
  readonly rejections: ReadonlyMap<string, number>;
  /** Events that were told, by name. */
  readonly events: ReadonlyMap<string, number>;
  /** Answers of the API, by status. */
  readonly apiAnswers: ReadonlyMap<string, number>;
  readonly reloads: { readonly done: number; readonly failed: number; readonly lastDoneAt: number | null };
  readonly eventLoop: Histogram;
  readonly threads: readonly Busy[];
  readonly descriptors: { readonly open: number | null; readonly limit: number | null };
  readonly memoryBytes: number;
  /** Seconds of a processor, of the whole process. */
  readonly cpuSeconds: number;
}

export interface ScrapedPool extends MeasuredPool {
  readonly label: string;
  readonly targets: readonly TargetRow[];
  readonly counters: RowCounters;
}

export interface ScrapedTarget {
  readonly label: string;
  readonly is: TargetRow;
  readonly counters: RowCounters;
  /** Undefined: none of its connections has ended. */
  readonly statistics: TargetStatistics | undefined;
}

export interface Scrape {
  readonly measured: Measured;
  readonly pools: readonly ScrapedPool[];
  /** `pool="web"` of each. */
  readonly poolLabels: readonly string[];
  readonly targets: readonly ScrapedTarget[];
  readonly targetLabels: readonly string[];
}

/** `only`: the pool that the reader sees; null: all. In slices, between which others have their turn. */
export async function scrape(measured: Measured, only: string | null): Promise<Scrape> {
  const pools: ScrapedPool[] = [];
  const targets: ScrapedTarget[] = [];
  for (const { name, statistics } of measured.pools()) {
    if (only !== null && name !== only) continue;
    const { pool } = statistics;
    const label = labelText("pool", name);
    const scraped = { name, statistics, label, targets: pool.targetRows(), counters: pool.counters() };
    pools.push(scraped);
    for (let from = 0; from < scraped.targets.length; from += SLICE) {
      targets.push(...targetsOf(scraped, from));
      await turn();
    }
  }
  return {
    measured,
    pools,
    poolLabels: pools.map(({ label }) => label),
    targets,
    targetLabels: targets.map(({ label }) => label),
  };
}

function targetsOf({ label, statistics, targets, counters }: ScrapedPool, from: number): ScrapedTarget[] {
  const slice = targets.slice(from, from + SLICE);
  const text = slice.map(({ identity }) => `${label},${labelText("target", identity)}`).join("\n");
  const labels = text.split("\n"); // pieces of one text: put together they would be put together anew in each line
  return slice.map((is, nth) => ({
    label: labels[nth]!,
    is,
    counters,
    statistics: statistics.targets.get(is.identity),
  }));
}
