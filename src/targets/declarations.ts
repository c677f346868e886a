/** The targets that the document and the DNS name: which of a pool's rows they are, and what changes when they do. */
import { isDeepStrictEqual } from "node:util";
import { canonicalHost, formatAddress } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import type { Entry, Row } from "./entry.ts";
import { placeOf } from "./location.ts";
import type { RowNames } from "./row-names.ts";
import type { Rows } from "./rows.ts";
import type { TargetPool } from "./target-pool.ts";
import type { DeclaredTarget } from "./wanted.ts";

export interface DeclarationsOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  readonly rows: Rows;
  readonly names: RowNames;
  /** Why the balancer cannot dial a target there, or null. */
  readonly undialable: (address: DeclaredTarget["address"]) => string | null;
  /** The pool is full: makes room where that costs nobody anything. */
  readonly makeRoom: (pool: TargetPool) => void;
  /** What is registered has been declared as well, or no longer is. */
  readonly onShared: (entry: Entry) => void;
  readonly onAlone: (entry: Entry) => void;
  /** Something an operator should know. */
  readonly onWarning: (message: string) => void;
}

type ByPlace = Map<string, DeclaredTarget>;

export class Declarations {
  readonly #options: DeclarationsOptions;
  /** By pool, those that it had no room for. */
  readonly #waiting = new Map<string, ByPlace>();

  constructor(options: DeclarationsOptions) {
    this.#options = options;
  }

  /** All of that pool, as they are from now on; to be called when its settings have changed as well. Those that stay as they were are not touched. */
  declare(poolName: string, targets: readonly DeclaredTarget[]): void {
    const { pools, rows } = this.#options;
    const pool = pools.get(poolName);
    if (!pool) return; // it has been removed, and its names were being looked up
    const wanted = this.#byPlace(poolName, targets);
    const gone = rows
      .of(poolName)
      .filter(({ declared }) => declared && !wanted.has(placeOf(poolName, declared.address)));
    for (const row of gone) if (!isAlone(row)) this.#undeclare(row); // it stays, and may be declared elsewhere
    const leaving = gone.filter(isAlone);
    this.#place(poolName, pool, wanted, leaving);
    for (const row of leaving) this.#undeclare(row);
    rows.recheck(poolName); // what the pool says about checks may have changed as well
    const waiting = this.#waiting.get(poolName)?.size ?? 0;
    if (waiting > 0) this.#options.onWarning(this.#noRoom(poolName, waiting));
  }

  /** Targets may have left since: those that have found no room look again. To be called about once a second. */
  retry(): void {
    for (const [poolName, waiting] of this.#waiting) {
      const pool = this.#options.pools.get(poolName);
      if (pool && !pool.full) this.#place(poolName, pool, waiting);
    }
  }

  /** The pool is gone, and its rows are. */
  forget(poolName: string, rows: readonly Row[]): void {
    this.#waiting.delete(poolName);
    for (const { declared } of rows) if (declared) this.#options.names.undeclare(placeOf(poolName, declared.address));
  }

  #byPlace(poolName: string, targets: readonly DeclaredTarget[]): ByPlace {
    const byPlace: ByPlace = new Map();
    for (const each of targets) {
      const { address: given } = each;
      const address = "path" in given ? given : { host: canonicalHost(given.host), port: given.port };
      const place = placeOf(poolName, address);
      const reason = this.#options.undialable(address);
      if (reason !== null) {
        const from = each.name === null ? "" : ` (${each.name})`;
        this.#options.onWarning(`pool ${poolName}: the target ${formatAddress(address)}${from} is not used: ${reason}`);
      } else if (!byPlace.has(place)) byPlace.set(place, { ...each, address }); // of two that are the same place the first counts
    }
    return byPlace;
  }

  /**
   * Writes those that are wanted, while those that are `leaving` are still there: at no moment does a client find none. Leaving ones go
   * before that only where the pool is full, and are taken out of the list.
   */
  #place(poolName: string, pool: TargetPool, wanted: ByPlace, leaving: Row[] = []): void {
    const { rows, names, makeRoom, onShared } = this.#options;
    const waiting: ByPlace = new Map();
    const said = this.#saidPlaces(poolName);
    for (const [place, target] of takingFirst(wanted)) {
      const there = said.get(place);
      const alone = there?.declared === null ? there : undefined;
      const row = names.declaredAt(place) ?? alone ?? rows.open(place, poolName, pool);
      if (row.declared && isSame(row.declared, target)) continue;
      const isNewlyShared = row.registered !== null && row.declared === null;
      if (row.spec === null) {
        while (pool.full && leaving.length > 0) this.#undeclare(leaving.shift()!);
        if (pool.full) makeRoom(pool);
      }
      try {
        rows.change(row, { ...row, declared: target });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        if (pool.full) waiting.set(place, target);
        else
          this.#options.onWarning(
            `pool ${poolName}: the target ${formatAddress(target.address)} is not used: ${messageOf(error)}`,
          );
        continue;
      }
      names.declare(place, row);
      if (isNewlyShared) onShared(row.registered!);
    }
    if (waiting.size > 0) this.#waiting.set(poolName, waiting);
    else this.#waiting.delete(poolName);
  }

  /** Where there are targets, by the word of reporters and other balancers, that are not declared. */
  #saidPlaces(poolName: string): Map<string, Row> {
    const places = new Map<string, Row>();
    for (const row of this.#options.rows.of(poolName)) {
      if (row.declared !== null) continue;
      const { registered, shared } = row;
      const addresses = [registered?.location, registered?.address, shared?.address];
      for (const address of addresses) {
        const place = address && placeOf(poolName, address);
        if (place !== undefined && !places.has(place)) places.set(place, row);
      }
    }
    return places;
  }

  #undeclare(row: Row): void {
    const { rows, names, onAlone } = this.#options;
    names.undeclare(placeOf(row.poolName, row.declared!.address));
    if (isAlone(row)) {
      rows.remove(row, "undeclared");
      return;
    }
    rows.change(row, { ...row, declared: null }, "lease-expired");
    if (row.registered !== null) onAlone(row.registered);
  }

  #noRoom(poolName: string, count: number): string {
    const targets = count === 1 ? "one of the targets" : `${count} of the targets`;
    return `pool ${poolName} is full: ${targets} that it is to have are not used until there is room (--max-targets)`;
  }
}

/** Nobody else says that it exists. */
function isAlone({ registered, shared }: Row): boolean {
  return registered === null && shared === null;
}

/** One that takes load is there before another one ceases to. */
function takingFirst(wanted: ByPlace): [place: string, target: DeclaredTarget][] {
  return [...wanted].sort(([, a], [, b]) => Number(a.weight === 0) - Number(b.weight === 0));
}

function isSame(a: DeclaredTarget, b: DeclaredTarget): boolean {
  return (
    a.weight === b.weight &&
    a.maxConnections === b.maxConnections &&
    a.priority === b.priority &&
    a.backup === b.backup &&
    a.source === b.source &&
    a.name === b.name &&
    isDeepStrictEqual([a.check, a.agentCheck], [b.check, b.agentCheck])
  );
}
