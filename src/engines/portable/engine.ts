/** The engine that runs wherever the runtime seam does, in the thread that creates it. */
import { setImmediate } from "node:timers";
import { runtime as ownRuntime } from "#runtime";
import { NetError, netError } from "../../net/net-error.ts";
import type { Connection, Listener, Runtime, TcpAddress } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import { scarce } from "../../proxy/connect-failure.ts";
import { Lifecycle } from "../../proxy/lifecycle.ts";
import { recordOf } from "../../proxy/record.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { PER_EPISODE, RateLimitedLog, type WarningLog } from "../../util/rate-limited-log.ts";
import type { Engine, EngineFactory, EngineOptions } from "../engine.ts";
import { descriptorLimit } from "../linux/sys/descriptor-limit.ts";
import { bindAfterPredecessor, RELEASE_MS } from "../predecessor.ts";
import { reserveOf } from "../reserve.ts";
import { ConnectionStore, ProxiedConnection } from "./connection.ts";
import { type PortableLifecycle, SocketIo } from "./socket-io.ts";
import { Ticker } from "./ticker.ts";

/** Tickets wrap here, long after the connection that had the number before has left the queue. */
const TICKET_MASK = 0x3fff_ffff;

/**
 * Turns of the event loop without a new connection after which the backlog is taken for empty, once the engine closes: Deno does
 * not look for one in each turn.
 */
const QUIET_TURNS = 4;

/** Descriptors of the runtime itself, of listeners, and for what is open for a moment. */
const OWN_DESCRIPTORS = 32;

export class PortableEngine implements Engine {
  readonly name = "portable";
  readonly #options: EngineOptions;
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #warnings: WarningLog;
  readonly #store = new ConnectionStore();
  readonly #io: SocketIo;
  readonly #lifecycle: PortableLifecycle;
  readonly #ticker: Ticker;
  /** Clients at once, each with a target: the descriptors beyond that are left to the rest of the process. */
  readonly #most: number;
  #listeners: Listener[] = [];
  #starting: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #ticket = 0;
  #serving = false;
  #allGone: (() => void) | null = null;

