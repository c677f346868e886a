/** The balancer: pool, engine and control channel, wired together. It logs nothing and emits events. */
import { runtime } from "#runtime";
import { type Certificate, CertificateFiles } from "../config/certificate-files.ts";
import { type BalancerSettings, DEFAULT_POOL, type PoolSettings } from "../config/settings.ts";
import { balancerKeys } from "../control/keys/find-keys.ts";
import { type ControlEvents, ControlServer, type ControlServerOptions } from "../control/server/server.ts";
import { chooseEngine, type PassedOver } from "../engines/choose.ts";
import type { Engine, EngineName, EngineOptions } from "../engines/engine.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { Pool, type TargetView } from "../pool/pool.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { SESSIONS_PER_TARGET } from "../targets/quota.ts";
import { type Cancel, every, systemClock } from "../util/clock.ts";
import { Emitter } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { type DescriptorShares, shareDescriptors } from "./descriptors.ts";
import { type InvitedEvents, invitedEvents, type Trust, watchInvited } from "./invited.ts";
import type { SeenFile } from "./seen.ts";

/** Where clients connect and where targets register, with the real ports. */
export interface BoundAddresses {
  readonly listen: readonly TcpAddress[];
  readonly admin: readonly TcpAddress[];
}

export interface BalancerEvents extends ControlEvents, InvitedEvents {
  /** Both ports are bound. */
  listening: [];
  /** A client's connection has ended, however far it came. */
  connectionClose: [record: CloseRecord];
  /** A key file was created; `hint` is one line on how to copy it to other hosts. */
  keyCreated: [hint: string];
  /** It could not start. If nobody listens and nobody has asked for `ready`, the error is thrown as an uncaught one. */
  error: [error: Error];
  /** It has stopped and holds nothing any more. */
  close: [];
}

/** ms between looks at garbage, where the runtime needs them, and bytes of it that are left alone. */
const GARBAGE_MS = 250;
const GARBAGE = 16 * 1024 * 1024;

export class Balancer extends Emitter<BalancerEvents> {
  readonly #settings: BalancerSettings;
  /** The only pool that it serves. */
  readonly #options: PoolSettings;
  readonly #listen: readonly TcpAddress[];
  readonly #pool: Pool;
  readonly #started: Promise<void>;
  #readyAsked = false;
  #engine: Engine | null = null;
  #control: ControlServer | null = null;
  #seen: SeenFile | null = null;
  #passedOver: readonly PassedOver[] = [];
  #closing: Promise<void> | null = null;
  #cancelEndOfHold: Cancel = () => undefined;
  #cancelGarbageLooks: Cancel = () => undefined;

  /** Starts at once. What goes wrong comes as `error`, and rejects `ready`. */
  constructor(settings: BalancerSettings) {
    super();
    this.#settings = settings;
    this.#options = settings.pools.get(DEFAULT_POOL)!;
    this.#listen = settings.listeners.get(DEFAULT_POOL)!.listen.filter((address) => "port" in address);
    this.#pool = Pool.create({ ...this.#options, name: DEFAULT_POOL });
    this.#started = this.#start();
    this.#started.catch((error: Error) => this.#startFailed(error));
  }

  /** Resolves to where both ports are bound; rejects with why they are not, or with `CLOSED` if it was closed before that. */
  get ready(): Promise<BoundAddresses> {
    this.#readyAsked = true;
    // A promise of its own for each caller, so that a rejection that one does not handle is reported.
    return this.#started.then(() => ({ listen: this.addresses, admin: this.adminAddresses }));
  }

  /** Where clients connect; ports are real once it is ready. */
  get addresses(): readonly TcpAddress[] {
    return this.#engine?.addresses ?? this.#listen;
  }

  /** Where targets register; ports are real once it is ready. */
  get adminAddresses(): readonly TcpAddress[] {
    return this.#control?.addresses ?? this.#settings.admin;
  }

  /** The engine at work, and the preferred ones that cannot run here, with the reason. Null before it is ready. */
  get engine(): { readonly name: EngineName; readonly passedOver: readonly PassedOver[] } | null {
    return this.#engine && { name: this.#engine.name, passedOver: this.#passedOver };
  }

  /** Whether reporters have to speak TLS. */
  get adminTls(): boolean {
    return this.#settings.adminTls !== null;
  }

  /** Every known target, with its counters. */
  targets(): TargetView[] {
    return this.#pool.targets();
  }

  /** Names of the pools whose reporters have all fallen silent at once: their targets are served while they accept connections. */
  get panic(): readonly string[] {
    return this.#pool.panic ? [DEFAULT_POOL] : [];
  }

