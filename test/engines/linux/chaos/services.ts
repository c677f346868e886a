/** Pools and listeners that come, move, change and go while anything else happens. */
import assert from "node:assert/strict";
import {
  ClientLimits,
  type ClientLimitsData,
  MAIN_THREAD,
  TOO_MANY,
} from "../../../../src/edge/access/client-limits.ts";
import type { EngineListener, ServedPool } from "../../../../src/engines/engine.ts";
import { NetError } from "../../../../src/net/net-error.ts";
import type { TcpAddress } from "../../../../src/net/runtime.ts";
import { Pool, type PoolOptions } from "../../../../src/pool/pool.ts";
import { addressWords } from "../../../../src/util/client-key.ts";
import type { Random } from "../../../support/kernel/random.ts";
import { askingFor } from "../../edge/asking.ts";
import { servedPool, tcp } from "../../front.ts";
import type { Simulation } from "../simulation/simulation.ts";

/** Beside those that the simulation has from its start. */
const MOST_POOLS = 4;
const MOST_LISTENERS = 6;

interface Settings {
  readonly served: Omit<ServedPool, "pool">;
  /** Announces all targets to a pool. */
  readonly fill: (pool: Pool) => void;
}

export class Services {
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly #settings: Settings;
  /** That serve, the simulation's own first, and whose they are. */
  readonly #listeners = new Map<EngineListener, Pool>();
  /** Names, by port. */
  readonly #served = new Map<number, ReadonlySet<string>>();
  readonly #pools: Pool[];
  /** All that there ever were. */
  readonly all: Pool[];
  readonly #endings: Promise<unknown>[] = [];
  readonly #limits: ClientLimitsData[] = [];
  #made = 0;

  constructor(simulation: Simulation, random: Random, settings: Settings) {
    this.#simulation = simulation;
    this.#random = random;
    this.#settings = settings;
    this.#pools = [simulation.pool];
    this.all = [simulation.pool];
    this.#note(simulation.front.listeners[0]!, simulation.pool);
  }

  /** Where somebody accepts. */
  get addresses(): TcpAddress[] {
    return [...this.#listeners.keys()].map(({ address }) => tcp(address));
  }

  /** The pools that the listener of this port has served. */
  servedAt({ port }: TcpAddress): ReadonlySet<string> {
    return this.#served.get(port)!;
  }

  async act(): Promise<void> {
    const kind = this.#random.below(10);
    if (kind < 2) this.#add();
    else if (kind < 4) await this.#listen();
    else if (kind < 6) this.#move();
    else if (kind < 7) this.#close();
    else if (kind < 8) this.#remove();
    else this.#change();
  }

  /** All but the simulation's own go, which is served where it was at first. */
  async end(): Promise<void> {
    const [own] = this.#listeners.keys();
    this.#serve(own!, this.#simulation.pool);
    for (const listener of [...this.#listeners.keys()].slice(1)) this.#closeOne(listener);
    for (const pool of this.#pools.slice(1)) this.#removeOne(pool, 1_000);
    await this.#simulation.scheduler.until(Promise.all(this.#endings));
  }

  #add(): void {
    if (this.#pools.length > MOST_POOLS) return;
    const pool = Pool.create({
      name: `service-${this.#made++}`,
      maxTargets: 8,
      maxBindings: 64,
      seed: this.#simulation.kernel.seed,
      ...this.#policy(),
    });
    this.#asMain(() => this.#engine.addPool({ ...this.#settings.served, pool }));
    this.#pools.push(pool);
    this.all.push(pool);
    this.#settings.fill(pool);
  }

  #policy(): Pick<PoolOptions, "algorithm" | "concurrency" | "persistent" | "queue"> {
    const random = this.#random;
    return {
      algorithm: random.pick(["leastconn", "roundrobin", "random", "hash"]),
      concurrency: random.pick([-1, -1, 2, 10]),
      queue: random.pick([0, 5, 100]),
      persistent: random.pick([null, 2_000]),
    };
  }

  async #listen(): Promise<void> {
    if (this.#listeners.size > MOST_LISTENERS) return;
    const { front, scheduler } = this.#simulation;
    const where = { host: front.addresses[0]!.host, port: 0 };
    const binding = this.#asMain(() => this.#engine.bind(where, { keepalive: 60_000 }));
    try {
      this.#serve(await scheduler.until(binding), this.#random.pick(this.#pools));
    } catch (error) {
      assert.ok(error instanceof NetError, String(error)); // the kernel has nothing left just then
    }
  }

  #move(): void {
    this.#serve(this.#random.pick([...this.#listeners.keys()]), this.#random.pick(this.#pools));
  }

  /** Some listeners count their clients, though there is room for all of them. */
  #serve(listener: EngineListener, pool: Pool): void {
    const { rules } = askingFor({ limits: { connections: 1_000_000 } });
    const counts = this.#random.chance(0.4);
    if (counts) this.#limits.push(rules.limits!);
    this.#asMain(() => listener.serve(counts ? { rules, pools: [pool] } : pool));
    this.#note(listener, pool);
  }

  /** Of these clients, those that are still counted somewhere. */
  stillCounted(hosts: readonly string[]): string[] {
    return this.#limits.flatMap((data) => {
      const limits = new ClientLimits(data, MAIN_THREAD);
      limits.change({ connections: 1, rate: 0, burst: 1, v4Bits: 32, v6Bits: 64 });
      return hosts.filter((host) => limits.enter(addressWords(host, new Uint32Array(4)), 0, 0) === TOO_MANY);
    });
  }

  #note(listener: EngineListener, pool: Pool): void {
    this.#listeners.set(listener, pool);
    const { port } = tcp(listener.address);
    this.#served.set(port, new Set([...(this.#served.get(port) ?? []), pool.options.name]));
  }

  #close(): void {
    const others = [...this.#listeners.keys()].slice(1);
    if (others.length > 0) this.#closeOne(this.#random.pick(others));
  }

  #closeOne(listener: EngineListener): void {
    this.#listeners.delete(listener);
    this.#endings.push(this.#asMain(() => listener.close()));
  }

  #remove(): void {
    const served = new Set(this.#listeners.values());
    const idle = this.#pools.slice(1).filter((pool) => !served.has(pool));
    if (idle.length > 0) this.#removeOne(this.#random.pick(idle), this.#random.pick([0, 100, 3_000, 60_000]));
  }

  #removeOne(pool: Pool, timeout: number): void {
    this.#pools.splice(this.#pools.indexOf(pool), 1);
    this.#endings.push(this.#asMain(() => this.#engine.removePool(pool, timeout)));
  }

  #change(): void {
    const pool = this.#random.pick(this.#pools);
    if (pool === this.#simulation.pool || this.#random.chance(0.3)) {
      const connectTimeout = this.#random.pick([500, 2_000]);
      this.#asMain(() => this.#engine.changePool({ ...this.#settings.served, connectTimeout, pool }));
    } else {
      this.#asMain(() => {
        pool.change({ ...this.#policy(), maxTargets: this.#random.pick([8, 16, 64]) });
        this.#engine.poolChanged(pool);
      });
    }
  }

  get #engine() {
    return this.#simulation.engine;
  }

  #asMain<T>(run: () => T): T {
    return this.#simulation.scheduler.asMain(run);
  }
}

/** As chaos.ts has it of the simulation. */
export function settingsOf(simulation: Simulation, fill: (pool: Pool) => void): Settings {
  const { pool: _, ...served } = servedPool(simulation.pool, simulation.served);
  return { served, fill };
}
