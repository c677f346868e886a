/** Which targets are registered, who owns them and until when their reports count. No I/O; time comes from the clock handed in. */

import type { NetCode } from "../net/net-error.ts";
import type { TcpAddress } from "../net/runtime.ts";
import type { TargetSpec, TargetState, TargetView } from "../pool/pool.ts";
import { scarce } from "../proxy/connect-failure.ts";
import { canonicalHost } from "../util/address.ts";
import { HarmonyError, messageOf } from "../util/errors.ts";
import { activeOn, type Entry, infoOf, isDead, type Orphan, orphanOf, takesLoad } from "./entry.ts";
import { forbidden, identityOf, judgedHost, locationOf, sameAddress } from "./location.ts";
import { OwnedTargets } from "./owned.ts";
import { Panics, type PanicsOptions } from "./panic.ts";
import type { ProbeOutcome } from "./probe.ts";
import { type Newcomer, TargetQuotas, type TargetQuotasOptions } from "./quota.ts";
import { offLimits } from "./reach.ts";
import type { Asking, DownReason, LeaveReason, Report, TargetKey, TargetOwner } from "./report.ts";
import { undialable } from "./self-dial-guard.ts";
import { displacedAfter, isFreed, isTakeover } from "./takeover.ts";
import type { TargetPool } from "./target-pool.ts";
import type { DeclaredTarget, TargetSource } from "./wanted.ts";

export interface RegistryOptions extends PanicsOptions, TargetQuotasOptions {
  /** Where the balancer listens, for clients and for reporters. */
  readonly ownListeners: () => readonly TcpAddress[];
  readonly localAddresses: () => readonly string[];
  /** Whether what was registered with this key may stay. */
  readonly accepts: (key: TargetKey) => boolean;
  /** Why the key, as it is now, does not allow this report, or null. `seen`: where its reporter was; `host`: where the target is. */
  readonly forbids: (key: TargetKey, report: Report, seen: string, host: string) => string | null;
  /** A target came or came back, and is to be connected to: `reached()` says that it accepts, `failed()` that it does not. */
  readonly onUnreached: (identity: string, pool: TargetPool) => void;
}

/** What a report says of itself. */
export interface ReportContext {
  /** Which of its owner's targets it speaks of. */
  readonly ref?: number;
  /** The target accepted a connection just now. */
  readonly reach?: "connected" | undefined;
  /** When it was made, by this clock: it may have been held up on the way. */
  readonly madeAt?: number;
}

/** ms. A row is kept at least so long after its report ceased to count, so that a target that was away for a while keeps its counters. */
const MIN_FORGET_MS = 3_600_000;
const FORGET_LEASES = 24;

export class Registry {
  readonly panics: Panics;
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #owned = new OwnedTargets<Entry>();
  readonly #quotas: TargetQuotas;
  /** The last time for which no report could be heard. */
  #deaf = { until: Number.NEGATIVE_INFINITY, ms: 0 };

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.panics = new Panics(options, this.#entries);
    this.#quotas = new TargetQuotas(options, this.#entries);
  }

