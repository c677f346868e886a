/** The targets of all pools: each is written to its pool as its sources say together, and what becomes of it is told. */
import { isObserved, type Suspicion } from "../pool/pool.ts";
import type { EventOf } from "../util/emitter.ts";
import { hasReached, saidByChecks, UNCHECKED, whyChecked } from "./checked.ts";
import type { Checks } from "./checks.ts";
import { type Entry, heeding, infoOf, type Row, type Sources, sourcesOf, takesLoad, wordOf } from "./entry.ts";
import { sameAddress } from "./location.ts";
import { type Orders, saidByOrder } from "./orders.ts";
import type { PoolParts } from "./pool-parts.ts";
import { AWAY_MS, Ramps, type RampsOptions } from "./ramps.ts";
import type { DownReason, LeaveReason, TargetEvents } from "./report.ts";
import { namesOf, sharing } from "./row-names.ts";
import type { Sleepers } from "./sleepers.ts";
import type { TargetPool } from "./target-pool.ts";
import type { Usages } from "./usages.ts";
import type { TargetSource } from "./wanted.ts";

export interface RowsOptions extends RampsOptions {
  readonly checks: Checks;
  /** Told which targets are asleep; left out: nobody wakes them. */
  readonly sleepers?: Sleepers;
  /** Told whose reporters want to know how they are used; left out: nobody tells them. */
  readonly usages?: Usages;
  /** Told how many balancers their reporters speak to; left out: it does not matter. */
  readonly parts?: PoolParts | undefined;
  readonly orders: Orders;
  /** ms since 1970. */
  readonly wallClock: () => number;
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
  readonly ramps: Ramps;
  readonly #options: RowsOptions;
  /** Whether it is served for the panic of its pool: see panic.ts. */
  readonly #inPanic: (identity: string) => boolean;
  readonly #byIdentity = new Map<string, Row>();
  /** No map in it is empty. */
  readonly #byPool = new Map<string, Map<string, Row>>();

