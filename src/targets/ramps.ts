/**
 * Slow start: a target that comes or comes back gets a small part of its share at first, and all of it after the pool's `slow-start`,
 * so that caches fill and connections to what is behind it are made before everybody comes.
 *
 *     part(age) = 5 % + 95 % × age / slow-start, up to 100 %        weight = full weight × part(own age) / part(age of the oldest)
 *
 * By the oldest that is served, because only proportions count: one that is alone has its full weight, and those that came together,
 * as when the balancer itself has just started, share as if there were no slow start. No I/O; time comes from the clock handed in.
 */
import type { Cancel, Clock } from "../util/clock.ts";
import type { Row } from "./entry.ts";

export interface RampsOptions {
  readonly clock: Clock;
  /** ms, of that pool; 0: there is none. Default 0. */
  readonly slowStartOf?: (pool: string) => number;
}

/** Enough to warm it, and of the default weight a number that twenty steps can raise. */
const FIRST_PART = 0.05;
/** ms. One that was a suspect for less has probably not been restarted: a lost SYN is sent again after a second. */
export const AWAY_MS = 2_000;
/** Finer ones would show in nothing but the cost. */
const STEPS = 50;
/** ms. */
const SHORTEST_STEP = 50;
const LONGEST_STEP = 1_000;

/** What a target has of its weight at that age, ms. */
export function partAt(age: number, slowStart: number): number {
  if (age >= slowStart) return 1;
  return FIRST_PART + (1 - FIRST_PART) * (Math.max(0, age) / slowStart);
}

/** One that has any weight keeps some. */
export function ramped(full: number, part: number): number {
  return full === 0 ? 0 : Math.min(full, Math.max(1, Math.round(full * part)));
}

export class Ramps {
  readonly #clock: Clock;
  readonly #slowStartOf: (pool: string) => number;
  readonly #rowsOf: (pool: string) => Iterable<Row>;
  readonly #ramping = new Set<Row>();
  /** By pool, since when the oldest that is served is; infinite: none is. Left out: it is not known. */
  readonly #oldest = new Map<string, number>();
  #cancel: Cancel | null = null;
  #closed = false;

  constructor({ clock, slowStartOf = () => 0 }: RampsOptions, rowsOf: (pool: string) => Iterable<Row>) {
    this.#clock = clock;
    this.#slowStartOf = slowStartOf;
    this.#rowsOf = rowsOf;
  }

  /** What it is to have of its full weight, once its state is that; a suspect what it would have if it came back now. */
  weightOf({ poolName, servedSince, observed }: Row, state: Row["state"], full: number): number {
    const slowStart = this.#slowStartOf(poolName);
    if (slowStart === 0 || (state !== "up" && state !== "new")) return full;
    const now = this.#clock.now();
    const isServed = state === "up" && servedSince !== null && observed.says === "up";
    const own = partAt(isServed ? now - servedSince : 0, slowStart);
    return own === 1 ? full : ramped(full, Math.min(1, own / partAt(now - this.#oldestOf(poolName), slowStart)));
  }

  /** It is served from now on, as one that has just come. */
  begin(row: Row): void {
    row.servedSince = this.#clock.now();
    this.follow(row);
    this.resume(row);
  }

  /** It is served as before, after a moment in which it did not accept connections. */
  resume(row: Row): void {
    const oldest = this.#oldest.get(row.poolName);
    if (oldest !== undefined) this.#oldest.set(row.poolName, Math.min(oldest, row.servedSince ?? oldest));
    this.#apply(row);
  }

  /** It has been found not to accept connections, or to serve none: an answer may bring it back at any time, in any thread. */
  suspect(row: Row): void {
    this.#oldest.delete(row.poolName);
    if (row.servedSince === null || this.#slowStartOf(row.poolName) === 0) return;
    this.#ramping.add(row); // not at once: thousands may fail together
    this.#schedule();
  }

  /** It has been written: its weight is to grow, if it is served and has not got all of it. */
  follow(row: Row): void {
    const { poolName, servedSince, state } = row;
    if (state !== "up") this.end(row);
    else if (servedSince !== null && this.#clock.now() - servedSince < this.#slowStartOf(poolName)) {
      this.#ramping.add(row);
      this.#schedule();
    }
  }

  /** It is not served any more. */
  end(row: Row): void {
    if (row.servedSince === null) return;
    row.servedSince = null;
    this.#ramping.delete(row);
    this.#oldest.delete(row.poolName);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #oldestOf(pool: string): number {
    let oldest = this.#oldest.get(pool);
    if (oldest === undefined) {
      oldest = Number.POSITIVE_INFINITY;
      for (const { observed, servedSince } of this.#rowsOf(pool)) {
        if (servedSince !== null && observed.says === "up") oldest = Math.min(oldest, servedSince);
      }
      this.#oldest.set(pool, oldest);
    }
    return oldest;
  }

  #apply(row: Row): void {
    const spec = row.spec!;
    const weight = this.weightOf(row, row.state, row.fullWeight);
    if (weight === spec.weight) return;
    row.pool.setWeight(spec.identity, weight);
    row.spec = { ...spec, weight };
  }

  #schedule(): void {
    if (this.#cancel !== null || this.#closed) return;
    const shortest = Math.min(
      ...[...new Set([...this.#ramping].map(({ poolName }) => poolName))].map(this.#slowStartOf),
    );
    const step = Math.max(SHORTEST_STEP, Math.min(LONGEST_STEP, shortest / STEPS));
    this.#cancel = this.#clock.after(step, () => this.#step());
  }

  #step(): void {
    this.#cancel = null;
    const now = this.#clock.now();
    for (const row of this.#ramping) {
      this.#apply(row);
      if (now - row.servedSince! >= this.#slowStartOf(row.poolName)) this.#ramping.delete(row);
    }
    if (this.#ramping.size > 0) this.#schedule();
  }
}
