/** An engine that moves nothing: it keeps book of what it is told, and refuses addresses that somebody else has. */
import type {
  BindOptions,
  EdgeService,
  Engine,
  EngineListener,
  EngineThread,
  ServedPool,
} from "../../src/engines/engine.ts";
import { NetError } from "../../src/net/net-error.ts";
import type { Address, ListenAddress } from "../../src/net/runtime.ts";
import { Pool } from "../../src/pool/pool.ts";
import type { OpenConnection } from "../../src/proxy/open.ts";
import { formatAddress } from "../../src/util/address.ts";

export class FakeListener implements EngineListener {
  readonly address: Address;
  where: ListenAddress;
  keepalive: number;
  /** null: it accepts nobody yet, or asks before it knows whose they are. */
  pool: Pool | null = null;
  edge: EdgeService | null = null;
  readonly #closed: () => void;
  readonly #check: (pool: Pool) => void;

  constructor(
    address: Address,
    where: ListenAddress,
    { keepalive }: BindOptions,
    check: (pool: Pool) => void,
    closed: () => void,
  ) {
    this.address = address;
    this.where = where;
    this.keepalive = keepalive;
    this.#check = check;
    this.#closed = closed;
  }

  serve(service: Pool | EdgeService): Promise<void> {
    this.edge = service instanceof Pool ? null : service;
    this.pool = service instanceof Pool ? service : null;
    for (const pool of this.pools) this.#check(pool);
    return Promise.resolve();
  }

  get pools(): readonly Pool[] {
    return (this.edge?.pools ?? [this.pool]).filter((pool) => pool !== null);
  }

  /** A user called nobody is nobody here. */
  change(where: ListenAddress, { keepalive }: BindOptions): void {
    if ("path" in where && where.owner === "nobody") throw new NetError("EINVAL", 'there is no user "nobody"');
    this.where = where;
    this.keepalive = keepalive;
  }

  close(): Promise<void> {
    this.#closed();
    this.pool = null;
    this.edge = null;
    return Promise.resolve();
  }
}

/** Where a port that is free begins. */
const FREE = 50_000;

export class FakeEngine implements Engine {
  readonly name = "portable";
  /** Addresses that belong to other processes. */
  readonly taken = new Set<string>();
  readonly listeners = new Map<string, FakeListener>();
  readonly pools = new Map<Pool, ServedPool>();
  /** Pools whose connections may still finish: until `drained` is called. */
  readonly leaving = new Map<Pool, () => void>();
  /** Calls of `poolChanged`, `changePool`. */
  readonly looked: Pool[] = [];
  readonly changed: Pool[] = [];
  /** Of each call of `bind`. */
  readonly patiences: (number | undefined)[] = [];
  /** Those that are open; those that are ended are taken out. */
  readonly open = new Map<string, OpenConnection>();
  #free = FREE;

  start(): Promise<void> {
    return Promise.resolve();
  }

  checkSockets(): void {}

  now(): number {
    return performance.now();
  }

  addPool(served: ServedPool): void {
    this.pools.set(served.pool, served);
  }

  changePool(served: ServedPool): void {
    this.#known(served.pool);
    this.changed.push(served.pool);
    this.pools.set(served.pool, served);
  }

  removePool(pool: Pool): Promise<void> {
    this.#known(pool);
    for (const [address, listener] of this.listeners) {
      if (listener.pools.includes(pool)) throw new Error(`${address} still belongs to the pool that is removed`);
    }
    this.pools.delete(pool);
    return new Promise((resolve) => {
      this.leaving.set(pool, () => {
        this.leaving.delete(pool);
        resolve();
      });
    });
  }

  async bind(where: ListenAddress, options: BindOptions): Promise<EngineListener> {
    this.patiences.push(options.patience);
    await Promise.resolve();
    const address = this.#addressOf(where);
    const text = formatAddress(address);
    if (this.taken.has(text) || [...this.listeners.values()].some((other) => overlap(address, other.address)))
      throw new NetError("EADDRINUSE", `cannot listen on ${text}: the address is already in use`);
    const listener = new FakeListener(
      address,
      where,
      options,
      (pool) => this.#known(pool),
      () => this.listeners.delete(text),
    );
    this.listeners.set(text, listener);
    return listener;
  }

  poolChanged(pool: Pool): void {
    this.looked.push(pool);
  }

  lookedUp(): void {}

  connections(): IterableIterator<OpenConnection> {
    return this.open.values();
  }

  end(ids: Iterable<string>): number {
    return [...ids].filter((id) => this.open.delete(id)).length;
  }

  threads(): EngineThread[] {
    return [{ name: "main", tid: null }];
  }

  async close(): Promise<void> {
    await Promise.all([...this.listeners.values()].map((listener) => listener.close()));
    for (const drained of this.leaving.values()) drained();
  }

  #known(pool: Pool): void {
    if (!this.pools.has(pool)) throw new Error(`pool ${pool.options.name} is not served`);
  }

  #addressOf(where: ListenAddress): Address {
    if ("fd" in where) return { path: `fd:${where.fd}` };
    if ("path" in where) return { path: where.path };
    return { host: where.host, port: where.port === 0 ? this.#free++ : where.port };
  }
}

/** Every interface has each of its addresses. */
function overlap(one: Address, other: Address): boolean {
  if ("path" in one || "path" in other) return formatAddress(one) === formatAddress(other);
  return one.port === other.port && (one.host === other.host || one.host === "" || other.host === "");
}
