/**
 * Tells reporters that speak to several balancers how their targets are used here, so that they can move credits to where clients wait
 * (control/client/credits.ts) and tell the others of these connections. A report's answer says so anyway; this is for what changes between
 * two reports.
 *
 * At once is told what credits depend on: that clients wait for one, that none do any more, and how connections end that are above what may
 * be used. How many connections there are otherwise is told when that has changed enough (util/material.ts). So a balancer that gets its first
 * client tells that within a moment, and ten thousand targets whose counts go up and down cost little.
 */
import { Allowance } from "../util/allowance.ts";
import { type Cancel, type Clock, every } from "../util/clock.ts";
import { BURST, isMaterial, SELDOM_MS } from "../util/material.ts";
import { activeOn, type Row, takesLoad } from "./entry.ts";
import type { TargetOwner } from "./report.ts";

/** ms between looks, and looks in a row that have to find that nobody waits any more: a queue may be empty for a moment. */
const LOOK_MS = 50;
const CALM = 2;
/** ms between two words of one target. */
const LEAST_MS = 100;
/** ms from one change of a target with credits to the next that is told, in the place of SELDOM_MS. */
const CREDITED_MS = 1_000;

/** What its reporter has been told of a target. */
interface Told {
  readonly owner: TargetOwner;
  readonly allowance: Allowance;
  at: number;
  active: number;
  waiting: number;
  isFull: boolean;
  /** Looks that have found nobody waiting, since somebody last did. */
  calm: number;
}

export class Usages {
  readonly #clock: Clock;
  readonly #rows = new Map<Row, Told | null>();
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The row has been written. */
  note(row: Row): void {
    if (row.registered?.report.elsewhere === undefined) {
      this.#rows.delete(row);
      return;
    }
    if (!this.#rows.has(row)) this.#rows.set(row, null);
    if (this.#cancel === null && !this.#isClosed) this.#cancel = every(this.#clock, LOOK_MS, () => this.#look());
  }

  /** It is gone. */
  forget(row: Row): void {
    this.#rows.delete(row);
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #look(): void {
    if (this.#rows.size === 0) {
      this.#cancel?.();
      this.#cancel = null;
      return;
    }
    const now = this.#clock.now();
    for (const [row, told] of this.#rows) this.#lookAt(row, told, now);
  }

  #lookAt(row: Row, before: Told | null, now: number): void {
    const { owner, credits, ref } = row.registered!;
    if (owner?.usage === undefined) return;
    const told = before?.owner === owner ? before : nothingTold(owner, credits === null ? SELDOM_MS : CREDITED_MS, now);
    if (told !== before) this.#rows.set(row, told);
    const most = credits?.count ?? Number.POSITIVE_INFINITY;
    const active = activeOn(row);
    const isFull = active >= most;
    const waiting = isFull && takesLoad(row) && row.pool.isWanting ? row.pool.waiting : 0;
    told.calm = waiting > 0 ? 0 : told.calm + 1;
    if (now - told.at < LEAST_MS) return;
    const urgent = isUrgent(told, { active, waiting, most });
    if (!urgent && (!isNews(told, { active, waiting, isFull }) || told.allowance.next(now) > now)) return;
    if (!owner.usage(ref, active, waiting)) return;
    if (!urgent) told.allowance.take(now);
    Object.assign(told, { at: now, active, waiting, isFull });
  }
}

function nothingTold(owner: TargetOwner, ms: number, now: number): Told {
  const allowance = new Allowance(BURST, ms);
  return { owner, allowance, at: now - LEAST_MS, active: 0, waiting: 0, isFull: false, calm: 0 };
}

function isUrgent(told: Told, { active, waiting, most }: { active: number; waiting: number; most: number }): boolean {
  const isPressed = waiting > 0;
  if (isPressed !== told.waiting > 0) return isPressed || told.calm >= CALM;
  // More credits have come and are used up, and it is not enough.
  if (isPressed && active > told.active) return true;
  return active !== told.active && (active > most || told.active > most);
}

/** While clients wait, every connection that ends is followed by another one. */
function isNews(told: Told, { active, waiting, isFull }: Pick<Told, "active" | "waiting" | "isFull">): boolean {
  if (waiting > 0) return waiting > 2 * told.waiting;
  return isFull !== told.isFull || isMaterial(active, told.active);
}
