/**
 * What a pool's counters were some seconds ago, from which follows how fast they rise. Counters are in the pool's shared memory, where
 * threads raise them; a sample is a copy.
 */
import type { Pool, PoolTotals, RowCounters } from "../pool/pool.ts";

/** ms between samples. */
export const SAMPLE_MS = 2_000;
/** Samples that are kept: the last ten seconds, and the latest. */
const KEPT = 6;
/** Of slices: the last minute, and the latest. */
const KEPT_SLICES = 7;

/** A second, averaged over the last ten. */
export interface Rates {
  readonly connections: number;
  readonly failures: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

interface Sample {
  /** ms by the clock. */
  readonly at: number;
  readonly totals: PoolTotals;
  readonly rows: RowCounters;
}

const NONE: Rates = { connections: 0, failures: 0, bytesIn: 0, bytesOut: 0 };

export class Samples {
  /** The oldest first. */
  readonly #recent: Sample[] = [];
  readonly #slices: Sample[] = [];

  /** `isSlice`: a slice of ten seconds ends here, or the first one begins. */
  take(pool: Pool, at: number, isSlice: boolean): void {
    const sample = { at, totals: pool.totals(), rows: pool.counters() };
    keep(this.#recent, sample, KEPT);
    if (isSlice) keep(this.#slices, sample, KEPT_SLICES);
  }

  /** Of all targets together. */
  get rates(): Rates {
    const [from, to] = this.#ends;
    if (from === undefined || to === undefined || to.at === from.at) return NONE;
    const seconds = (to.at - from.at) / 1_000;
    const rate = (name: keyof Rates) => Math.max(0, to.totals[name] - from.totals[name]) / seconds;
    return ratesBy(rate);
  }

  ratesOf(row: number): Rates {
    const [from, to] = this.#ends;
    if (from === undefined || to === undefined || to.at === from.at) return NONE;
    const seconds = (to.at - from.at) / 1_000;
    return ratesBy((name) => risen(from.rows, to.rows, row, name) / seconds);
  }

  /** The row's part of the connections of the last minute, 0 to 1; null: there were none. */
  shareOf(row: number): number | null {
    const [from, to] = [this.#slices[0], this.#recent.at(-1)];
    if (from === undefined || to === undefined) return null;
    const all = to.totals.connections - from.totals.connections;
    return all > 0 ? Math.min(1, risen(from.rows, to.rows, row, "connections") / all) : null;
  }

  get #ends(): readonly [Sample | undefined, Sample | undefined] {
    return [this.#recent[0], this.#recent.at(-1)];
  }
}

const COUNTER = { connections: "total", failures: "failures", bytesIn: "bytesIn", bytesOut: "bytesOut" } as const;

/** By how much; of a target that has come since then, all that it has. */
function risen(from: RowCounters, to: RowCounters, row: number, name: keyof Rates): number {
  const counter = COUNTER[name];
  const isSame = from.incarnation[row] === to.incarnation[row];
  return Math.max(0, (to[counter][row] ?? 0) - (isSame ? (from[counter][row] ?? 0) : 0));
}

function ratesBy(rate: (name: keyof Rates) => number): Rates {
  return {
    connections: rate("connections"),
    failures: rate("failures"),
    bytesIn: rate("bytesIn"),
    bytesOut: rate("bytesOut"),
  };
}

function keep(samples: Sample[], sample: Sample, most: number): void {
  samples.push(sample);
  if (samples.length > most) samples.shift();
}
