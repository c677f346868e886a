/** The balancer's side of the control channel: accepts reporters and lets each session speak for its target. */
import { randomBytes } from "node:crypto";
import { NetError } from "../../net/net-error.ts";
import type { Address, Connection, Listener, Runtime, TcpAddress, TlsCertificate } from "../../net/runtime.ts";
import { Checks, type ChecksOptions } from "../../targets/checks.ts";
import type { Orphan } from "../../targets/entry.ts";
import { Checker } from "../../targets/health/checker.ts";
import { localAddresses } from "../../targets/local-addresses.ts";
import { LoopbackFinder } from "../../targets/loopback.ts";
import { TargetMonitor } from "../../targets/monitor.ts";
import { Orders } from "../../targets/orders.ts";
import { Prober } from "../../targets/probe.ts";
import { INVITED_TARGETS, type Quota, quotaOf } from "../../targets/quota.ts";
import { Registry, type RegistryOptions } from "../../targets/registry.ts";
import type { TargetEvents, TargetKey } from "../../targets/report.ts";
import { Sleepers } from "../../targets/sleepers.ts";
import { Usages } from "../../targets/usages.ts";
import { Waking } from "../../targets/waking.ts";
import { type Cancel, type Clock, every, systemClock } from "../../util/clock.ts";
import type { EventOf } from "../../util/emitter.ts";
import { HarmonyError } from "../../util/errors.ts";
import { PER_MINUTE, RateLimitedLog } from "../../util/rate-limited-log.ts";
import { forbids, isOwn, type Key } from "../keys/key.ts";
import type { Keys, LoadedKeys } from "../keys/keys.ts";
import type { Sighting } from "../keys/seen-file.ts";
import type { Welcome } from "../protocol/messages.ts";
import type { KeyPair } from "../protocol/x25519.ts";
import { Doorstep, FIRST_LINE_MS } from "./doorstep.ts";
import { goneWith, type KeyGone } from "./gone.ts";
import { Doorkeeper, type Invitations, type Reporters } from "./handshake.ts";
import { Heartbeats } from "./heartbeats.ts";
import { resolver } from "./look-ups.ts";
import { Paces } from "./pace.ts";
import { type Rejection, Rejections } from "./rejections.ts";
import { SERVICES_MS, type Services } from "./services.ts";
import type { Session, SessionOptions } from "./session.ts";
import { Sessions, type SessionsEnd, type SessionsOptions, type SessionView } from "./sessions.ts";

/** What happens on the control channel. Nothing is logged here: the balancer decides what becomes of it. */
export interface ControlEvents extends TargetEvents {
  /** At most one per kind of cause, address (of IPv6: /64) and minute, and a hundred in a minute each of strangers and of reporters. */
  rejected: [rejection: Rejection];
  /** At the start, and whenever a changed key file has been read. */
  keysLoaded: [loaded: LoadedKeys];
  /** A key is accepted no more, and what was there by it goes. */
  keyGone: [gone: KeyGone];
  /** The admin port has a new certificate, which was read from its changed files. */
  certificateRenewed: [];
  /** Something an operator should know; the balancer goes on. */
  warning: [message: string, cause?: unknown];
}

/** The operator's options that the control channel follows, by their names in the option table. */
export interface ControlSettings {
  readonly admin: readonly TcpAddress[];
  readonly adminTls: TlsCertificate | null;
  /** ms. Greater than 0. */
  readonly hostTimeout: number;
  /** ms; 0: reporters send none. */
  readonly heartbeat: number;
}

