/**
 * Which targets there are: those that reporters register, with who owns them and until when their reports count, and those that the
 * document and the DNS declare. No I/O; time comes from the clock handed in.
 */
import type { Address } from "../net/runtime.ts";
import type { Suspicion, TargetView } from "../pool/pool.ts";
import { canonicalHost } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import { Admission, type AdmissionOptions, checkKey, refusal } from "./admission.ts";
import { askingOf } from "./asking.ts";
import { creditsBefore, creditsOf } from "./credits.ts";
import { Declarations } from "./declarations.ts";
import { beginning, countsOf, type Entry, infoOf, isGone, type Orphan, orphanOf, sourcesOf } from "./entry.ts";
import { isOrphan, Leases } from "./leases.ts";
import { forbidden, judgedHost, locationOf } from "./location.ts";
import { noTarget, Ordering, type OrderingOptions, registeredAs } from "./ordering.ts";
import { OwnedTargets } from "./owned.ts";
import { Panics, type PanicsOptions } from "./panic.ts";
import { type Newcomer, type Quota, TargetQuotas, type TargetQuotasOptions } from "./quota.ts";
import type { Asking, LeaveReason, Report, ReportContext, TargetKey, TargetOwner } from "./report.ts";
import { RowNames } from "./row-names.ts";
import { type Change, Rows, type RowsOptions } from "./rows.ts";
import type { OwnWordOptions } from "./shared-target.ts";
import { Sharing } from "./sharing.ts";
import { Silence, type SilenceOptions } from "./silence.ts";
import { displacedAfter, isFreed, isTakeover } from "./takeover.ts";
import type { TargetPool } from "./target-pool.ts";
import { type Standing, standingOf } from "./verdicts.ts";
import type { DeclaredTarget, TargetSource } from "./wanted.ts";

export interface RegistryOptions
  extends PanicsOptions,
    TargetQuotasOptions,
    RowsOptions,
    AdmissionOptions,
    OrderingOptions,
    OwnWordOptions,
    SilenceOptions {
  /** Whether what was registered with this key may stay. */
  readonly accepts: (key: TargetKey) => boolean;
  /** Why the key, as it is now, does not allow this report, or null. `seen`: where its reporter was; `host`: where the target is. */
  readonly forbids: (key: TargetKey, report: Report, seen: string, host: string) => string | null;
  readonly onWarning: (message: string) => void;
}

export class Registry {
  readonly panics: Panics;
  /** Of all targets: to be read, and for a balancer that stops. */
  readonly rows: Pick<Rows, "all" | "get" | "giveBack" | "whyAllFail">;
  readonly ramps: Rows["ramps"];
  /** Of operators. */
  readonly ordering: Ordering;
  /** Until when reports count, and what becomes of targets without a reporter. */
  readonly leases: Leases;
  /** Of reporters whose connections are there. */
  readonly silence: Silence;
  /** What other balancers of the group say. */
  readonly sharing: Sharing;
  readonly #options: RegistryOptions;
  readonly #rows: Rows;
  readonly #names: RowNames;
  readonly #owned = new OwnedTargets<Entry>();
  readonly #quotas: TargetQuotas;
  readonly #declarations: Declarations;
  readonly #admission: Admission;