  /** Client connections that hold a permit, and those that wait in the queue. */
  get connections(): { readonly active: number; readonly waiting: number } {
    return { active: this.#pool.active, waiting: this.#pool.waiting };
  }

  /** Limits the client connections that are served at once from now on. -1 means no limit, 0 pauses. */
  setConcurrency(limit: number): void {
    this.#pool.setConcurrency(limit);
    this.#engine?.poolChanged();
  }

  /**
   * Stops accepting, tells reporters goodbye, and lets open connections finish for at most `timeout` ms (default: the
   * drain time-out; 0 ends them now). Resolves when nothing is left; a second call may shorten the time-out. Never rejects.
   */
  close(timeout: number = this.#settings.drainTimeout): Promise<void> {
    if (this.#closing === null) this.#closing = this.#close(timeout);
    else void this.#engine?.close(timeout);
    return this.#closing;
  }

  async #start(): Promise<void> {
    await Promise.resolve(); // listeners are attached after the constructor
    const { hint, warning, ...trust } = balancerKeys(this.#settings);
    const { keys } = trust;
    const { factory, passedOver } = await chooseEngine(this.#settings.engine);
    this.#refuseWhenClosed();
    const shares = shareDescriptors(this.#options.maxTargets);
    const engine = factory.create(this.#engineOptions(shares));
    const control = new ControlServer(this.#controlOptions(trust, engine, shares));
    this.#engine = engine;
    this.#control = control;
    this.#passedOver = passedOver;
    if (this.#options.startHold > 0) this.#pool.hold();
    try {
      await engine.start();
      await control.start();
      this.#refuseWhenClosed();
    } catch (error) {
      await Promise.all([engine.close(0), control.close()]);
      throw error;
    }
    const { lookForGarbage } = runtime;
    if (lookForGarbage) this.#cancelGarbageLooks = every(systemClock, GARBAGE_MS, () => lookForGarbage(GARBAGE));
    this.#endHoldLater(engine);
    this.#seen = watchInvited(trust, control, (...event) => this.tell(...event));
    for (const each of [warning, shares.warning]) if (each !== null) this.tell("warning", each);
    if (hint !== null) this.tell("keyCreated", hint);
    this.tell("keysLoaded", keys.loaded);
    this.tell("listening");
  }

  /** Clients that wait for the first target are told that there is none, once its time has passed. */
  #endHoldLater(engine: Engine): void {
    const { startHold } = this.#options;
    if (startHold === 0) return;
    this.#cancelEndOfHold = systemClock.after(startHold, () => {
      this.#pool.endHold();
      engine.poolChanged();
    });
  }

  #refuseWhenClosed(): void {
    if (this.#closing === null) return;
    throw new HarmonyError("CLOSED", "the balancer was closed before it had started", { fault: "config" });
  }

  #startFailed(error: Error): void {
    if (this.#closing !== null) return;
    // Nothing is left open, so close() has nothing to do.
    this.#closing = Promise.resolve();
    if (this.listenerCount("error") > 0) this.tell("error", error);
    else if (!this.#readyAsked) {
      // As with a net.Server: if nobody listens for the error of a failed start, it is thrown.
      setTimeout(() => {
        throw error;
      });
    }
  }

  async #close(timeout: number): Promise<void> {
    this.#cancelEndOfHold();
    this.#cancelGarbageLooks();
    const closing = () => Promise.all([this.#engine?.close(timeout), this.#control?.close(), this.#seen?.close()]);
    await closing();
    await this.#started.catch(() => undefined); // `ready` tells why it failed; it may have opened something meanwhile
    await closing();
    this.tell("close");
  }

  #engineOptions({ reserve }: DescriptorShares): EngineOptions {
    return {
      ...this.#options,
      listen: this.#listen,
      threads: this.#settings.threads,
      reserve,
      pool: this.#pool,
      onClose: (record) => this.tell("connectionClose", record),
      onWarning: (message, cause) => this.tell("warning", message, cause),
    };
  }

  #certificateFiles(): (() => Certificate | null) | null {
    const { adminTls, adminTlsCert: cert, adminTlsKey: key } = this.#settings;
    if (!adminTls || cert === null || key === null) return null;
    const files = new CertificateFiles({ cert, key }, adminTls);
    return () => files.renewed();
  }

  #controlOptions(trust: Trust, engine: Engine, { strangers }: DescriptorShares): ControlServerOptions {
    const { keys, identity } = trust;
    return {
      ...this.#settings,
      maxTargets: this.#options.maxTargets,
      strangers,
      runtime,
      keys,
      identity,
      ...invitedEvents(trust, (...event) => this.tell(...event)),
      renewedTls: this.#certificateFiles(),
      pools: new Map([[DEFAULT_POOL, this.#pool]]),
      panicOf: () => this.#options.panic,
      name: "harmony-balancer",
      version: VERSION,
      maxSessions: SESSIONS_PER_TARGET * this.#options.maxTargets,
      clientListeners: () => engine.addresses,
      onEvent: (...event) => this.tell(...event),
      onChange: () => engine.poolChanged(),
    };
  }
}