export interface ControlServerOptions
  extends ControlSettings,
    Pick<Welcome, "name" | "version">,
    Pick<RegistryOptions, "pools" | "panicOf" | "slowStartOf" | "poolTime" | "onWord" | "elsewhere" | "onOrdered">,
    Partial<Pick<RegistryOptions, "localAddresses" | "parts">> {
  readonly runtime: Runtime;
  readonly keys: Keys;
  /** The balancer's own key pair; null until it has invited somebody. */
  readonly identity?: { readonly keyPair: KeyPair | null };
  readonly invitations?: Invitations | null;
  readonly reporters?: Reporters | null;
  /** What a pool says about checks; left out: none are made. */
  readonly checksOf?: ChecksOptions["wantedOf"];
  /** Left out: reporters can bring targets, and no services for them. */
  readonly services?: Services | null;
  /** Where the balancer listens for clients. */
  readonly clientListeners: () => readonly Address[];
  readonly onEvent: (...event: EventOf<ControlEvents>) => void;
  /** The targets of that pool have changed: the engine looks again. */
  readonly onChange: (pool: string) => void;
  /** With TLS: looks whether there is a new certificate. Called every half second; throws HarmonyError where it is not usable. */
  readonly renewedTls?: (() => TlsCertificate | null) | null;
  /** Targets that all pools together have room for now. */
  readonly maxTargets: () => number;
  /** Reporters at once, now. */
  readonly maxSessions: () => number;
  /** Places of those who have yet to prove a key; left out: PLACES of pre-auth-limit.ts. */
  readonly strangers?: number;
  readonly clock?: Clock;
  /** ms since 1970. */
  readonly wallClock?: () => number;
  /** Of those who register targets without being reporters. */
  readonly otherKeys?: { current(key: Pick<Key, "id">): Key | undefined };
  /** Of operators, about targets; left out: none yet. */
  readonly orders?: Orders | undefined;
  readonly resolve?: SessionOptions["resolve"];
}

/** A report gets lost now and then; with three to a lease, two may. */
const REPORTS_PER_LEASE = 3;
/** ms. However long the lease, a restarted balancer should have its targets' changes soon. */
const MAX_INTERVAL_MS = 20_000;
/** ms a probe waits: an answer on a live network takes far less, a lost SYN is sent again after one second. */
const PROBE_TIMEOUT_MS = 2_000;
/** ms that a probe of this host's own loopback may take: nothing gets lost there, only a full backlog is silent. */
const LOOPBACK_TIMEOUT_MS = 500;

/** ms between looks at files that may change while the balancer runs. What is tightened in them holds within a second. */
const FILES_MS = 500;

/** Bytes that strangers may leave before it is collected: of the fastest crowd's that is some six times a second. */
const STRANGERS_GARBAGE = 6 * 1024 * 1024;

export class ControlServer {
  readonly #options: ControlServerOptions;
  /** Which targets there are, by whose word. */
  readonly registry: Registry;
  readonly #prober: Prober;
  readonly #checker: Checker;
  readonly #checks: Checks;
  readonly #monitor: TargetMonitor;
  readonly #waking: Waking;
  readonly #usages: Usages;
  readonly #log: RateLimitedLog<EventOf<ControlEvents>>;
  readonly #rejections: Rejections;
  readonly #heartbeats: Heartbeats<Session>;
  readonly #sessions: Sessions;
  readonly #doorstep: Doorstep;
  readonly #listeners: Listener[] = [];
  #starting: Promise<void> = Promise.resolve();
  readonly #cancelLooks: Cancel[] = [];
  #closing: Promise<void> | null = null;