  /**
   * Applies a full report. `host`: where the target is (seen or advertised, resolved). Throws HarmonyError with the reason of a
   * refusal.
   */
  report(
    owner: TargetOwner,
    report: Report,
    host: string,
    { ref = 0, reach, madeAt = Number.POSITIVE_INFINITY }: ReportContext = {},
  ): { target: string; active: number } {
    const now = this.#options.clock.now();
    const heldUp = madeAt < this.#deaf.until ? this.#deaf.ms : 0; // by this balancer itself
    const until = Math.min(madeAt + heldUp, now) + this.#options.lease;
    const address = { host: canonicalHost(host), port: report.port };
    const location = locationOf(owner, report, address.host);
    const identity = identityOf(report, location);
    const pool = this.#allowedPool(owner, report, location);
    this.#refuseAddress(owner, report, address);
    if (until <= now) throw refusal("TOO_LATE", "the report was held up on its way for longer than it counts", true);
    const found = this.#entries.get(identity);
    const freed = found && isFreed(found, { owner, ref, report, location, until }, now) ? found : undefined;
    const before = freed ? undefined : found;
    const spec = { identity, address, weight: report.weight, maxConnections: report.maxConnections ?? 0 };
    const continues = before !== undefined && takesLoad(before) && sameAddress(before.spec.address, address);
    const state = report.drain ? "draining" : report.health === "down" ? "down" : continues ? before.state : "new";
    const mine = this.#owned.get(owner, ref);
    if (before === undefined) this.#makeRoom({ key: owner.key, pool, identity, mine, freed });
    set(pool, spec, state === "new" ? (continues ? "up" : "suspect") : state); // "up" leaves a suspect as it is
    const displaced = displacedAfter(before, owner, report);
    const judged = { seen: owner.remote.host, host: judgedHost(owner, report, location) };
    const { key } = owner;
    this.#own(owner, { identity, pool, owner, ref, key, report, displaced, spec, location, judged, state, until });
    this.panics.reported(report.pool);
    if (reach === "connected") this.reached(identity);
    else if (state === "new" && !continues) this.#options.onUnreached(identity, pool);
    this.#options.onChange(report.pool);
    return { target: identity, active: activeOn({ pool, identity }) };
  }

  /**
   * The target that a report from this host speaks of, as the pool has it; undefined before its first report, and where it is
   * another key's. Throws as report() does where the key does not allow it.
   */
  known(owner: TargetOwner, report: Report): TargetView | undefined {
    const location = locationOf(owner, report, owner.remote.host);
    refuseForbidden(owner, report, location);
    const entry = this.#entries.get(identityOf(report, location));
    return entry?.key.id === owner.key.id ? entry.pool.view(entry.identity) : undefined;
  }

  /** Throws as report() does where this owner may have no target at this address, in whatever pool. */
  judge(owner: TargetOwner, report: Report, host: string): void {
    const address = { host: canonicalHost(host), port: report.port };
    refuseForbidden(owner, report, locationOf(owner, report, address.host));
    this.#refuseAddress(owner, report, address);
  }

  /** Why the balancer cannot dial a target there, or null. */
  undialable(address: TcpAddress): string | null {
    const { ownListeners, localAddresses } = this.#options;
    return undialable(address, ownListeners(), localAddresses());
  }

