/** Who is registered, by whom and until when: the policy of the control channel. No I/O; time comes from the clock handed in. */

import { canonicalHost } from "../net/ip.ts";
import type { TcpAddress } from "../net/runtime.ts";
import type { TargetSpec, TargetState, TargetView } from "../pool/pool.ts";
import { HarmonyError, messageOf } from "../util/errors.ts";
import { formatHostPort } from "../util/host-port.ts";
import type { ControlEvent, DownReason, LeaveReason, TargetInfo } from "./events.ts";
import { Leases } from "./leases.ts";
import { isThisHost, THIS_HOST } from "./loopback.ts";
import type { Report } from "./report.ts";
import { undialable } from "./self-dial-guard.ts";

/** What the registry needs of a Pool. */
export interface TargetPool {
  set(spec: TargetSpec, state: TargetState): void;
  setState(identity: string, state: TargetState): boolean;
  remove(identity: string): boolean;
  view(identity: string): TargetView | undefined;
  suspects(): readonly TargetView[];
}

/** A session as the registry sees it. It speaks for one target at a time. */
export interface Holder {
  /** Where the balancer sees the reporter. */
  readonly remote: TcpAddress;
  /** Why its key does not allow this report of a target at `host`, or null. */
  forbids(report: Report, host: string): string | null;
  /** Another session has taken this one's target over. */
  replaced(): void;
}

export interface RegistryOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** How long a report counts, ms. */
  readonly lease: number;
  readonly now: () => number;
  /** Where the balancer listens, for clients and for reporters. */
  readonly ownListeners: () => readonly TcpAddress[];
  readonly localAddresses: () => readonly string[];
  readonly onEvent: (event: ControlEvent) => void;
  /** A pool's targets have changed. */
  readonly onChange: () => void;
}

interface Entry {
  readonly identity: string;
  readonly pool: TargetPool;
  /** null once the session is gone; the lease runs on. */
  holder: Holder | null;
  spec: TargetSpec & { readonly address: TcpAddress };
  /** What names a target without an id; see placeOf(). */
  readonly place: TcpAddress;
  /** What reports, leases and probes make of it; whether it is a suspect, the pool alone knows. */
  state: "up" | "draining" | "down";
}

/** A target whose reporter went away without a word: is it still there? */
export interface Suspicion {
  readonly identity: string;
  readonly address: TcpAddress;
}