  constructor(options: ControlServerOptions) {
    const { hostTimeout: lease, clock = systemClock, wallClock = Date.now, keys } = options;
    this.#options = options;
    this.#log = new RateLimitedLog(PER_MINUTE, clock, options.onEvent);
    this.#rejections = new Rejections(clock, (rejection) => options.onEvent("rejected", rejection));
    keys.onWarning = (message) => this.#warn(message);
    keys.onChange = (loaded) => {
      options.onEvent("keysLoaded", loaded);
      // Later, since this may be within a session's own look-up.
      queueMicrotask(() => this.#recheckKeys());
    };
    this.#checker = new Checker({ ...options, clock });
    this.#checks = new Checks({
      clock,
      wallClock,
      run: (check, server) => this.#checker.run(check, server),
      leaving: () => this.#checker.leaving,
      wantedOf: options.checksOf ?? (() => undefined),
    });
    const sleepers = new Sleepers();
    this.#waking = new Waking({ ...options, sleepers, clock });
    this.#usages = new Usages(clock);
    this.registry = new Registry({
      localAddresses,
      ...options,
      checks: this.#checks,
      orders: options.orders ?? new Orders(),
      sleepers,
      usages: this.#usages,
      wallClock,
      lease,
      clock,
      accepts: (key) => keys.accepts(key) || options.otherKeys?.current(key) !== undefined,
      forbids: (key, report, seen, host) => {
        const current = keys.current(key) ?? options.otherKeys?.current(key);
        return current ? forbids(current, report, seen, host) : null;
      },
      quotaOf: (key) => this.#quotaOf(key),
      ownListeners: () => [...options.clientListeners(), ...this.addresses],
      onChange: (pool) => this.#changed(pool),
      onUnreached: (identity, pool) => this.#monitor.check(identity, pool),
      onWarning: (message) => this.#warn(message),
    });
    this.#prober = new Prober({ ...options, clock });
    this.#monitor = new TargetMonitor({
      ...options,
      registry: this.registry,
      lease,
      clock,
      probe: (to) => this.#prober.probe(to, PROBE_TIMEOUT_MS),
      onWarning: (message) => this.#warn(message),
    });
    this.#heartbeats = new Heartbeats({
      interval: options.heartbeat,
      clock,
      onSilent: (session) => this.registry.silence.look(session),
      onHeard: (session) => this.registry.silence.heard(session),
    });
    this.#sessions = new Sessions(this.#optionsOfSessions(clock));
    const { identity, invitations } = options;
    const doorkeeper = new Doorkeeper({
      keys,
      identity: () => identity?.keyPair ?? null,
      invitations: invitations ?? { find: () => undefined },
      clock,
      wallClock,
    });
    this.#doorstep = new Doorstep({
      clock,
      places: options.strangers,
      onCrowd: () => options.runtime.lookForGarbage?.(STRANGERS_GARBAGE),
      judge: (line, seen) => doorkeeper.judge(line, seen),
      onProved: (channel, proved) => this.#sessions.begin(channel, proved),
      onRefused: (from, who, code, why) => {
        if (code !== "CLOCK") this.#rejections.stranger(from, { who, code, why }); // it comes again at once, with its ticket
      },
    });
  }

  /** In the order of `admin`; ports are real once started. */
  get addresses(): TcpAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Reporters connected and authenticated. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Of them, those of which nothing is heard though their connections are there. */
  get silentSessions(): number {
    return this.#sessions.silent;
  }

  /** Checks of targets, and agents, that are asked again and again. */
  get checks(): number {
    return this.#checks.size;
  }

  /** Reporters and strangers that were turned away, by code. */
  get rejections(): ReadonlyMap<string, number> {
    return this.#rejections.counts;
  }

  /** The reporters that are connected. */
  reporters(): SessionView[] {
    return this.#sessions.views();
  }

  /** The invited reporters that are connected. */
  get sightings(): Sighting[] {
    return this.#sessions.sightings;
  }

  /** What is registered or declared in that pool leaves. To be called while the pool still is one of `pools`. */
  poolRemoved(name: string): void {
    this.registry.poolRemoved(name);
    this.#monitor.poolRemoved(name);
  }

  /** Binds every listener or none. Rejects with NetError. */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { runtime, admin, adminTls: tls } = this.#options;
    const onPlain = (from: TcpAddress) => this.#rejections.plain(from);
    const secure = tls ? { tls, onPlain, handshakeTimeout: FIRST_LINE_MS, strangers: this.#doorstep.strangers } : {};
    try {
      for (const { host, port } of admin) {
        const listener = await runtime.listen(
          { host, port, ...secure },
          (connection) => this.#accept(connection),
          (error) => this.#warn(`${error.message}, so reporters cannot connect`, error),
        );
        this.#listeners.push(listener);
      }
    } catch (error) {
      await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
      throw error;
    }
    if (!this.#closing) this.#beginLooks();
  }

  #beginLooks(): void {
    const { keys, renewedTls, services, clock = systemClock } = this.#options;
    if (keys.mayChange || renewedTls) {
      const cancel = every(clock, FILES_MS, () => {
        keys.refresh();
        this.#renewTls();
      });
      this.#cancelLooks.push(cancel);
    }
    if (services) {
      const look = () => services.size > 0 && services.look(this.registry.asking());
      this.#cancelLooks.push(every(clock, SERVICES_MS, look));
    }
  }

  /** Stops accepting, says goodbye to every reporter and ends the sessions, at last when no client is `served` any more. Idempotent, never rejects. */
  close(end: SessionsEnd = {}): Promise<void> {
    this.#closing ??= this.#close(end);
    return this.#closing;
  }

  async #close(end: SessionsEnd): Promise<void> {
    for (const cancel of this.#cancelLooks) cancel();
    this.#monitor.close();
    this.#checks.close();
    this.#waking.close();
    this.#usages.close();
    this.#heartbeats.close();
    await this.#starting.catch(() => undefined); // whoever has started it hears that; it may have bound something meanwhile
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await Promise.all([this.#prober.close(), this.#checker.close(), this.#doorstep.close(), this.#sessions.close(end)]);
  }

  #accept(connection: Connection): void {
    if (this.#closing) {
      connection.abort();
      return;
    }
    this.#doorstep.enter(connection);
  }

  /** Its targets have their leases still. */
  #ended(session: Session): void {
    for (const orphan of this.registry.lost(session)) {
      this.#monitor.orphaned(orphan);
      if (session.vanished) this.#reporterLost(session, orphan);
    }
  }

  #reporterLost({ remote: reporter }: Session, { until, ...target }: Orphan): void {
    const { clock = systemClock } = this.#options;
    const leaseMs = Math.max(0, until - clock.now());
    this.#log.tell(`lost ${target.identity}`, "reporterLost", target, { reporter, leaseMs });
  }

  #optionsOfSessions(clock: Clock): SessionsOptions {
    const { hostTimeout: lease, heartbeat, name, version } = this.#options;
    const interval = Math.max(1, Math.min(Math.floor(lease / REPORTS_PER_LEASE), MAX_INTERVAL_MS));
    const registry = this.registry;
    const instance = randomBytes(8).toString("hex"); // so that no two starts are taken for one
    return {
      resolve: resolver(),
      invitations: null,
      reporters: null,
      services: null,
      wallClock: Date.now,
      ...this.#options,
      registry,
      clock,
      welcome: { lease, interval, ...(heartbeat > 0 && { heartbeat }), name, version, instance },
      heartbeats: this.#heartbeats,
      paces: new Paces(),
      loopback: new LoopbackFinder({ registry, probe: (to) => this.#prober.probe(to, LOOPBACK_TIMEOUT_MS) }),
      max: this.#options.maxSessions,
      quotaOf: (key) => this.#quotaOf(key),
      onEnded: (session) => this.#ended(session),
      onWarning: (message, cause) => this.#warn(message, cause),
      onRejected: ({ remote, who }, code, why) => this.#rejections.reporter(remote, { who, code, why }),
    };
  }

  /** What a key does not say itself: a shared one may take half of all places, so that others find room. */
  #quotaOf(key: TargetKey): Quota {
    return quotaOf(key.limits, isOwn(key) ? INVITED_TARGETS : Math.ceil(this.#options.maxTargets() / 2));
  }

  #renewTls(): void {
    try {
      const certificate = this.#options.renewedTls?.();
      if (!certificate) return;
      for (const listener of this.#listeners) listener.renew?.(certificate);
      this.#options.onEvent("certificateRenewed");
    } catch (error) {
      if (!(error instanceof HarmonyError || error instanceof NetError)) throw error;
      this.#warn(error.message);
    }
  }

  #recheckKeys(): void {
    for (const gone of goneWith(this.#sessions.recheckKeys(), this.registry.revoke()))
      this.#options.onEvent("keyGone", gone);
  }

  #changed(pool: string): void {
    this.#monitor.wake();
    this.#options.onChange(pool);
  }

  #warn(message: string, cause?: unknown): void {
    this.#log.tell(message, "warning", message, cause);
  }
}