  /** A target leaves at once; open connections finish. Says how many those are. */
  leave(owner: TargetOwner, ref = 0): { target: string; active: number } {
    const entry = this.#owned.get(owner, ref);
    if (!entry) return { target: "", active: 0 };
    this.#remove(entry, "leave");
    return { target: entry.identity, active: activeOn(entry) };
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
    }
    return entries.filter(({ state }) => state !== "down").map(orphanOf);
  }

  /**
   * Keys have changed: the targets of those that are no longer accepted leave at once, and those without a reporter that theirs does
   * not allow any more (a session judges its own); open connections finish.
   */
  revoke(): void {
    const accepted = new Map<TargetKey, boolean>();
    for (const entry of this.#entries.values()) {
      const { key } = entry;
      if (!accepted.has(key)) accepted.set(key, this.#options.accepts(key));
      if (!accepted.get(key)) this.#remove(entry, "revoked");
      else if (entry.owner === null && this.#isForbidden(entry)) this.#remove(entry, "rejected");
    }
    this.#quotas.prune();
  }

  /** Those that ask for a listener for their pool, and are there: what is down without a reporter counts as gone, but in panic. First come, first. */
  asking(): Asking[] {
    return [...this.#entries.values()].flatMap((entry) => {
      const { pool, listen, options = {} } = entry.report;
      if (listen === undefined || (isDead(entry) && !this.panics.has(entry.identity))) return [];
      return [{ target: entry.identity, pool, listen, options }];
    });
  }

  orphans(): Orphan[] {
    return [...this.#entries.values()].filter(({ owner, state }) => owner === null && state !== "down").map(orphanOf);
  }

  /** The outcome of an orphan's probe. It counts unless the target has an owner again. */
  probed({ identity, address }: Orphan, outcome: ProbeOutcome): void {
    const entry = this.#entries.get(identity);
    if (!entry || entry.owner !== null || entry.spec.address !== address) return;
    if (outcome === "connected" || scarce(outcome) !== null) return;
    if (outcome === "ECONNREFUSED") this.#down(entry, "refused");
    // Anything else proves nothing: it is picked last until a connection or a probe succeeds, or its lease runs out.
    else if (entry.state === "up") entry.pool.setState(identity, "suspect", outcome);
    this.#options.onChange(entry.report.pool);
  }

  /** Connecting to a target that was served has failed. */
  failed(identity: string, code: NetCode): void {
    const entry = this.#entries.get(identity);
    if (!entry || !this.#isToBeServed(entry)) return;
    this.#options.onEvent("targetSuspect", infoOf(entry), { code, isNew: entry.state === "new" });
  }

  /** A target that is to be served accepts connections; `ms`: how long it had not; 0: nothing is known of that. */
  reached(identity: string, ms = 0): void {
    const entry = this.#entries.get(identity);
    if (!entry || !this.#isToBeServed(entry)) return;
    if (entry.pool.view(identity)?.state === "suspect") entry.pool.setState(identity, "up");
    if (entry.state === "new") {
      entry.state = "up";
      this.#announce(entry);
    } else if (ms > 0) {
      this.#options.onEvent("targetRecovered", infoOf(entry), ms);
    }
    this.#options.onChange(entry.report.pool);
  }

  /** For so many ms no report could be heard: leases that run go on for as long. */
  extend(ms: number): void {
    this.#deaf = { until: this.#options.clock.now(), ms };
    for (const entry of this.#entries.values()) if (entry.state !== "down") entry.until += ms;
  }

  /**
   * Takes down the targets whose lease has run out, and forgets those that were down for too long. Gives the pools whose panic
   * begins: see Panics.look().
   */
  expire(): string[] {
    const { clock, lease } = this.#options;
    const now = clock.now();
    const forgotten = now - Math.max(MIN_FORGET_MS, FORGET_LEASES * lease);
    for (const entry of this.#entries.values()) {
      if (entry.until > now) continue;
      if (entry.state !== "down") this.#down(entry, "lease-expired");
      else if (entry.until > forgotten || entry.owner !== null || this.panics.has(entry.identity)) continue;
      else this.#remove(entry, "forgotten");
    }
    return this.panics.look(now);
  }

  /** All static and DNS targets of the pool, as they are from now on. Those that stay as they were are not touched. */
  declare(pool: string, targets: readonly DeclaredTarget[]): void {
    void pool;
    void targets;
  }

  /** To be called before the pool goes out of `pools`: its targets leave, and nothing is known of it any more. */
  poolRemoved(name: string): void {
    for (const entry of this.#entries.values()) if (entry.report.pool === name) this.#remove(entry, "pool-removed");
    this.panics.forget(name);
  }

  /** Who says that this target exists; nobody, where it is not known. */
  sourcesOf(identity: string): readonly TargetSource[] {
    return this.#entries.has(identity) ? ["registered"] : [];
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The pool of a report. Throws where there is none, or the key does not allow this. */
  #allowedPool(owner: TargetOwner, report: Report, location: TcpAddress): TargetPool {
    const { pools } = this.#options;
    const pool = pools.get(report.pool);
    if (!pool) throw unknownPool(report.pool, [...pools.keys()]);
    refuseForbidden(owner, report, location);
    return pool;
  }

  /** Where a reporter is, it has proved by connecting from there; what it advertises is only said. */
  #refuseAddress({ remote }: TargetOwner, { advertise }: Report, address: TcpAddress): void {
    const isSaid = advertise !== undefined;
    const local = this.#options.localAddresses();
    const reason = (isSaid && offLimits(address.host, remote.host, local)) || this.undialable(address);
    if (reason) throw refusal("BAD_ADDRESS", reason);
  }

  #isForbidden({ key, report, judged: { seen, host } }: Entry): boolean {
    return this.#options.forbids(key, report, seen, host) !== null;
  }

  #own(owner: TargetOwner, entry: Entry): void {
    const mine = this.#owned.get(owner, entry.ref);
    if (mine && mine.identity !== entry.identity) this.#remove(mine, "moved");
    const before = this.#entries.get(entry.identity);
    if (before) this.#owned.delete(before);
    this.#entries.set(entry.identity, entry);
    this.#owned.add(entry);
    if (before) this.#quotas.replace(before, entry);
    else this.#quotas.add(entry);
    if (before?.owner && before.owner !== owner) {
      before.owner.replaced(owner.remote);
      if (isTakeover(before, owner, entry.report)) {
        this.#options.onEvent("targetTakenOver", infoOf(entry), owner.remote, before.owner.remote);
      }
    }
    if (before?.state !== entry.state && entry.state !== "new") this.#announce(entry);
  }

  #announce(entry: Entry): void {
    const target = infoOf(entry);
    if (entry.state === "up") this.#options.onEvent("targetUp", target);
    else if (entry.state === "draining") this.#options.onEvent("targetDrain", target);
    else this.#options.onEvent("targetDown", target, "reported");
  }

  #down(entry: Entry, reason: DownReason): void {
    const { clock, onEvent, onChange } = this.#options;
    if (entry.state === "down") return;
    entry.state = "down";
    entry.until = Math.min(entry.until, clock.now());
    entry.pool.setState(entry.identity, "down");
    onEvent("targetDown", infoOf(entry), reason);
    onChange(entry.report.pool);
  }

  /** Throws where the newcomer's key may have no more, and nothing has gone out then. */
  #makeRoom(newcomer: Newcomer): void {
    for (const entry of this.#quotas.roomFor(newcomer)) {
      this.#remove(entry, entry === newcomer.mine ? "moved" : "forgotten");
    }
  }

  /** If it accepts connections. */
  #isToBeServed(entry: Entry): boolean {
    return takesLoad(entry) || this.panics.has(entry.identity);
  }

  #remove(entry: Entry, reason: LeaveReason): void {
    this.#owned.delete(entry);
    this.#entries.delete(entry.identity);
    entry.pool.remove(entry.identity);
    this.#quotas.delete(entry);
    this.#options.onEvent("targetLeave", infoOf(entry), reason);
    this.panics.left(entry.report.pool, reason === "leave");
    this.#options.onChange(entry.report.pool);
  }
}

/** Throws where the key does not allow this. */
function refuseForbidden(owner: TargetOwner, report: Report, location: TcpAddress): void {
  const reason = forbidden(owner, report, location);
  if (reason) throw refusal("FORBIDDEN", reason);
}

function set(pool: TargetPool, spec: TargetSpec, state: TargetState): void {
  try {
    pool.set(spec, state);
  } catch (error) {
    throw refusal("POOL_FULL", messageOf(error), true);
  }
}

/** Pools that are named in a refusal: a line of a log has room for no more. */
const NAMED_POOLS = 10;

/** It may come with the next reload. */
function unknownPool(name: string, known: readonly string[]): HarmonyError {
  const more = known.length > NAMED_POOLS ? ` and ${known.length - NAMED_POOLS} more` : "";
  const others = known.length > 0 ? `only ${known.slice(0, NAMED_POOLS).join(", ")}${more}` : "nor any other";
  return refusal("UNKNOWN_POOL", `there is no pool "${name}", ${others}`, true);
}

function refusal(code: string, message: string, retry = false): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry });
}
