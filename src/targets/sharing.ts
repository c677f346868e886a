/**
 * Targets that other balancers of the group vouch for: their reporters speak to those. One of them is a source of its row as any other, which
 * counts while no reporter of this balancer's own says anything. It has no lease here: who takes it in also takes it out.
 */
import { messageOf } from "../util/errors.ts";
import { refusal } from "./admission.ts";
import { activeOn, type Row } from "./entry.ts";
import { placeOf } from "./location.ts";
import type { TargetKey } from "./report.ts";
import type { RowNames } from "./row-names.ts";
import type { Rows } from "./rows.ts";
import type { SharedTarget } from "./shared-target.ts";
import type { TargetPool } from "./target-pool.ts";

export interface SharingOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  readonly rows: Rows;
  readonly names: RowNames;
  /** Why it is not to be dialled from here, or null. */
  readonly unshareable: (target: SharedTarget) => string | null;
}

export class Sharing {
  readonly #options: SharingOptions;
  /** By the names that the others give them. One that is declared as well may have several, of which the last one taken counts. */
  readonly #taken = new Map<string, { readonly row: Row; readonly target: SharedTarget }>();

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#taken.has(name);
  }

  /** Those that this balancer knows from others alone. */
  get alone(): number {
    let count = 0;
    for (const { row } of this.#taken.values()) if (row.registered === null && row.declared === null) count++;
    return count;
  }

  /** Connections that it has here. */
  active(name: string): number {
    const taken = this.#taken.get(name);
    return taken === undefined ? 0 : activeOn(taken.row);
  }

  /** Throws where another balancer vouches for that target, and another key than this one is what it was registered with there. */
  checkKey(identity: string, { id }: TargetKey): void {
    const shared = this.#options.rows.get(identity)?.shared;
    if (!shared || shared.key === id) return;
    const message = `"${identity}" is registered with another key at balancer ${shared.by} of the group: give each target its own id, or let its reporter leave first`;
    throw refusal("OWNED", message, true);
  }

  /** From now on that is said of the target that the others call so. Gives why it cannot be used here, or null; what was said before stays then. */
  take(name: string, target: SharedTarget): string | null {
    const { pools, rows, unshareable } = this.#options;
    const { report } = target;
    const pool = pools.get(report.pool);
    const why = pool === undefined ? `there is no pool "${report.pool}"` : unshareable(target);
    if (pool === undefined || why !== null) return why;
    const row = this.#taken.get(name)?.row ?? this.#rowOf(name, target, pool);
    if (row.registered?.counts && row.registered.key.id !== target.key) return "it is registered here with another key";
    try {
      rows.change(row, { ...row, shared: target });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return messageOf(error);
    }
    this.#taken.set(name, { row, target });
    return null;
  }

  /** Nobody vouches for it any more. */
  drop(name: string): void {
    const taken = this.#taken.get(name);
    if (taken === undefined) return;
    this.#taken.delete(name);
    const { row, target } = taken;
    if (row.shared !== target) return;
    const { rows } = this.#options;
    if (row.registered === null && row.declared === null) rows.remove(row, "unshared");
    else rows.change(row, { ...row, shared: this.#saidElseOf(row) });
  }

  /** The names of those for which these rows stand, which are gone. */
  forget(gone: readonly Row[]): void {
    const rows = new Set(gone);
    for (const [name, { row }] of this.#taken) if (rows.has(row)) this.#taken.delete(name);
  }

  /** Its reporter has said here that it leaves: what the others say of it is older than that. Gives their name for it; null: they say nothing. */
  left(row: Row): string | null {
    if (row.shared === null) return null;
    for (const [name, { target }] of this.#taken) {
      if (target !== row.shared) continue;
      this.#taken.delete(name);
      row.shared = null;
      return name;
    }
    return null;
  }

  /** Under another name. */
  #saidElseOf(row: Row): SharedTarget | null {
    let said: SharedTarget | null = null;
    if (row.declared !== null) for (const taken of this.#taken.values()) if (taken.row === row) said = taken.target;
    return said;
  }

  #rowOf(name: string, { report, address }: SharedTarget, pool: TargetPool): Row {
    const { rows, names } = this.#options;
    return names.declaredAt(placeOf(report.pool, address)) ?? rows.open(name, report.pool, pool);
  }
}