  constructor(options: RegistryOptions) {
    const rows = new Rows(options, (identity) => this.panics.has(identity));
    this.#options = options;
    this.#rows = rows;
    this.rows = rows;
    this.ramps = rows.ramps;
    this.#names = new RowNames(rows);
    this.panics = new Panics(options, {
      get: (identity) => rows.get(identity)?.registered ?? undefined,
      of: (pool) => rows.registeredIn(pool),
    });
    this.ordering = new Ordering(options, rows, this.panics);
    this.#quotas = new TargetQuotas(options, rows);
    this.#admission = new Admission(options);
    this.silence = new Silence(options, this.#owned);
    const parts = { ...options, rows, names: this.#names, undialable: (address: Address) => this.undialable(address) };
    this.sharing = new Sharing({ ...parts, unshareable: (target) => this.#admission.unshareable(target) });
    this.leases = new Leases({ ...options, rows, forget: (entry) => this.#remove(entry, "forgotten") });
    this.#declarations = new Declarations({
      ...parts,
      makeRoom: (pool) => this.#forgetDead(pool),
      onShared: (entry) => this.#shared(entry),
      onAlone: (entry) => this.#quotas.regain(entry),
    });
  }

  /**
   * Applies a full report. `host`: where the target is (seen or advertised, resolved). Throws HarmonyError with the reason of a
   * refusal.
   */
  report(
    owner: TargetOwner,
    report: Report,
    host: string,
    { ref = 0, reach, madeAt = Number.POSITIVE_INFINITY, lease }: ReportContext = {},
  ): { target: string; active: number; total?: number; before?: number } {
    const now = this.#options.clock.now();
    const until = this.leases.until(madeAt, lease);
    const poolNow = this.#options.poolTime?.() ?? now;
    const credits = creditsOf(report, madeAt - now + poolNow, lease ?? this.#options.lease, poolNow);
    const address = { host: canonicalHost(host), port: report.port };
    const location = locationOf(owner, report, address.host);
    const pool = this.#admission.poolOf(report);
    checkKey(owner, report, location);
    this.#admission.checkAddress(owner, report, address);
    if (until <= now) throw refusal("TOO_LATE", "the report was held up on its way for longer than it counts", true);
    const identity = this.#names.identityFor(report, location, address);
    const found = this.#rows.get(identity)?.registered ?? undefined;
    const freed = found && isFreed(found, { owner, ref, report, location, until }, now) ? found : undefined;
    const before = freed ? undefined : found;
    const { key } = owner;
    if (!found?.counts) this.sharing.checkKey(identity, key);
    if (before === undefined) this.#makeRoom({ key, pool, identity, mine: this.#owned.get(owner, ref), freed });
    const displaced = displacedAfter(before, owner, report);
    const judged = { seen: owner.remote.host, host: judgedHost(owner, report, location) };
    const row = this.#rows.open(identity, report.pool, pool);
    const said = { key, report, credits, displaced, address, location, judged, until };
    const begun = beginning(report, before, this.#options.wallClock());
    const entry: Entry = { identity, pool, row, owner, ref, ...said, ...begun };
    const change = this.#write(entry);
    this.#own(owner, entry, before);
    this.#rows.tell(row, change);
    this.silence.reported(entry);
    this.panics.reported(report.pool);
    if (reach === "connected") this.reached(identity);
    else if (change.unreached) this.#options.onUnreached(identity, pool);
    this.#options.onWord?.(identity, null);
    this.#options.onChange(report.pool);
    return { target: identity, ...countsOf(row, this.#options), ...creditsBefore(before, row.shared, report, poolNow) };
  }

  /**
   * The target that a report from this host speaks of, as the pool has it; undefined before its first report, and where it is
   * another key's. Throws as report() does where the key does not allow it.
   */
  known(owner: TargetOwner, report: Report): TargetView | undefined {
    const location = locationOf(owner, report, owner.remote.host);
    checkKey(owner, report, location);
    const row = this.#rows.get(this.#names.identityFor(report, location));
    return row?.registered?.key.id === owner.key.id ? row.pool.view(row.identity) : undefined;
  }

  /** Throws as report() does where this owner may have no target at this address, in whatever pool, or not once `listen` is open. */
  judge(owner: TargetOwner, report: Report, host: string): void {
    const address = { host: canonicalHost(host), port: report.port };
    checkKey(owner, report, locationOf(owner, report, address.host));
    this.#admission.checkAddress(owner, report, address);
    if (report.listen === address.port && this.#admission.isHere(address)) {
      const message = `the target itself is on this host at port ${report.listen}, so that no port of this number can be opened for it: choose another one`;
      throw refusal("BAD_ADDRESS", message);
    }
  }

  /** Why the balancer cannot dial a target there, or null. */
  undialable(address: Address): string | null {
    return this.#admission.undialable(address);
  }

  /**
   * The target on this host that is at that port, if there is one: while its server is down, a listener there would get its
   * clients. One that is down and has no reporter counts as gone.
   */
  targetHere(port: number): string | null {
    for (const row of this.#rows.all()) {
      const { address } = row.spec!;
      if (!("port" in address) || address.port !== port || isGone(row)) continue;
      if (this.#admission.isHere(address)) return row.identity;
    }
    return null;
  }

  /** The balancer listens elsewhere now: what is registered there goes, since it would dial itself. */
  listening(): void {
    this.#admission.lookAgain();
    const ports = this.#admission.ownPorts();
    for (const entry of this.#rows.registered()) {
      if (ports.has(entry.address.port) && this.undialable(entry.address) !== null) this.#remove(entry, "rejected");
    }
  }

  /** How much the holders of this key may have, all together. */
  quotaOf(key: TargetKey): Quota {
    return this.#options.quotaOf(key);
  }

  /** A target leaves at once; open connections finish. Says how many those are. */
  leave(owner: TargetOwner, ref = 0): { target: string; active: number } {
    const entry = this.#owned.get(owner, ref);
    if (!entry) return { target: "", active: 0 };
    this.#remove(entry, "leave");
    return { target: entry.identity, ...countsOf(entry.row, this.#options) };
  }

  /** What is registered under this name leaves, where its key is one that may be `withdrawn`. Throws `NO_TARGET`, `OWNED`. */
  withdraw(pool: string, id: string, withdrawn: (key: TargetKey) => boolean): void {
    const name = `${pool}/${id}`;
    const entry = registeredAs(this.#rows, pool, id);
    if (entry === undefined)
      throw this.#rows.has(name) ? refusal("OWNED", `"${name}" is declared: nobody has put it`) : noTarget(name);
    if (!withdrawn(entry.key))
      throw refusal("OWNED", `"${entry.identity}" is not yours: it was registered with another key`);
    this.#remove(entry, "leave");
  }

  /** A report of this owner was refused for good: the target that it has spoken for until now goes out, if there is one. */
  rejected(owner: TargetOwner, ref = 0): void {
    const entry = this.#owned.get(owner, ref);
    if (entry) this.#remove(entry, "rejected");
  }

  /** Whether there is a target that this owner speaks for. */
  owns(owner: TargetOwner): boolean {
    return this.#owned.has(owner);
  }

  /** How many targets this owner speaks for. */
  count(owner: TargetOwner): number {
    return this.#owned.count(owner);
  }

  /** Names of the targets that this owner speaks for. */
  identities(owner: TargetOwner): string[] {
    return this.#owned.of(owner).map(({ identity }) => identity);
  }

  /** The first of the owner's targets whose last report its key does not allow any more, and why; or null. */
  forbidden(owner: TargetOwner): { ref: number; reason: string } | null {
    for (const { ref, report, location } of this.#owned.of(owner)) {
      const reason = forbidden(owner, report, location);
      if (reason !== null) return { ref, reason };
    }
    return null;
  }

  /** The session ended without `leave`. Its targets keep their leases; those that this gives should be probed now. */
  lost(owner: TargetOwner): Orphan[] {
    const entries = this.#owned.of(owner);
    for (const entry of entries) {
      this.#owned.delete(entry);
      entry.owner = null;
      if (entry.row.shared !== null) this.#rows.change(entry.row, entry.row);
      this.#options.onWord?.(entry.identity, null);
    }
    return entries.filter(isOrphan).map(orphanOf);
  }

  /**
   * Keys have changed: the targets of those that are no longer accepted leave at once, and those without a reporter that theirs does
   * not allow any more (a session judges its own); open connections finish. Gives the names of the former keys, once for each of their targets.
   */
  revoke(): string[] {
    const { accepts, forbids } = this.#options;
    const [accepted, gone] = [new Map<TargetKey, boolean>(), [] as string[]];
    for (const entry of this.#rows.registered()) {
      const { key, report, judged, owner } = entry;
      const isAccepted = accepted.get(key) ?? accepts(key);
      accepted.set(key, isAccepted);
      if (!isAccepted) gone.push(key.id);
      if (!isAccepted || (owner === null && forbids(key, report, judged.seen, judged.host) !== null))
        this.#remove(entry, isAccepted ? "rejected" : "revoked");
    }
    this.#quotas.prune();
    return gone;
  }

  /** Those that ask for a listener for their pool, and are there: what is down without a reporter counts as gone, but in panic. First come, first. */
  asking(): Asking[] {
    return askingOf(this.#rows.all(), this.panics);
  }

  /** A target that was served has become a suspect. */
  failed(identity: string, why: Suspicion): void {
    this.#rows.failed(identity, why);
  }

  /** A target that is to be served accepts connections; `ms`: how long it had not; 0: nothing is known of that. */
  reached(identity: string, ms = 0): void {
    this.#rows.reached(identity, ms);
  }

  /**
   * Takes down the targets whose lease has run out, and forgets those that were down for too long. Gives the pools whose panic
   * begins: see Panics.look().
   */
  expire(): string[] {
    this.leases.expire((identity) => this.panics.has(identity));
    this.#declarations.retry();
    return this.panics.look(this.#options.clock.now());
  }

  /**
   * All static and DNS targets of the pool, as they are from now on. Those that stay as they were are not touched. What is not
   * possible is told as a warning.
   */
  declare(pool: string, targets: readonly DeclaredTarget[]): void {
    this.#admission.lookAgain();
    this.#declarations.declare(pool, targets);
  }

  /** To be called before the pool goes out of `pools`: its targets leave, and nothing is known of it any more. */
  poolRemoved(name: string): void {
    const rows = this.#rows.of(name);
    this.panics.forget(name);
    this.sharing.forget(rows);
    this.#declarations.forget(name, rows);
    for (const row of rows) {
      if (row.registered) this.#forget(row.registered);
      this.#rows.remove(row, "pool-removed");
    }
    const pool = this.#options.pools.get(name);
    if (pool) this.#quotas.poolRemoved(pool);
  }

  /** What everybody says of this target, and what has come of it. */
  standingOf(identity: string): Standing | undefined {
    const row = this.#rows.get(identity);
    const view = row?.pool.view(identity);
    return row && view && standingOf(row, view, this.panics.has(identity), this.#options.wallClock());
  }

  /** Who says that this target exists; nobody, where it is not known. */
  sourcesOf(identity: string): readonly TargetSource[] {
    const row = this.#rows.get(identity);
    return row ? sourcesOf(row) : [];
  }

  get size(): number {
    return this.#rows.size;
  }

  #write(entry: Entry): Change {
    try {
      return this.#rows.write(entry.row, { ...entry.row, registered: entry });
    } catch (error) {
      throw refusal("POOL_FULL", messageOf(error), true);
    }
  }

  /** Whose the target is now; `before`: what was registered of it until then. */
  #own(owner: TargetOwner, entry: Entry, before: Entry | undefined): void {
    const mine = this.#owned.get(owner, entry.ref);
    if (mine && mine.identity !== entry.identity) this.#remove(mine, "moved");
    if (before) {
      this.#owned.delete(before);
      this.#names.left(before);
    }
    this.#owned.add(entry);
    this.#names.registered(entry);
    if (before) this.#quotas.replace(before, entry);
    else if (entry.row.declared === null) this.#quotas.add(entry);
    if (!before?.owner || before.owner === owner) return;
    before.owner.replaced(owner.remote);
    if (isTakeover(before, owner, entry.report)) {
      this.#options.onEvent("targetTakenOver", infoOf(entry.row), owner.remote, before.owner.remote);
    }
  }

  /** Throws where the newcomer's key may have no more, and nothing has gone out then. */
  #makeRoom(newcomer: Newcomer): void {
    const { identity, freed } = newcomer;
    const hasRow = this.#rows.get(identity)?.declared; // and counts as nobody's
    const leaving = hasRow ? (freed ? [freed] : []) : this.#quotas.roomFor(newcomer);
    for (const entry of leaving) this.#remove(entry, entry === newcomer.mine ? "moved" : "forgotten");
  }

  #forgetDead(pool: TargetPool): void {
    const dead = this.#quotas.deadOfLargest(pool);
    if (dead) this.#remove(dead, "forgotten");
  }

  /** It has been declared as well: no key's quota counts it, and no panic. */
  #shared(entry: Entry): void {
    this.#quotas.release(entry);
    this.panics.left(entry.report.pool, false);
  }

  /** It is registered no more. If it is declared, or another balancer vouches for it, it stays. */
  #remove(entry: Entry, reason: LeaveReason): void {
    const { row, report } = entry;
    this.#forget(entry);
    const left = reason === "leave" ? this.sharing.left(row) : null;
    if (row.shared || row.declared) this.#rows.change(row, { ...row, registered: null });
    else this.#rows.remove(row, reason);
    this.#quotas.delete(entry);
    this.panics.left(report.pool, reason === "leave");
    this.#options.onWord?.(entry.identity, left);
    this.#options.onChange(report.pool);
  }

  #forget(entry: Entry): void {
    this.#owned.delete(entry);
    this.#names.left(entry);
  }
}