  constructor(options: RowsOptions, inPanic: (identity: string) => boolean) {
    this.#options = options;
    this.ramps = new Ramps(options, (pool) => this.#byPool.get(pool)?.values() ?? []);
    this.#inPanic = inPanic;
    options.checks.onNews = (row) => this.#heedChecks(row);
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
    const known = this.#byIdentity.get(identity);
    if (known !== undefined) return known;
    const nothing = {
      registered: null,
      shared: null,
      declared: null,
      declaredSince: 0,
      order: null,
      spec: null,
      fullWeight: 0,
      servedSince: null,
      checks: UNCHECKED,
    } as const;
    return { identity, poolName, pool, ...nothing, observed: { says: "suspect", since: 0 }, state: "down" };
  }

  /** The rows of that pool. */
  of(poolName: string): Row[] {
    return [...(this.#byPool.get(poolName)?.values() ?? [])];
  }

  /** Why all of that pool's targets, two or more, are out: each fails its check, and this is what the first one's says. null: they do not. */
  whyAllFail(poolName: string): string | null {
    const rows = this.#byPool.get(poolName);
    if (rows === undefined || rows.size < 2) return null;
    let first: string | null = null;
    for (const { checks } of rows.values()) {
      if (checks.check?.judgement.says !== "down") return null;
      first ??= whyChecked(checks);
    }
    return first;
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
  write(row: Row, sources: Sources): Change {
    const { identity, poolName, pool, spec: before } = row;
    const order = this.#orderOf({ ...row, ...sources });
    const { checks } = this.#options;
    const word = wordOf(sources)!;
    if (before !== null && word.says === "up" && wordOf(row)?.says !== "up") checks.renew(row);
    const checked = checks.wordOf(row, sources, word.address);
    const { says, ...terms } = heeding(order, checked, word);
    const continues = before !== null && takesLoad(row) && sameAddress(before.address, terms.address);
    // One that is served already goes on while a check that is new to it has said nothing.
    const isAwaited = checked?.says === "unknown" && !continues;
    const state = says !== "up" ? says : isAwaited ? "unchecked" : continues ? row.state : "new";
    const spec = { identity, ...terms, weight: this.ramps.weightOf(row, state, terms.weight) };
    if (state === "unchecked") pool.set(spec, "down");
    else pool.set(spec, state === "new" ? (continues ? "up" : "suspect") : state); // "up" leaves a suspect as it is
    const change = {
      before: before && row.state,
      sources: sourcesOf(row),
      unreached: state === "new" && !continues,
    };
    const now = this.#options.wallClock();
    if (change.unreached) row.observed = { says: "suspect", since: now };
    if (row.declared === null) row.declaredSince = now;
    row.registered = sources.registered;
    row.shared = sources.shared;
    row.declared = sources.declared;
    row.order = order;
    row.spec = spec;
    row.fullWeight = terms.weight;
    row.state = state;
    this.ramps.follow(row);
    checks.follow(row);
    this.#options.sleepers?.note(row);
    this.#options.usages?.note(row);
    this.#options.parts?.note(row);
    this.#byIdentity.set(identity, row);
    this.#byPool.set(poolName, (this.#byPool.get(poolName) ?? new Map<string, Row>()).set(identity, row));
    return change;
  }

  /** Tells what a change has made of the row; `reason`: why it is down, if it is. */
  tell(row: Row, { before, sources }: Change, reason: DownReason = "reported"): void {
    const { onEvent } = this.#options;
    if (before !== row.state && row.state !== "new" && row.state !== "unchecked") this.#announce(row, reason);
    const after = sourcesOf(row);
    if (before !== null && after.join() !== sources.join()) onEvent("targetSources", infoOf(row), after, sources);
  }

  /** Writes the row and sees to all that follows from it. Throws as `write()` does. */
  change(row: Row, sources: Sources, reason?: DownReason): void {
    const { onUnreached, onChange } = this.#options;
    const change = this.write(row, sources);
    this.tell(row, change, reason);
    if (change.unreached) onUnreached(row.identity, row.pool);
    onChange(row.poolName);
  }

  /**
   * The order of the target that has these names has changed: the rows that it concerns are written anew, and nothing is told of that.
   * There may be ten thousand that it does not concern.
   */
  heed(poolName: string, names: readonly string[]): void {
    const mayConcern = sharing(names);
    for (const row of this.of(poolName)) {
      if ((row.order === null && !mayConcern(row)) || this.#orderOf(row) === row.order) continue;
      const { identity, pool } = row;
      const isServed = this.#inPanic(identity) && pool.view(identity)?.state === "up";
      const { unreached } = this.write(row, row);
      if (unreached) this.#options.onUnreached(identity, pool);
      if (!this.#inPanic(identity)) continue; // where it is, its sources have it down
      if (isServed) pool.setState(identity, "up");
      else this.#options.onUnreached(identity, pool);
    }
  }

  /** From now on this one gets no connection for which its reporter has issued credits. Gives what is registered of it; null: none were issued. */
  giveBack(identity: string): Entry | null {
    const row = this.#byIdentity.get(identity);
    if (row?.registered?.credits == null) return null;
    row.registered.credits = { count: 0, until: Number.POSITIVE_INFINITY };
    this.change(row, row);
    return row.registered;
  }

  /** Other checks may be wanted for that pool's targets than they have. */
  recheck(poolName: string): void {
    for (const row of this.of(poolName)) if (this.#options.checks.differs(row)) this.change(row, row, "checked");
  }

  /** What its checks come to has changed. */
  #heedChecks(row: Row): void {
    const { onUnreached, onChange } = this.#options;
    const change = this.write(row, row);
    this.tell(row, change, "checked");
    if (change.unreached && hasReached(row.checks)) this.reached(row.identity, 0);
    else if (change.unreached) onUnreached(row.identity, row.pool);
    onChange(row.poolName);
  }

  #orderOf(row: Parameters<typeof namesOf>[0]): Row["order"] {
    const { orders } = this.#options;
    return orders.size === 0 ? null : orders.of(namesOf(row));
  }

  /** Its last source is gone. Open connections finish. */
  remove(row: Row, reason: LeaveReason): void {
    const { identity, poolName, pool } = row;
    const rows = this.#byPool.get(poolName);
    this.#byIdentity.delete(identity);
    rows?.delete(identity);
    if (rows?.size === 0) this.#byPool.delete(poolName);
    this.#options.sleepers?.forget(row);
    this.#options.usages?.forget(row);
    this.#options.parts?.forget(row);
    pool.remove(identity);
    this.#options.checks.unfollow(row);
    this.ramps.end(row);
    this.#options.onEvent("targetLeave", infoOf(row), reason);
    this.#options.onChange(poolName);
  }

  /** A target that was served has become a suspect. */
  failed(identity: string, code: Suspicion): void {
    const row = this.#toBeServed(identity);
    if (!row) return;
    this.#observe(row, "suspect");
    this.ramps.suspect(row);
    this.#options.onEvent("targetSuspect", infoOf(row), { code, isNew: row.state === "new" });
  }

  /** A target that is to be served accepts connections; `ms`: how long it had not; 0: nothing is known of that. */
  reached(identity: string, ms: number): void {
    const row = this.#toBeServed(identity);
    if (!row) return;
    const view = row.pool.view(identity);
    if (view?.state === "suspect" && isObserved(view.failure)) return; // its answers lift it
    if (view?.state === "suspect") row.pool.setState(identity, "up");
    this.#observe(row, "up");
    if (row.state === "new") {
      row.state = "up";
      this.ramps.begin(row);
      this.#announce(row, "reported");
    } else {
      if (ms >= AWAY_MS && row.state === "up") this.ramps.begin(row);
      else this.ramps.resume(row);
      if (ms > 0) this.#options.onEvent("targetRecovered", infoOf(row), ms);
    }
    this.#options.onChange(row.poolName);
  }

  #observe(row: Row, says: Row["observed"]["says"]): void {
    if (row.observed.says !== says) row.observed = { says, since: this.#options.wallClock() };
  }

  /** If it accepts connections. */
  #toBeServed(identity: string): Row | undefined {
    const row = this.#byIdentity.get(identity);
    return row && (takesLoad(row) || this.#inPanic(identity)) ? row : undefined;
  }

  #announce(row: Row, reason: DownReason): void {
    const { onEvent } = this.#options;
    const isBySources = wordOf(row)?.says === row.state;
    const isOrdered = saidByOrder(row.order) === row.state && !isBySources;
    const isChecked = saidByChecks(row.checks) === row.state && !isBySources && !isOrdered;
    if (row.state === "up") onEvent("targetUp", infoOf(row));
    else if (row.state === "draining")
      onEvent("targetDrain", infoOf(row), isOrdered ? "ordered" : isChecked ? "checked" : "reported");
    else if (isOrdered) onEvent("targetDown", infoOf(row), "ordered", null);
    else if (isChecked) onEvent("targetDown", infoOf(row), "checked", whyChecked(row.checks));
    else if (reason === "reported" && row.registered?.report.asleep) onEvent("targetDown", infoOf(row), "asleep", null);
    else onEvent("targetDown", infoOf(row), reason, whyOf(row, reason));
  }
}

/** What whoever has it down says of that. */
function whyOf({ registered, shared }: Row, reason: DownReason): string | null {
  return (reason === "reported" && (registered ?? shared)?.report.reason) || null;
}
