/** An engine with one pool behind its listeners, which is what most tests of engines want. */
import { Buffer } from "node:buffer";
import type { Engine, EngineListener, ServedPool } from "../../src/engines/engine.ts";
import type { Address, ListenAddress, TcpAddress } from "../../src/net/runtime.ts";
import type { ListenSocketOptions } from "../../src/net/socket-options.ts";
import { Pool, type PoolOptions } from "../../src/pool/pool.ts";
import { ANY_PORT } from "../support/ports.ts";

export const UNAVAILABLE = "Unavailable, holmes.";

/** How a pool is served, and where, but for what `frontOptions()` says. */
export interface FrontOptions extends Partial<Omit<ServedPool, "pool">> {
  readonly listen?: readonly ListenAddress[];
  readonly listenSockets?: ListenSocketOptions;
}

/** A pool for tests, but for what `options` say otherwise. */
export function labPool(options: Partial<PoolOptions> = {}): Pool {
  return Pool.create({
    name: "lab",
    algorithm: "leastconn",
    persistent: null,
    concurrency: -1,
    queue: 100,
    ...options,
  });
}

export function servedPool(pool: Pool, options: Partial<Omit<ServedPool, "pool">> = {}): ServedPool {
  const {
    requeue = 1,
    connectTimeout = 5_000,
    idleTimeout = 0,
    queueTimeout = 10_000,
    queueWhenEmpty = 0,
    keepalive = 60_000,
    unavailable = Buffer.from(UNAVAILABLE),
    sendProxy,
    targetTls,
    sockets,
  } = options;
  return {
    pool,
    requeue,
    connectTimeout,
    idleTimeout,
    queueTimeout,
    queueWhenEmpty,
    keepalive,
    unavailable,
    sendProxy,
    targetTls,
    sockets,
  };
}

export class Front {
  readonly engine: Engine;
  readonly pool: Pool;
  readonly served: ServedPool;
  readonly listeners: EngineListener[] = [];
  readonly #listen: readonly ListenAddress[];
  readonly #sockets: ListenSocketOptions | undefined;

  constructor(engine: Engine, pool: Pool, { listen = [ANY_PORT], listenSockets, ...options }: FrontOptions) {
    this.engine = engine;
    this.pool = pool;
    this.served = servedPool(pool, options);
    this.#listen = listen;
    this.#sockets = listenSockets;
  }

  async start(): Promise<void> {
    await this.engine.start();
    await this.open();
  }

  /** On an engine that was started. */
  async open(): Promise<void> {
    this.engine.addPool(this.served);
    for (const where of this.#listen) await this.listen(where);
  }

  /** A further listener for the pool. */
  async listen(where: ListenAddress): Promise<EngineListener> {
    const listener = await this.engine.bind(where, { keepalive: this.served.keepalive, sockets: this.#sockets });
    this.listeners.push(listener);
    listener.serve(this.pool);
    return listener;
  }

  /** Its listeners, then its pool. */
  async close(timeout: number): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
    await this.engine.removePool(this.pool, timeout);
  }

  /** In the order they were asked for. */
  get addresses(): readonly TcpAddress[] {
    return this.listeners.map(({ address }) => tcp(address));
  }

  poolChanged(): void {
    this.engine.poolChanged(this.pool);
  }
}

/** Where a listener is that was asked for a port. */
export function tcp(address: Address): TcpAddress {
  if ("path" in address) throw new Error(`${address.path} is no port`);
  return address;
}
