/** Carries out what operators order of targets. */
import type { EventOf } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { type Entry, infoOf, type Row } from "./entry.ts";
import { changed, type Order, type OrderChange, type Orders } from "./orders.ts";
import type { Panics } from "./panic.ts";
import type { TargetEvents, TargetInfo } from "./report.ts";
import { namesOf } from "./row-names.ts";
import type { Rows } from "./rows.ts";

export interface OrderingOptions {
  readonly orders: Orders;
  /** ms since 1970. */
  readonly wallClock: () => number;
  readonly onEvent: (...event: EventOf<TargetEvents>) => void;
  readonly onChange: (pool: string) => void;
  /** An operator of this balancer has ordered something of that target. */
  readonly onOrdered?: ((identity: string, order: Order | null, by: string) => void) | undefined;
}

export class Ordering {
  readonly #options: OrderingOptions;
  readonly #rows: Rows;
  readonly #panics: Pick<Panics, "left">;

  constructor(options: OrderingOptions, rows: Rows, panics: Pick<Panics, "left">) {
    this.#options = options;
    this.#rows = rows;
    this.#panics = panics;
  }

  /**
   * What is in force from now on, or null; `by`: who orders it. One of a target that is not there can be changed and taken back. Throws
   * `NO_TARGET` where there is neither the target nor an order, `BAD_ORDER`, `TOO_MANY_ORDERS`.
   */
  order(identity: string, change: OrderChange, by: string): Order | null {
    const { orders, wallClock, onOrdered } = this.#options;
    const row = this.#rows.get(identity);
    const names = row ? namesOf(row) : [identity];
    const before = orders.of(names);
    const address = row?.spec?.address ?? before?.address;
    if (address === undefined) throw noTarget(identity);
    const order = changed(before, change, { by, at: wallClock(), address });
    if (order === before) return order;
    this.#heed(identity, order, by, address);
    onOrdered?.(identity, order, by);
    return order;
  }

  /** An operator of another balancer has ordered that, or (null) taken back what was ordered: `by` whom. Throws `TOO_MANY_ORDERS`. */
  heed(identity: string, order: Order | null, by: string): void {
    const row = this.#rows.get(identity);
    const before = this.#options.orders.of(row ? namesOf(row) : [identity]);
    const said = order ?? before;
    if (said !== null) this.#heed(identity, order, by, said.address);
  }

  #heed(identity: string, order: Order | null, by: string, address: Order["address"]): void {
    const { orders, onEvent, onChange } = this.#options;
    const row = this.#rows.get(identity);
    const names = row ? namesOf(row) : [identity];
    orders.set(names, order);
    const poolName = row?.poolName ?? poolOf(identity);
    this.#rows.heed(poolName, names);
    this.#panics.left(poolName, false); // which may have no members now
    const info: TargetInfo = row ? infoOf(row) : { identity, address, weight: 0 };
    onEvent("ordered", info, { order, by, says: row ? saidOf(row) : null });
    onChange(poolName);
  }

  /** By the target's name. */
  all(): ReadonlyMap<string, Order> {
    return this.#options.orders.all();
  }

  /** Orders in force, also of targets that are not there. */
  get count(): number {
    return this.#options.orders.size;
  }

  /** Orders of targets that are not there. */
  absent(): [identity: string, order: Order][] {
    const { orders } = this.#options;
    if (orders.size === 0) return [];
    const there = new Set<string>();
    for (const row of this.#rows.all()) if (row.order !== null) for (const name of namesOf(row)) there.add(name);
    return [...orders.all()].filter(([name]) => !there.has(name));
  }
}

function saidOf(row: Row) {
  const { state } = row;
  return state === "new" || state === "unchecked" ? "up" : state;
}

/** Names of pools have no slash. */
export function poolOf(identity: string): string {
  return identity.slice(0, identity.indexOf("/"));
}

export function noTarget(identity: string): HarmonyError {
  return new HarmonyError("NO_TARGET", `there is no target "${identity}"`, { fault: "client" });
}

/** The one in this pool that its reporter calls so, or that is called so, where a reporter has registered it. */
export function registeredAs(rows: Rows, pool: string, id: string): Entry | undefined {
  const registered = rows.registeredIn(pool);
  return (
    registered.find(({ identity }) => identity === `${pool}/${id}`) ?? registered.find(({ report }) => report.id === id)
  );
}
