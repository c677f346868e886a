/** The targets of all pools: each is written to its pool as its sources say together, and what becomes of it is told. */
import type { NetCode } from "../net/net-error.ts";
import type { EventOf } from "../util/emitter.ts";
import { type Entry, infoOf, type Row, sourcesOf, takesLoad, wordOf } from "./entry.ts";
import { sameAddress } from "./location.ts";
import type { DownReason, LeaveReason, TargetEvents } from "./report.ts";
import type { TargetPool } from "./target-pool.ts";
import type { TargetSource } from "./wanted.ts";

export interface RowsOptions {
  readonly onEvent: (...event: EventOf<TargetEvents>) => void;
  /** That pool's targets have changed. */
  readonly onChange: (pool: string) => void;
  /** A target came or came back, and is to be connected to: `reached()` says that it accepts, `failed()` that it does not. */
  readonly onUnreached: (identity: string, pool: TargetPool) => void;
}

/** What `write()` has made of a row. */
export interface Change {
  /** null: it was in no pool. */
  readonly before: Row["state"] | null;
  readonly sources: readonly TargetSource[];
  /** It is to be connected to. */
  readonly unreached: boolean;
}

export class Rows {
  readonly #options: RowsOptions;
  /** Whether it is served for the panic of its pool: see panic.ts. */
  readonly #inPanic: (identity: string) => boolean;
  readonly #byIdentity = new Map<string, Row>();
  /** No map in it is empty. */
  readonly #byPool = new Map<string, Map<string, Row>>();

  constructor(options: RowsOptions, inPanic: (identity: string) => boolean) {
    this.#options = options;
    this.#inPanic = inPanic;
  }

  get size(): number {
    return this.#byIdentity.size;
  }

  has(identity: string): boolean {
    return this.#byIdentity.has(identity);
  }

  get(identity: string): Row | undefined {
    return this.#byIdentity.get(identity);
  }

  /** The row of this name, or a new one, which nobody knows before it is written. */
  open(identity: string, poolName: string, pool: TargetPool): Row {
    const row: Row = { identity, poolName, pool, registered: null, declared: null, spec: null, state: "down" };
    return this.#byIdentity.get(identity) ?? row;
  }

  /** The rows of that pool. */
  of(poolName: string): Row[] {
    return [...(this.#byPool.get(poolName)?.values() ?? [])];
  }

  /** What reporters have registered in that pool. */
  registeredIn(poolName: string): Entry[] {
    return this.of(poolName).flatMap(({ registered }) => registered ?? []);
  }

  all(): Iterable<Row> {
    return this.#byIdentity.values();
  }

  /** What reporters have registered. */
  registered(): Entry[] {
    return [...this.#byIdentity.values()].flatMap(({ registered }) => registered ?? []);
  }

  /** From now on these are its sources, of which one is there. Throws where its pool does not take it, and nothing has changed then. */
  write(row: Row, sources: Pick<Row, "registered" | "declared">): Change {
    const { says, ...terms } = wordOf(sources)!;
    const { identity, poolName, pool, spec: before } = row;
    const continues = before !== null && takesLoad(row) && sameAddress(before.address, terms.address);
    const state = says !== "up" ? says : continues ? row.state : "new";
    const spec = { identity, ...terms };
    pool.set(spec, state === "new" ? (continues ? "up" : "suspect") : state); // "up" leaves a suspect as it is
    const change = {
      before: before && row.state,
      sources: sourcesOf(row),
      unreached: state === "new" && !continues,
    };
    Object.assign(row, sources, { spec, state });
    this.#byIdentity.set(identity, row);
    this.#byPool.set(poolName, (this.#byPool.get(poolName) ?? new Map<string, Row>()).set(identity, row));
    return change;
  }

  /** Tells what a change has made of the row; `reason`: why it is down, if it is. */
  tell(row: Row, { before, sources }: Change, reason: DownReason = "reported"): void {
    const { onEvent } = this.#options;
    if (before !== row.state && row.state !== "new") this.#announce(row, reason);
    const after = sourcesOf(row);
    if (before !== null && after.join() !== sources.join()) onEvent("targetSources", infoOf(row), after);
  }

  /** Writes the row and sees to all that follows from it. Throws as `write()` does. */
  change(row: Row, sources: Pick<Row, "registered" | "declared">, reason?: DownReason): void {
    const { onUnreached, onChange } = this.#options;
    const change = this.write(row, sources);
    this.tell(row, change, reason);
    if (change.unreached) onUnreached(row.identity, row.pool);
    onChange(row.poolName);
  }

  /** Its last source is gone. Open connections finish. */
  remove(row: Row, reason: LeaveReason): void {
    const { identity, poolName, pool } = row;
    const rows = this.#byPool.get(poolName);
    this.#byIdentity.delete(identity);
    rows?.delete(identity);
    if (rows?.size === 0) this.#byPool.delete(poolName);
    pool.remove(identity);
    this.#options.onEvent("targetLeave", infoOf(row), reason);
    this.#options.onChange(poolName);
  }

  /** Connecting to a target that was served has failed. */
  failed(identity: string, code: NetCode): void {
    const row = this.#toBeServed(identity);
    if (row) this.#options.onEvent("targetSuspect", infoOf(row), { code, isNew: row.state === "new" });
  }

  /** A target that is to be served accepts connections; `ms`: how long it had not; 0: nothing is known of that. */
  reached(identity: string, ms: number): void {
    const row = this.#toBeServed(identity);
    if (!row) return;
    if (row.pool.view(identity)?.state === "suspect") row.pool.setState(identity, "up");
    if (row.state === "new") {
      row.state = "up";
      this.#announce(row, "reported");
    } else if (ms > 0) {
      this.#options.onEvent("targetRecovered", infoOf(row), ms);
    }
    this.#options.onChange(row.poolName);
  }

  /** If it accepts connections. */
  #toBeServed(identity: string): Row | undefined {
    const row = this.#byIdentity.get(identity);
    return row && (takesLoad(row) || this.#inPanic(identity)) ? row : undefined;
  }

  #announce(row: Row, reason: DownReason): void {
    const { onEvent } = this.#options;
    if (row.state === "up") onEvent("targetUp", infoOf(row));
    else if (row.state === "draining") onEvent("targetDrain", infoOf(row));
    else onEvent("targetDown", infoOf(row), reason);
  }
}
