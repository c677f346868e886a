/** The balancer's side of the control channel: accepts reporters, caps strangers, keeps the registry and probes what is in doubt. */

import { resolveHost } from "../../net/resolve.ts";
import type { Address, Connection, Listener, Runtime, TcpAddress } from "../../net/runtime.ts";
import type { ControlEvent } from "../../targets/events.ts";
import { LoopbackFinder } from "../../targets/loopback-finder.ts";
import { type ProbeOutcome, probe } from "../../targets/probe.ts";
import { Registry, type Suspicion, type TargetPool } from "../../targets/registry.ts";
import { localAddresses } from "../../targets/self-dial-guard.ts";
import { Suspects } from "../../targets/suspects.ts";
import { type Cancel, type Clock, systemClock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import { PreAuthLimit } from "../../util/pre-auth-limit.ts";
import { PER_MINUTE, RateLimitedLog } from "../../util/rate-limited-log.ts";
import type { Keys } from "../keys/keys.ts";
import { Session, type SessionOptions } from "./session.ts";

export interface ControlServerOptions {
  readonly runtime: Runtime;
  /** Bound all or none. */
  readonly listen: readonly TcpAddress[];
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly keys: Keys;
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** ms a report counts (`--host-timeout`). Greater than 0. */
  readonly lease: number;
  /** Shown to reporters. */
  readonly name: string;
  readonly version: string;
  /** Where the balancer listens for clients; the control channel's own listeners are added. */
  readonly clientListeners: () => readonly TcpAddress[];
  readonly onEvent: (event: ControlEvent) => void;
  /** The targets of a pool have changed: the engine looks again. */
  readonly onChange: () => void;
  /** Reporters at once. Default MAX_SESSIONS. */
  readonly maxSessions?: number;
  readonly clock?: Clock;
  readonly resolve?: (host: string) => Promise<string>;
  readonly localAddresses?: () => readonly string[];
}

/** Twice the pool's default of targets, so that a reconnecting reporter finds room before its old session is gone. */
const MAX_SESSIONS = 2_048;
/** ms from accept until a key must be proved: several round trips around the world. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A report gets lost now and then; with three to a lease, two may. */
const REPORTS_PER_LEASE = 3;
/** ms. However long the lease, a restarted balancer should have its targets' changes soon. */
const MAX_INTERVAL_MS = 20_000;
/** ms between looks at leases and suspects, for leases from 10 s on; shorter ones are looked at ten times each. */
const TICK_MS = 1_000;
/** ms a probe waits: an answer on a live network takes far less, a lost SYN is sent again after one second. */
const PROBE_TIMEOUT_MS = 2_000;
/** ms. A resolver that is down may otherwise take half a minute, longer than many leases; the reporter asks again. */
const RESOLVE_TIMEOUT_MS = 5_000;
/** ms a look at this host's own loopback may take: nothing gets lost there, only a full backlog is silent. */
const LOOPBACK_TIMEOUT_MS = 500;

export class ControlServer {
  readonly registry: Registry;
  readonly #options: ControlServerOptions;
  readonly #clock: Clock;
  readonly #sessionOptions: SessionOptions;
  readonly #unproved = new PreAuthLimit<Session>();
  readonly #suspects: Suspects;
  readonly #sessions = new Set<Session>();
  readonly #running = new Set<Promise<void>>();
  readonly #log: RateLimitedLog<[event: ControlEvent]>;
  /** Identities of targets whose reporter is gone and whose probe is under way. */
  readonly #settling = new Set<string>();
  #listeners: Listener[] = [];
  #cancelTick: Cancel | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = new RateLimitedLog(PER_MINUTE, this.#clock, options.onEvent);
    options.keys.onWarning = (message) => this.#warn(message);
    this.registry = new Registry({
      pools: options.pools,
      lease: options.lease,
      now: () => this.#clock.now(),
      ownListeners: () => [...options.clientListeners(), ...this.addresses],
      localAddresses: options.localAddresses ?? localAddresses,
      onEvent: options.onEvent,
      onChange: options.onChange,
    });
    this.#suspects = new Suspects({
      pools: options.pools,
      now: () => this.#clock.now(),
      probe: (to) => this.#probe(to, PROBE_TIMEOUT_MS),
      onChange: options.onChange,
    });
    this.#sessionOptions = this.#optionsOfSessions();
  }

  /** In the order of `listen`; ports are real once started. */
  get addresses(): TcpAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Reporters connected and authenticated. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Binds every listener or none. Rejects with NetError. */
  async start(): Promise<void> {
    const { runtime, listen, tls } = this.#options;
    const secure = tls ? { tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS } : {};
    try {
      for (const { host, port } of listen) {
        const listener = await runtime.listen(
          { host, port, ...secure },
          (connection) => this.#accept(connection),
          (error) => this.#warn(`the control channel cannot accept: ${error.message}`, error),
        );
        this.#listeners.push(listener);
      }
    } catch (error) {
      await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
      throw error;
    }
  }

  /** Stops accepting, says goodbye to every reporter and ends the sessions. Idempotent, never rejects. */
  close(reason = "the balancer is stopping"): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    this.#cancelTick?.();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const session of this.#unproved.all()) session.abort();
    await Promise.all([...this.#sessions].map((session) => session.goodbye("STOPPING", reason)));
    await Promise.all(this.#running);
  }

  #accept(connection: Connection): void {
    if (this.#closing) {
      connection.abort();
      return;
    }
    const session = new Session(connection, this.#sessionOptions);
    this.#unproved.add(session, connection.remote.host)?.abort();
    this.#track(this.#serve(session));
  }

  /** `close()` waits for it. It must not reject. */
  #track(running: Promise<void>): void {
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  async #serve(session: Session): Promise<void> {
    await session.run();
    this.#unproved.delete(session);
    this.#sessions.delete(session);
    const suspicion = this.registry.lost(session);
    if (suspicion && !this.#closing) await this.#settle(suspicion);
  }

  /** The reporter is gone: is its target? */
  async #settle(suspicion: Suspicion): Promise<void> {
    if (this.#settling.has(suspicion.identity)) return;
    this.#settling.add(suspicion.identity);
    const outcome = await this.#probe(suspicion.address, PROBE_TIMEOUT_MS);
    this.#settling.delete(suspicion.identity);
    if (!this.#closing) this.registry.probed(suspicion, outcome);
  }

  #probe(to: Address, timeout: number): Promise<ProbeOutcome> {
    const { runtime } = this.#options;
    return probe(to, { runtime, clock: this.#clock, timeout, onLeaving: (left) => this.#track(left) });
  }

  #optionsOfSessions(): SessionOptions {
    const { keys, lease, name, version, resolve, maxSessions } = this.#options;
    const interval = Math.max(1, Math.min(Math.floor(lease / REPORTS_PER_LEASE), MAX_INTERVAL_MS));
    return {
      keys,
      registry: this.registry,
      clock: this.#clock,
      welcome: { lease, interval, name, version },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      resolve: resolve ?? ((host) => resolveHost(host, `cannot resolve ${host}`, RESOLVE_TIMEOUT_MS)),
      loopback: new LoopbackFinder({
        registry: this.registry,
        probe: (to) => this.#probe(to, LOOPBACK_TIMEOUT_MS),
      }),
      onHello: (session) => this.#unproved.saidHello(session),
      onAuthenticated: (session) => {
        if (this.#sessions.size >= (maxSessions ?? MAX_SESSIONS)) {
          throw new HarmonyError("BUSY", "too many reporters are connected", { fault: "balancer", retry: true });
        }
        this.#unproved.delete(session);
        this.#sessions.add(session);
        this.#tickSoon();
      },
      onRejected: (session, code, why) => this.#rejected(session, code, why),
    };
  }

  #rejected(session: Session, code: string, why: string): void {
    const cause = JSON.stringify([session.remote.host, code, why]);
    this.#log.tell(cause, { type: "rejected", who: session.who, code, why });
  }

  #warn(message: string, cause?: unknown): void {
    this.#log.tell(message, { type: "warning", message, ...(cause === undefined ? {} : { cause }) });
  }

  #tickSoon(): void {
    if (this.#cancelTick || this.#closing) return;
    const period = Math.max(1, Math.min(TICK_MS, this.#options.lease / 10));
    this.#cancelTick = this.#clock.after(period, () => this.#tick());
  }

  /** Runs only while there is somebody to watch over. */
  #tick(): void {
    this.#cancelTick = null;
    this.registry.expire();
    // Asked again until its lease is over: one that is about to die with its reporter still accepted the first probe.
    for (const orphan of this.registry.orphans()) this.#track(this.#settle(orphan));
    this.#suspects.tick();
    if (this.#sessions.size > 0 || this.registry.size > 0) this.#tickSoon();
  }
}
