/**
 * What a balancer knows of its pools over time. Counters are the pools' own (shared memory); times and reasons come with the close
 * records; both are looked at every two seconds, for rates, and every ten, for the last hour. A connection that goes on has no part in
 * times and reasons until it ends.
 *
 * Memory, at most: 30 kB for each pool that has been used, 10 kB for each target that has had a connection, and about 500 bytes for each target at all.
 */
import type { Pool } from "../pool/pool.ts";
import type { UnavailableReason } from "../proxy/outcome.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { type Cancel, type Clock, every, systemClock } from "../util/clock.ts";
import { type SeriesName, STEP_MS } from "./history.ts";
import { PoolStatistics } from "./pool-statistics.ts";
import { type Rates, SAMPLE_MS } from "./samples.ts";
import type { Quantiles } from "./window.ts";

const SAMPLES_PER_STEP = STEP_MS / SAMPLE_MS;

/** Since the balancer's start, of a pool as a whole: nothing of it falls when a target leaves. */
export interface PoolNumbers {
  readonly connections: number;
  readonly failures: number;
  readonly requeues: number;
  readonly unavailable: Readonly<Record<UnavailableReason, number>>;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Sticky bindings; null: the pool makes none. */
  readonly bindings: number | null;
  readonly evictions: number;
  readonly rates: Rates;
  readonly connectMs: Quantiles | null;
  readonly firstByteMs: Quantiles | null;
  readonly durationMs: Quantiles | null;
  readonly queuedMs: Quantiles | null;
}

export interface TargetNumbers {
  readonly rates: Rates;
  /** Of the pool's connections of the last minute, 0 to 1; null: there was none. */
  readonly share: number | null;
  readonly connectMs: Quantiles | null;
  readonly firstByteMs: Quantiles | null;
  readonly durationMs: Quantiles | null;
}

export interface HistoryNumbers {
  readonly stepMs: number;
  /** Unix time, ms, of the end of the last step. */
  readonly until: number;
  readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>;
}

export class Statistics {
  readonly #pools: () => ReadonlyMap<string, Pool>;
  readonly #clock: Clock;
  readonly #wallClock: () => number;
  readonly #of = new Map<string, PoolStatistics>();
  /** Counts slices of ten seconds, from 1: see Window. */
  #slice = 1;
  #samples = 0;
  #steppedAt = 0;
  #until = 0;
  #cancel: Cancel = () => undefined;

  /** `pools`: those that are served now, by name. */
  constructor(pools: () => ReadonlyMap<string, Pool>, clock: Clock = systemClock, wallClock: () => number = Date.now) {
    this.#pools = pools;
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  start(): void {
    this.#steppedAt = this.#clock.now();
    this.#until = this.#wallClock();
    this.#follow();
    this.#cancel = every(this.#clock, SAMPLE_MS, () => this.#look());
  }

  close(): void {
    this.#cancel();
  }

  ended(record: CloseRecord): void {
    this.of(record.pool)?.closed(this.#slice, record);
  }

  /** Undefined: no such pool is served. */
  of(pool: string): PoolStatistics | undefined {
    return this.#of.get(pool) ?? this.#begin(pool);
  }

  pool(name: string): PoolNumbers | undefined {
    const of = this.of(name);
    if (of === undefined) return undefined;
    const { pool, requeues, unavailable, connect, firstByte, duration, queued, samples } = of;
    return {
      ...pool.totals(),
      requeues,
      unavailable: { ...unavailable },
      bindings: pool.bindings,
      evictions: pool.evictions,
      rates: samples.rates,
      connectMs: connect.quantiles(this.#slice),
      firstByteMs: firstByte.quantiles(this.#slice),
      durationMs: duration.quantiles(this.#slice),
      queuedMs: queued.quantiles(this.#slice),
    };
  }

  target(pool: string, identity: string): TargetNumbers | undefined {
    const of = this.of(pool);
    if (of === undefined) return undefined;
    const row = of.pool.row(identity);
    const known = of.targets.get(identity);
    return {
      rates: of.samples.ratesOf(row),
      share: of.samples.shareOf(row),
      connectMs: known?.connect.quantiles(this.#slice) ?? null,
      firstByteMs: known?.firstByte.quantiles(this.#slice) ?? null,
      durationMs: known?.duration.quantiles(this.#slice) ?? null,
    };
  }

  history(pool: string): HistoryNumbers | undefined {
    const of = this.of(pool);
    return of && { stepMs: STEP_MS, until: this.#until, series: of.history.series };
  }

  #look(): void {
    this.#follow();
    const isStep = ++this.#samples % SAMPLES_PER_STEP === 0;
    const now = this.#clock.now();
    for (const each of this.#of.values()) each.samples.take(each.pool, now, isStep);
    if (isStep) this.#step(now);
  }

  #step(now: number): void {
    // A process that was stopped, or a machine that slept, knows nothing of the time between.
    const missed = Math.min(MOST_MISSED, Math.max(0, Math.round((now - this.#steppedAt) / STEP_MS) - 1));
    for (const each of this.#of.values()) {
      for (let i = 0; i < missed; i++) each.history.add(null);
      each.step(this.#slice);
      each.forgetTargets();
    }
    this.#slice += 1 + missed;
    this.#steppedAt = now;
    this.#until = this.#wallClock();
  }

  /** Those of pools that are gone, or have been made anew, are dropped. */
  #follow(): void {
    const pools = this.#pools();
    for (const [name, { pool }] of this.#of) if (pools.get(name) !== pool) this.#of.delete(name);
    for (const name of pools.keys()) this.of(name);
  }

  #begin(name: string): PoolStatistics | undefined {
    const pool = this.#pools().get(name);
    if (pool === undefined) return undefined;
    const made = new PoolStatistics(pool);
    made.samples.take(pool, this.#clock.now(), true);
    this.#of.set(name, made);
    return made;
  }
}

/** Steps without knowledge that are kept: an hour of them is all that there is. */
const MOST_MISSED = 360;