/** A row is kept at least so long after its lease ran out, so that a target that was away for a while keeps its counters. */
const MIN_FORGET_MS = 3_600_000;
const FORGET_LEASES = 24;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();
  /** The other direction of `Entry.holder`. */
  readonly #held = new Map<Holder, Entry>();
  readonly #leases = new Leases();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Applies a full report. `host`: where the target is (seen or advertised, resolved). Throws HarmonyError with the reason of a refusal. */
  report(holder: Holder, report: Report, host: string): { target: string; active: number } {
    const address = { host: canonicalHost(host), port: report.port };
    const place = placeOf(holder, report, address.host);
    const identity = identityOf(report, place);
    const pool = this.#admit(holder, report, address, place);
    const spec = { identity, address, weight: report.weight, maxConnections: report.maxConnections ?? 0 };
    const state = report.drain ? "draining" : report.health;
    this.#put(pool, spec, state);
    this.#hold(holder, { identity, pool, holder, spec, place, state });
    this.#leases.touch(identity, this.#options.now(), this.#options.lease);
    this.#options.onChange();
    return { target: identity, active: pool.view(identity)?.active ?? 0 };
  }

  /**
   * The target that a report from this host speaks of, as the pool has it; undefined before its first report. Throws as
   * report() does where the key does not allow it.
   */
  known(holder: Holder, report: Report): TargetView | undefined {
    const place = placeOf(holder, report, holder.remote.host);
    return this.#permit(holder, report, place).view(identityOf(report, place));
  }

  /** Why the balancer cannot dial a target there, or null. */
  undialable(address: TcpAddress): string | null {
    const { ownListeners, localAddresses } = this.#options;
    return undialable(address, ownListeners(), localAddresses());
  }

  /** The target leaves at once; open connections finish. Says how many those are. */
  leave(holder: Holder): { target: string; active: number } {
    const entry = this.#held.get(holder);
    if (!entry) return { target: "", active: 0 };
    this.#remove(entry, "leave");
    return { target: entry.identity, active: entry.pool.view(entry.identity)?.active ?? 0 };
  }

  /** The session ended without `leave`. Whatever it spoke for keeps its lease, but should be probed now. */
  lost(holder: Holder): Suspicion | null {
    const entry = this.#held.get(holder);
    if (!entry) return null;
    this.#held.delete(holder);
    entry.holder = null;
    return entry.state === "down" ? null : suspicionOf(entry);
  }

  /** Targets that nobody speaks for while their leases run on. */
  orphans(): Suspicion[] {
    return [...this.#entries.values()]
      .filter(({ holder, state }) => holder === null && state !== "down")
      .map(suspicionOf);
  }

  /** A probe after `lost()` came back: it counts unless a reporter speaks for the target again. */
  probed({ identity, address }: Suspicion, outcome: "connected" | "refused" | "silent"): void {
    const entry = this.#entries.get(identity);
    if (!entry || entry.holder !== null || entry.spec.address !== address) return;
    if (outcome === "refused") this.#down(entry, "refused");
    // No answer is no proof: it is picked last until a connection or a probe succeeds, or its lease runs out.
    if (outcome === "silent" && entry.state === "up") entry.pool.setState(identity, "suspect");
    this.#options.onChange();
  }

  /** Takes out whose lease has run out, and forgets who was away for too long. */
  expire(): void {
    const now = this.#options.now();
    for (const identity of this.#leases.expire(now)) {
      const entry = this.#entries.get(identity);
      if (!entry) continue;
      if (entry.state === "down" && entry.holder === null) {
        this.#remove(entry, "forgotten");
        continue;
      }
      this.#down(entry, "lease-expired");
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The pool, if it is there and the key may register this. */
  #permit(holder: Holder, report: Report, place: TcpAddress): TargetPool {
    const { pools } = this.#options;
    const pool = pools.get(report.pool);
    if (!pool) throw refusal("UNKNOWN_POOL", `there is no pool "${report.pool}", only ${[...pools.keys()].join(", ")}`);
    const seen = holder.remote.host;
    const forbidden = holder.forbids(report, isHere(holder, report) ? seen : place.host);
    if (forbidden) throw refusal("FORBIDDEN", forbidden);
    return pool;
  }

  #admit(holder: Holder, report: Report, address: TcpAddress, place: TcpAddress): TargetPool {
    const pool = this.#permit(holder, report, place);
    const reason = this.undialable(address);
    if (reason) throw refusal("BAD_ADDRESS", reason);
    const identity = identityOf(report, place);
    const other = this.#entries.get(identity);
    if (other?.holder && other.holder !== holder && !sameAddress(other.place, place)) {
      const where = formatHostPort(other.spec.address.host, other.spec.address.port);
      throw refusal("ID_TAKEN", `"${identity}" is registered from ${where}: give each target its own id`, true);
    }
    return pool;
  }

  #put(pool: TargetPool, spec: TargetSpec, state: TargetState): void {
    try {
      pool.set(spec, state);
    } catch (error) {
      throw refusal("POOL_FULL", messageOf(error), true);
    }
  }

  #hold(holder: Holder, entry: Entry): void {
    const mine = this.#held.get(holder);
    if (mine && mine.identity !== entry.identity) this.#remove(mine, "moved");
    const before = this.#entries.get(entry.identity);
    this.#entries.set(entry.identity, entry);
    this.#held.set(holder, entry);
    if (before?.holder && before.holder !== holder) {
      this.#held.delete(before.holder);
      before.holder.replaced();
    }
    if (before?.state !== entry.state) this.#announce(entry);
  }

  #announce(entry: Entry): void {
    const target = infoOf(entry);
    if (entry.state === "up") this.#options.onEvent({ type: "target-up", target });
    else if (entry.state === "draining") this.#options.onEvent({ type: "target-drain", target });
    else this.#options.onEvent({ type: "target-down", target, reason: "reported" });
  }

  #down(entry: Entry, reason: DownReason): void {
    const { now, lease, onEvent, onChange } = this.#options;
    this.#leases.touch(entry.identity, now(), Math.max(MIN_FORGET_MS, FORGET_LEASES * lease));
    if (entry.state === "down") return;
    entry.state = "down";
    entry.pool.setState(entry.identity, "down");
    onEvent({ type: "target-down", target: infoOf(entry), reason });
    onChange();
  }

  #remove(entry: Entry, reason: LeaveReason): void {
    if (entry.holder) this.#held.delete(entry.holder);
    this.#entries.delete(entry.identity);
    this.#leases.drop(entry.identity);
    entry.pool.remove(entry.identity);
    this.#options.onEvent({ type: "target-leave", target: infoOf(entry), reason });
    this.#options.onChange();
  }
}

/** The target is wherever its reporter is, and that is on this host. */
function isHere({ remote }: Holder, { advertise }: Report): boolean {
  return advertise === undefined && isThisHost(remote.host);
}

/** Where a target is, to tell it from others: its address, or this host whichever of its loopbacks is dialled. */
function placeOf(holder: Holder, report: Report, host: string): TcpAddress {
  return { host: isHere(holder, report) ? THIS_HOST : canonicalHost(host), port: report.port };
}

function identityOf({ pool, id }: Report, { host, port }: TcpAddress): string {
  return `${pool}/${id ?? formatHostPort(host, port)}`;
}

function infoOf({ identity, spec }: Entry): TargetInfo {
  return { identity, address: spec.address, weight: spec.weight };
}

function suspicionOf({ identity, spec }: Entry): Suspicion {
  return { identity, address: spec.address };
}

function sameAddress(a: TcpAddress, b: TcpAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

function refusal(code: string, message: string, retry = false): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry });
}
