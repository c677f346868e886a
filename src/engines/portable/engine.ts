/** The engine that runs wherever the runtime seam does, in the thread that creates it. */
import { isMainThread } from "node:worker_threads";
import { runtime as ownRuntime } from "#runtime";
import { NetError, netError } from "../../net/net-error.ts";
import { lackingOptions, refuseOptions } from "../../net/plain-sockets.ts";
import type { Connection, ListenAddress, Runtime } from "../../net/runtime.ts";
import type { TargetSocketOptions } from "../../net/socket-options.ts";
import type { Pool } from "../../pool/pool.ts";
import { scarce } from "../../proxy/connect-failure.ts";
import type { OpenConnection } from "../../proxy/open.ts";
import type { RemovalCause } from "../../proxy/outcome.ts";
import { formatAddress } from "../../util/address.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { PER_EPISODE, RateLimitedLog, type WarningLog } from "../../util/rate-limited-log.ts";
import type {
  BindOptions,
  Engine,
  EngineFactory,
  EngineListener,
  EngineOptions,
  EngineThread,
  EngineWish,
  ServedPool,
} from "../engine.ts";
import { descriptorLimit } from "../linux/sys/descriptor-limit.ts";
import { bindAfterPredecessor } from "../predecessor.ts";
import { reserveOf } from "../reserve.ts";
import { AbortControllerPool } from "./abort-controller-pool.ts";
import { Arrivals, type ArrivalsHost } from "./arrivals.ts";
import type { Admission } from "./connection.ts";
import { type ListenerHost, PortableListener } from "./listener.ts";
import { PoolServer, type PoolServerParts } from "./pool-server.ts";
import { besideSources } from "./sources.ts";
import { Ticker } from "./ticker.ts";

/** Descriptors of the runtime itself, of listeners, and for what is open for a moment. */
const OWN_DESCRIPTORS = 32;

export class PortableEngine implements Engine, ListenerHost, ArrivalsHost {
  readonly name = "portable";
  readonly clock: Clock;
  readonly arrivals: Arrivals;
  readonly #runtime: Runtime;
  readonly #warnings: WarningLog;
  readonly #ticker: Ticker;
  readonly #parts: PoolServerParts;
  readonly #servers = new Map<Pool, PoolServer>();
  readonly #byNumber = new Map<number, PoolServer>();
  /** Pools so far. */
  #pools = 0;
  /** Those that have connections, or had some at the last tick. */
  readonly #busy = new Set<PoolServer>();
  readonly #listeners = new Set<PortableListener>();
  readonly #binding = new Set<Promise<unknown>>();
  /** Clients at once, each with a target: the descriptors beyond that are left to the rest of the process. */
  readonly #most: number;
  /** Clients, those included that no pool has yet. */
  #clients = 0;
  #closing: Promise<void> | null = null;

