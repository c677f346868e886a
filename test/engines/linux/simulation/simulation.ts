/** A whole linux engine on a simulated kernel and clock: in one process, faster than time, and the same for the same seed. */
import assert from "node:assert/strict";
import type { EngineOptions, ServedPool } from "../../../../src/engines/engine.ts";
import { LinuxEngine } from "../../../../src/engines/linux/main/engine.ts";
import type { TcpAddress } from "../../../../src/net/runtime.ts";
import { Pool, type PoolOptions, type TargetSpec, type TargetView } from "../../../../src/pool/pool.ts";
import type { CloseRecord } from "../../../../src/proxy/record.ts";
import { ENDED, FREE } from "../../../../src/proxy/states.ts";
import { type KernelOptions, SimulatedKernel } from "../../../support/kernel/kernel.ts";
import { Internet, type Serve, type Target } from "../../../support/kernel/peers/internet.ts";
import type { Peer } from "../../../support/kernel/peers/peer.ts";
import { SimulatedRuntime } from "../../../support/kernel/runtime/runtime.ts";
import { simulatedLibc } from "../../../support/kernel/simulated-libc.ts";
import { Front, type FrontOptions } from "../../front.ts";
import { asMain } from "./as-main.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import { bindSimulated } from "./socket-names.ts";

export interface SimulationOptions {
  readonly seed?: number;
  readonly kernel?: Omit<KernelOptions, "seed">;
  readonly engine?: Partial<EngineOptions> & FrontOptions;
  readonly pool?: Partial<PoolOptions>;
  readonly threads?: SchedulerOptions;
}

/** The balancer's machine. */
const HOST = "192.0.2.10";
const ANYWHERE: TcpAddress = { host: HOST, port: 3000 };

export class Simulation {
  readonly kernel: SimulatedKernel;
  readonly scheduler: Scheduler;
  readonly internet: Internet;
  readonly pool: Pool;
  readonly engine: LinuxEngine;
  readonly front: Front;
  readonly records: CloseRecord[] = [];
  readonly warnings: string[] = [];

  constructor(options: SimulationOptions = {}) {
    this.kernel = new SimulatedKernel({ hosts: [HOST], ...options.kernel, seed: options.seed ?? 1 });
    this.scheduler = new Scheduler(this.kernel, options.threads ?? {});
    this.internet = new Internet(this.kernel);
    this.pool = Pool.create({
      name: "simulated",
      algorithm: "leastconn",
      persistent: null,
      concurrency: -1,
      queue: 100,
      seed: this.kernel.seed,
      ...options.pool,
    });
    const { listen = [ANYWHERE], threads = 2, reserve, onClose, onWarning, ...served } = options.engine ?? {};
    const { kernel, scheduler } = this;
    this.engine = new LinuxEngine(
      {
        threads,
        ...(reserve === undefined ? {} : { reserve }),
        onClose: onClose ?? ((record) => this.records.push(record)),
        onWarning: onWarning ?? ((message) => this.warnings.push(message)),
      },
      simulatedLibc(kernel),
      scheduler,
      scheduler.mainClock,
      new SimulatedRuntime(kernel),
      bindSimulated(kernel),
    );
    this.front = new Front(asMain(this.engine, scheduler), this.pool, { unavailable: null, ...served, listen });
  }

  /** Until every worker accepts. */
  async start(): Promise<void> {
    await this.scheduler.until(this.front.start());
    this.settle();
  }

  /** Where it listens first. */
  get address(): TcpAddress {
    return this.front.addresses[0]!;
  }

  get served(): ServedPool {
    return this.front.served;
  }

  /** After a change of the pool. */
  poolChanged(): void {
    this.front.poolChanged();
  }

  /** Closes the engine, and lets time pass until it has. */
  async close(timeout: number): Promise<void> {
    await this.scheduler.until(this.scheduler.asMain(() => this.engine.close(timeout)));
  }

  /** A server at an address of its own, which the pool knows as up. */
  target(identity: string, host: string, serve: Serve, spec: Partial<TargetSpec> = {}): Target {
    const target = this.internet.target(identity, { host, port: 80 }, serve);
    this.announce(identity, host, spec);
    return target;
  }

  /** Tells the pool of a target, whether anything is there or not. */
  announce(identity: string, host: string, spec: Partial<TargetSpec> = {}): void {
    this.scheduler.asMain(() => {
      this.pool.set({ weight: 500, maxConnections: 0, ...spec, identity, address: { host, port: 80 } }, "up");
      this.poolChanged();
    });
  }

  /** A client that begins to connect. */
  client(host?: string): Peer {
    return this.internet.client(this.address, host);
  }

  /** A client that has connected to the thread of this number, 0…: the network decides, so it takes some attempts. */
  clientOf(thread: number): Peer {
    for (;;) {
      const client = this.client();
      this.settle();
      if (this.slotOf(client, thread) >= 0) return client;
      client.abort();
      this.settle();
    }
  }

  /** The slot of a client's connection in that thread; -1: it has none. */
  slotOf(client: Peer, thread: number): number {
    const { slots } = this.scheduler.living[thread]!;
    const port = Number(/\d+$/.exec(client.name)![0]);
    for (let slot = 0; slots.port(slot) !== 0; slot++) {
      if (slots.port(slot) === port && ![FREE, ENDED].includes(slots.state(slot))) return slot;
    }
    return -1;
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    this.scheduler.pass(ms);
  }

  settle(): void {
    this.scheduler.settle();
  }

  view(identity: string): TargetView {
    return this.pool.view(identity)!;
  }
}

/** Runs a test in a simulation, and checks that nothing is left of it afterwards. A test that expects warnings takes them out. */
export async function inSimulation(
  options: SimulationOptions,
  test: (simulation: Simulation) => void | Promise<void>,
): Promise<void> {
  const simulation = new Simulation(options);
  const { internet, kernel, pool, scheduler } = simulation;
  await simulation.start();
  await test(simulation);
  for (const client of internet.clients) client.abort();
  simulation.settle();
  await simulation.close(0);
  for (const target of internet.targets) for (const peer of target.accepted) peer.abort();
  simulation.pass(200_000); // the network forgets what was on its way
  assert.deepEqual(scheduler.deaths, [], "a worker has died");
  assert.deepEqual(kernel.descriptors.list(), [], "descriptors after the end");
  assert.equal(kernel.network.open, 0, "ends of connections after the end");
  assert.equal(pool.active, 0, "permits held after the end");
  assert.equal(pool.waiting, 0, "waiters after the end");
  for (const target of pool.targets()) assert.equal(target.active, 0, `${target.identity} still counts some`);
  assert.equal(simulation.records.length, kernel.accepted, "one record for each connection that was accepted");
  assert.deepEqual(simulation.warnings, []);
}
