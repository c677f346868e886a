/** What has become of a pool's connections, as their close records tell, and the last hour of its counters. */
import type { NetCode } from "../net/net-error.ts";
import type { Pool } from "../pool/pool.ts";
import type { EndCause, EndedBy, UnavailableReason } from "../proxy/outcome.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { History, type Step } from "./history.ts";
import { Measure } from "./measure.ts";
import { Samples } from "./samples.ts";
import { LIVES, WAITS } from "./scale.ts";
import { TargetStatistics } from "./target-statistics.ts";

const NONE: Readonly<Record<UnavailableReason, number>> = {
  "no-targets": 0,
  "connect-failed": 0,
  "queue-full": 0,
  "queue-timeout": 0,
  stopping: 0,
};

export class PoolStatistics {
  readonly pool: Pool;
  readonly connect = new Measure(WAITS);
  readonly firstByte = new Measure(WAITS);
  readonly duration = new Measure(LIVES);
  /** Of those that have waited. */
  readonly queued = new Measure(WAITS);
  /** Clients that got no target. */
  readonly unavailable = { ...NONE };
  readonly failures = new Map<NetCode, number>();
  readonly ended: Readonly<Record<EndedBy, Map<EndCause, number>>> = {
    client: new Map(),
    target: new Map(),
    balancer: new Map(),
  };
  requeues = 0;
  readonly samples = new Samples();
  readonly history = new History();
  /** By identity. Those of targets that have left are dropped at the end of a slice. */
  readonly targets = new Map<string, TargetStatistics>();
  #before = { connections: 0, failures: 0, unavailable: 0, bytesIn: 0, bytesOut: 0 };

  constructor(pool: Pool) {
    this.pool = pool;
  }

  /** One of its connections has ended. Called for each, of all threads: about 0.3 µs of one processor. */
  closed(slice: number, record: CloseRecord): void {
    const { target, tried, queuedMs, cause, endedBy } = record;
    if (queuedMs > 0) this.queued.add(slice, queuedMs);
    if (target !== null) this.#served(slice, target, record);
    if (tried.length > 0) this.#tried(record);
    if (isReason(cause)) this.unavailable[cause]++;
    count(this.ended[endedBy], cause);
  }

  /** Ends a step of its history. */
  step(slice: number): void {
    const totals = { ...this.pool.totals(), unavailable: sum(Object.values(this.unavailable)) };
    const before = this.#before;
    this.#before = totals;
    const connect = this.connect.quantiles(slice, 1);
    const step: Step = {
      active: this.pool.active,
      waiting: this.pool.waiting,
      connections: totals.connections - before.connections,
      failures: totals.failures - before.failures,
      unavailable: totals.unavailable - before.unavailable,
      bytesIn: totals.bytesIn - before.bytesIn,
      bytesOut: totals.bytesOut - before.bytesOut,
      connectP50: connect?.p50 ?? null,
      connectP99: connect?.p99 ?? null,
      targetsUp: this.pool.targetRows().filter(({ state }) => state === "up").length,
    };
    this.history.add(step);
  }

  /** What is known of targets that have left for good is dropped. */
  forgetTargets(): void {
    if (this.targets.size === 0) return;
    const here = new Set(this.pool.targetRows().map(({ identity }) => identity));
    for (const identity of this.targets.keys()) if (!here.has(identity)) this.targets.delete(identity);
  }

  #served(slice: number, target: string, record: CloseRecord): void {
    const { connectMs, firstByteMs, durationMs } = record;
    if (connectMs !== null) this.connect.add(slice, connectMs);
    if (firstByteMs !== null) this.firstByte.add(slice, firstByteMs);
    this.duration.add(slice, durationMs);
    this.#of(target).served(slice, record);
  }

  #tried({ tried, requeues }: CloseRecord): void {
    this.requeues += requeues;
    for (const { target, code } of tried) {
      count(this.failures, code);
      if (target !== null) this.#of(target).failed(code);
    }
  }

  #of(target: string): TargetStatistics {
    const known = this.targets.get(target);
    if (known !== undefined) return known;
    const made = new TargetStatistics();
    this.targets.set(target, made);
    return made;
  }
}

function isReason(cause: EndCause): cause is UnavailableReason {
  return cause in NONE;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, some) => all + some, 0);
}

function count<K>(counts: Map<K, number>, what: K): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
