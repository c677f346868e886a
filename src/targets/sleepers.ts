/**
 * Targets that are asleep: their reporters start them when somebody waits. While a pool has one, those who find no target wait in its
 * queue (Pool.sleeping). Who is asleep and what is known of it is kept here; waking.ts wakes them.
 */
import type { Row } from "./entry.ts";
import { saidByOrder } from "./orders.ts";
import { saidBy, type TargetOwner } from "./report.ts";
import type { TargetPool } from "./target-pool.ts";

/** One that sleeps, since it fell asleep last. */
export interface Sleeper {
  readonly row: Row;
  /** When it was told to wake up last; null: it was not. */
  wokenAt: number | null;
  /** Whom that was told to. */
  wokenBy: TargetOwner | null;
  /** Since when its reporter says that it is up, and a check of the balancer's has yet to find that, so that who waits for it waits on. */
  risingSince: number | null;
}

export class Sleepers {
  /** Those of them whose reporters say that they are up. */
  readonly rising = new Set<Sleeper>();
  readonly #byPool = new Map<TargetPool, Map<Row, Sleeper>>();
  /** There is one; there was none. */
  onFirst: () => void = () => undefined;

  get size(): number {
    return this.#byPool.size;
  }

  /** No pool without any. A live map. */
  get pools(): ReadonlyMap<TargetPool, ReadonlyMap<Row, Sleeper>> {
    return this.#byPool;
  }

  /** The row has been written. */
  note(row: Row): void {
    const sleeper = this.#byPool.get(row.pool)?.get(row);
    if (isAsleep(row)) {
      if (sleeper === undefined) this.#add(row);
      else this.#stay(sleeper);
    } else if (sleeper !== undefined && isYetToRise(row)) {
      this.rising.add(sleeper);
    } else {
      this.forget(row);
    }
  }

  /** It is awake, or gone. */
  forget(row: Row): void {
    const rows = this.#byPool.get(row.pool);
    const sleeper = rows?.get(row);
    if (rows === undefined || sleeper === undefined) return;
    this.#stay(sleeper);
    rows.delete(row);
    if (rows.size === 0) this.#byPool.delete(row.pool);
    row.pool.sleeping = rows.size;
  }

  #stay(sleeper: Sleeper): void {
    this.rising.delete(sleeper);
    sleeper.risingSince = null;
  }

  #add(row: Row): void {
    const rows = this.#byPool.get(row.pool) ?? new Map<Row, Sleeper>();
    rows.set(row, { row, wokenAt: null, wokenBy: null, risingSince: null });
    this.#byPool.set(row.pool, rows);
    row.pool.sleeping = rows.size;
    if (this.#byPool.size === 1 && rows.size === 1) this.onFirst();
  }
}

/** By the word of its reporter, and nobody else keeps it from taking connections. */
function isAsleep({ registered, order, spec }: Row): boolean {
  return registered !== null && registered.report.asleep === true && mayServe({ registered, order, spec });
}

function isYetToRise({ registered, order, spec, state }: Row): boolean {
  if (registered === null || state === "up" || state === "new") return false;
  return saidBy(registered) === "up" && mayServe({ registered, order, spec });
}

function mayServe({ registered, order, spec }: Pick<Row, "registered" | "order" | "spec">): boolean {
  return registered!.counts && spec !== null && spec.weight > 0 && saidByOrder(order) === "up";
}