  /** `limit`: descriptors that the process may have. */
  constructor(options: EngineOptions, runtime: Runtime, clock: Clock, limit = Number.POSITIVE_INFINITY) {
    this.#options = options;
    this.#runtime = runtime;
    this.#clock = clock;
    this.#most = Math.floor((limit - OWN_DESCRIPTORS - reserveOf(limit, options.reserve)) / 2);
    this.#warnings = new RateLimitedLog(PER_EPISODE, clock, options.onWarning);
    this.#io = new SocketIo({
      options,
      runtime,
      clock,
      warnings: this.#warnings,
      onEnded: (c) => this.#report(c),
      onTurn: () => this.#turn(),
    });
    this.#lifecycle = new Lifecycle(options.pool, this.#store, this.#io, options);
    this.#io.lifecycle = this.#lifecycle;
    this.#ticker = new Ticker(
      clock,
      (now) => this.#tick(now),
      () => this.#lifecycle.open > 0,
    );
  }

  get addresses(): readonly TcpAddress[] {
    const { length } = this.#listeners;
    return length === 0 ? this.#options.listen : this.#listeners.map((listener) => listener.address);
  }

  start(): Promise<void> {
    this.#starting ??= this.#bind();
    return this.#starting;
  }

  poolChanged(): void {
    this.#serveQueue();
  }

  close(timeout: number): Promise<void> {
    this.#lifecycle.stop(timeout);
    this.#abortDue();
    this.#closing ??= this.#shutDown();
    this.#turn();
    return this.#closing;
  }

  async #bind(): Promise<void> {
    if (this.#closing !== null) throw new NetError("ECLOSED", "the engine was closed before it was started");
    if (this.#most < 1) throw netError("EMFILE", "no descriptors are left for clients: raise the limit (ulimit -n)");
    const bound: Listener[] = [];
    try {
      for (const { host, port } of this.#options.listen) {
        bound.push(await bindAfterPredecessor(this.#clock, () => this.#listen(host, port)));
      }
    } catch (error) {
      await Promise.all(bound.map((listener) => listener.close()));
      throw error;
    }
    this.#listeners = bound;
  }

  #listen(host: string, port: number): Promise<Listener> {
    return this.#runtime.listen(
      { host, port, keepAlive: this.#options.keepalive },
      (connection) => this.#accept(connection),
      (error) => this.#acceptFailed(error),
    );
  }

  #acceptFailed(error: NetError): void {
    const lack = scarce(error.code);
    const text = lack === null ? error.message : `cannot accept connections: out of ${lack}`;
    this.#warnings.tell(`accept ${error.code}`, text, error);
  }

  #accept(client: Connection): void {
    if (this.#isFull && !this.#makeRoom()) {
      client.abort(); // no runtime lets it wait in the kernel
      this.#acceptFailed(netError("EMFILE", "cannot accept a connection"));
      return;
    }
    this.#ticket = (this.#ticket + 1) & TICKET_MASK;
    const c = new ProxiedConnection(client, this.#ticket, Date.now(), this.#clock.now());
    this.#store.add(c);
    this.#lifecycle.accepted(c);
    this.#ticker.wake();
    this.#turn();
  }

  get #isFull(): boolean {
    return this.#lifecycle.open >= this.#most;
  }

  /** A waiter that is silent gives way. False: there is none. */
  #makeRoom(): boolean {
    const { pool } = this.#options;
    pool.giveWay();
    this.#tellLost(pool);
    return !this.#isFull;
  }

  /** After each event: what it has set free goes to those who wait, and a close may be complete. */
  #turn(): void {
    const { pool } = this.#options;
    if (pool.lost > 0) this.#tellLost(pool);
    if (this.#lifecycle.roomFreed && this.#lifecycle.waiting > 0) this.#serveQueue();
    if (this.#lifecycle.open === 0 && this.#io.pending === 0) this.#allGone?.();
  }

  /** Waiters that have lost their places to newcomers are told so. */
  #tellLost(pool: Pool): void {
    for (let ticket = pool.takeLost(); ticket >= 0; ticket = pool.takeLost()) {
      this.#lifecycle.lostPlace(this.#store.byTicket(ticket)!, this.#isFull);
    }
  }

  /** Continues those whose turn it is. Picks happen at once, so that the next grant sees the room they take. */
  #serveQueue(): void {
    if (this.#serving) return;
    this.#serving = true;
    this.#lifecycle.beginPass();
    for (let grant = this.#options.pool.grant(); grant !== null; grant = this.#options.pool.grant()) {
      if (!this.#lifecycle.granted(this.#store.byTicket(grant.ticket)!)) break;
    }
    this.#lifecycle.roomFreed = false; // what became free meanwhile was seen by the next grant()
    this.#serving = false;
  }

  #report(c: ProxiedConnection): void {
    try {
      this.#options.onClose(recordOf(this.#store, c, this.#options.pool, c.startedAt, c.endedAt - c.acceptedAt));
    } catch (error) {
      this.#warnings.tell("onClose", `the listener for close records threw: ${messageOf(error)}`, error);
    }
  }

  #tick(now: number): void {
    this.#io.expireTimeouts(now);
    this.#abortDue();
    this.#turn();
  }

  #abortDue(): void {
    if (this.#clock.now() >= this.#lifecycle.abortAt) this.#lifecycle.abortDue();
  }

  /**
   * Closing a listener resets what its backlog holds, so it comes once the backlog seems to be empty; or after RELEASE_MS, where
   * connections come faster than they are taken.
   */
  async #acceptRest(): Promise<void> {
    const deadline = this.#clock.now() + RELEASE_MS;
    let quiet = 0;
    for (let seen = this.#ticket; quiet < QUIET_TURNS && this.#clock.now() < deadline; seen = this.#ticket) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = seen === this.#ticket ? quiet + 1 : 0;
    }
  }

  async #shutDown(): Promise<void> {
    // A start that fails has told its own caller, and has left nothing open.
    await this.#starting?.catch(() => undefined);
    await this.#acceptRest();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    if (this.#lifecycle.open === 0 && this.#io.pending === 0) return;
    await new Promise<void>((resolve) => (this.#allGone = resolve));
  }
}

export const portable: EngineFactory = {
  name: "portable",
  test: () => Promise.resolve(null),
  create: (options) => new PortableEngine(options, ownRuntime, systemClock, descriptorLimit()),
};