  /** `limit`: descriptors that the process may have. */
  constructor(options: EngineOptions, runtime: Runtime, clock: Clock, limit = Number.POSITIVE_INFINITY) {
    this.#runtime = runtime;
    this.clock = clock;
    this.arrivals = new Arrivals(this);
    this.#most = Math.floor((limit - OWN_DESCRIPTORS - reserveOf(limit, options.reserve)) / 2);
    this.#warnings = new RateLimitedLog(PER_EPISODE, clock, options.onWarning);
    this.#parts = {
      runtime,
      clock,
      warnings: this.#warnings,
      controllers: new AbortControllerPool(),
      onClose: options.onClose,
      onEnded: () => this.leave(),
      isFull: () => this.isFull,
    };
    this.#ticker = new Ticker(
      clock,
      (now) => this.#tick(now),
      () => this.#busy.size > 0 || !this.arrivals.isEmpty,
    );
  }

  async start(): Promise<void> {
    this.#checkOpen();
    if (this.#most < 1) throw netError("EMFILE", "no descriptors are left for clients: raise the limit (ulimit -n)");
  }

  addPool(served: ServedPool): void {
    const server = new PoolServer(served, ++this.#pools, this.#parts);
    this.#servers.set(served.pool, server);
    this.#byNumber.set(server.number, server);
  }

  changePool(served: ServedPool): void {
    this.serverOf(served.pool).change(served);
  }

  async removePool(pool: Pool, timeout: number): Promise<void> {
    const server = this.#servers.get(pool);
    if (server === undefined) return;
    server.stop(timeout);
    await server.whenIdle();
    this.#servers.delete(pool);
    this.#byNumber.delete(server.number);
    this.#busy.delete(server);
  }

  checkSockets(wanted: TargetSocketOptions): void {
    refuseOptions("the portable engine", besideSources(this.#runtime, wanted));
  }

  now(): number {
    return this.clock.now();
  }

  poolChanged(pool: Pool): void {
    this.#servers.get(pool)?.serveQueue();
  }

  lookedUp(pool: Pool): void {
    this.#servers.get(pool)?.lookedUp();
  }

  async bind(where: ListenAddress, options: BindOptions): Promise<EngineListener> {
    this.#checkOpen();
    refuseOptions("the portable engine", options.sockets);
    const listener = new PortableListener(this, options);
    const bind = () =>
      this.#runtime.listenOn(
        where,
        { keepAlive: () => listener.keepalive },
        (client) => listener.take(client),
        (error) => this.#acceptFailed(error),
      );
    const binding = bindAfterPredecessor(this.clock, where, bind, options.patience);
    this.#binding.add(binding);
    try {
      listener.listener = await binding;
      this.#listeners.add(listener);
    } finally {
      this.#binding.delete(binding);
    }
    if (this.#closing === null) return listener;
    await listener.close();
    throw this.#closed();
  }

  *connections(): IterableIterator<OpenConnection> {
    for (const server of this.#servers.values()) yield* server.connections();
  }

  end(ids: Iterable<string>, cause: RemovalCause): number {
    let found = 0;
    for (const id of ids) {
      const [number = "", ticket = ""] = id.split(".");
      if (this.#byNumber.get(Number(number))?.end(Number(ticket), cause)) found++;
    }
    return found;
  }

  /** On Linux a process's first thread has its number. */
  threads(): EngineThread[] {
    return [{ name: "main", tid: process.platform === "linux" && isMainThread ? process.pid : null }];
  }

  close(timeout: number): Promise<void> {
    for (const server of this.#servers.values()) server.stop(timeout);
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  serverOf(pool: Pool): PoolServer {
    const server = this.#servers.get(pool);
    if (server === undefined) throw new Error(`the pool "${pool.options.name}" was not added to the engine`);
    return server;
  }

  enter(server: PoolServer | null = null): boolean {
    if (this.isFull && !this.#makeRoom(server)) {
      this.#acceptFailed(netError("EMFILE", "cannot accept a connection"));
      return false;
    }
    this.#clients++;
    return true;
  }

  serve(server: PoolServer, client: Connection, admission: Admission | null, listener: string): void {
    this.#busy.add(server);
    server.accept(client, admission, listener);
    this.#ticker.wake();
  }

  leave(): void {
    this.#clients--;
  }

  closed(listener: PortableListener): void {
    this.#listeners.delete(listener);
  }

  get isFull(): boolean {
    return this.#clients >= this.#most;
  }

  wake(): void {
    this.#ticker.wake();
  }

  faulted(fault: unknown): void {
    const text = `a connection was dropped by a fault of the engine: ${messageOf(fault)}`;
    this.#warnings.tell("engine", text, fault);
  }

  /**
   * Somebody gives way whom no pool has yet, or else a waiter that is silent, of the newcomer's own pool or else of another. False: there
   * is none.
   */
  #makeRoom(server: PoolServer | null): boolean {
    while (this.isFull && this.arrivals.giveWay()) {}
    server?.giveWay();
    for (const other of this.#busy) {
      if (!this.isFull) break;
      if (other.waiting > 0) other.giveWay();
    }
    return !this.isFull;
  }

  #acceptFailed(error: NetError): void {
    const lack = scarce(error.code);
    const text = lack === null ? error.message : `cannot accept connections: out of ${lack}`;
    this.#warnings.tell(`accept ${error.code}`, text, error);
  }

  #tick(now: number): void {
    this.arrivals.expire(now);
    for (const server of this.#busy) {
      server.tick(now);
      if (server.open === 0) this.#busy.delete(server);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw this.#closed();
  }

  #closed(): NetError {
    return new NetError("ECLOSED", "the engine was closed");
  }

  async #shutDown(): Promise<void> {
    await Promise.allSettled(this.#binding);
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await Promise.all([...this.#servers.values()].map((server) => server.whenIdle()));
  }
}

/** What of it this runtime cannot listen on, as a reason. */
function reasonAgainst({ listen, sockets }: EngineWish): string | null {
  const { can, name, version } = ownRuntime;
  const other = listen.find((where) => ("path" in where && !can.unix) || ("fd" in where && !can.inherit));
  if (other !== undefined) return `${name} ${version} cannot listen on ${formatAddress(other)} here`;
  if (sockets === undefined) return null;
  const toTargets = sockets.targets.map((wanted) => besideSources(ownRuntime, wanted));
  return lackingOptions([...sockets.listeners, ...toTargets]);
}

export const portable: EngineFactory = {
  name: "portable",
  test: (wanted) => Promise.resolve(reasonAgainst(wanted)),
  create: (options) => new PortableEngine(options, ownRuntime, systemClock, descriptorLimit()),
};
