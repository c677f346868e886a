/** Until when reports count. */
import { scarce } from "../proxy/connect-failure.ts";
import type { Clock } from "../util/clock.ts";
import { type Entry, type Orphan, orphanOf } from "./entry.ts";
import type { ProbeOutcome } from "./probe.ts";
import { saidBy } from "./report.ts";
import type { Rows } from "./rows.ts";
import type { OwnWordOptions } from "./shared-target.ts";
import { forgetSilence } from "./silence.ts";

export interface LeasesOptions extends OwnWordOptions {
  readonly rows: Rows;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** How long a report counts, ms. */
  readonly lease: number;
  /** It was down for too long. */
  readonly forget: (entry: Entry) => void;
  readonly onChange: (pool: string) => void;
}

/** ms. A row is kept at least so long after its report ceased to count, so that a target that was away for a while keeps its counters. */
const MIN_FORGET_MS = 3_600_000;
const FORGET_LEASES = 24;

export class Leases {
  readonly #options: LeasesOptions;
  /** The last time for which no report could be heard. */
  #deaf = { until: Number.NEGATIVE_INFINITY, ms: 0 };

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Until when a report counts that was made then. */
  until(madeAt: number, lease = this.#options.lease): number {
    const { clock } = this.#options;
    const heldUp = madeAt < this.#deaf.until ? this.#deaf.ms : 0; // by this balancer itself
    return Math.min(madeAt + heldUp, clock.now()) + lease;
  }

  /** For so many ms no report could be heard: leases that run go on for as long. */
  extend(ms: number): void {
    const { rows, clock } = this.#options;
    this.#deaf = { until: clock.now(), ms };
    for (const entry of rows.registered()) if (entry.counts) entry.until += ms;
  }

  /** Takes down what has run out, and forgets what was down for too long, but for those that are `kept`. */
  expire(kept: (identity: string) => boolean): void {
    const { rows, clock, lease, forget } = this.#options;
    const now = clock.now();
    const forgotten = now - Math.max(MIN_FORGET_MS, FORGET_LEASES * lease);
    for (const entry of rows.registered()) {
      if (entry.until > now) continue;
      if (entry.counts) this.#lapse(entry, "lease-expired");
      else if (entry.until <= forgotten && entry.owner === null && !kept(entry.identity)) forget(entry);
    }
  }

  orphans(): Orphan[] {
    return this.#options.rows.registered().filter(isOrphan).map(orphanOf);
  }

  /** The outcome of an orphan's probe. It counts unless the target has an owner again. */
  probed({ identity, address }: Orphan, outcome: ProbeOutcome): void {
    const row = this.#options.rows.get(identity);
    const entry = row?.registered;
    if (!entry || entry.owner !== null || entry.address !== address) return;
    if (outcome === "connected" || scarce(outcome) !== null) return;
    if (outcome === "ECONNREFUSED") this.#lapse(entry, "refused");
    // Anything else proves nothing: it is picked last until a connection or a probe succeeds, or its lease runs out. The same holds
    // for one that is declared as well, and refuses.
    if (row.state === "up") row.pool.setState(identity, "suspect", outcome);
    this.#options.onChange(row.poolName);
  }

  /** The report counts no more. */
  #lapse(entry: Entry, reason: NonNullable<Entry["lapsed"]>): void {
    const { row } = entry;
    entry.counts = false;
    entry.lapsed = reason;
    entry.saidSince = this.#options.wallClock();
    entry.until = Math.min(entry.until, this.#options.clock.now());
    this.#options.rows.change(row, row, reason);
    this.#options.onWord?.(entry.identity, null);
    forgetSilence(entry);
  }
}

/** It has lost its reporter, and its report counts still. */
export function isOrphan(entry: Entry): boolean {
  return entry.owner === null && saidBy(entry) !== "down";
}
