import assert from "node:assert/strict";
import type { EngineOptions } from "../../src/engines/engine.ts";
import { PortableEngine } from "../../src/engines/portable/engine.ts";
import { MemoryNetwork, type MemoryOptions } from "../../src/net/memory/memory.ts";
import type { Connection, TcpAddress } from "../../src/net/runtime.ts";
import type { Pool, PoolOptions, TargetSpec, TargetView } from "../../src/pool/pool.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { ManualClock } from "../support/clock.ts";
import type { Serve } from "../support/peers.ts";
import { ANY_PORT } from "../support/ports.ts";
import { settle, within } from "../support/wait.ts";
import { Front, type FrontOptions, labPool } from "./front.ts";

export type MemoryLabOptions = FrontOptions &
  Partial<EngineOptions> & {
    readonly pool?: Partial<PoolOptions>;
    readonly network?: MemoryOptions;
    /** Descriptors that the process may have. */
    readonly limit?: number;
  };

/** The portable engine on an in-process network, on a clock that stands still until it is moved. */
export class MemoryLab {
  readonly network: MemoryNetwork;
  readonly clock = new ManualClock(1_000);
  readonly pool: Pool;
  readonly engine: PortableEngine;
  readonly front: Front;
  readonly records: CloseRecord[] = [];
  readonly warnings: string[] = [];
  readonly #ends: Connection[] = [];

  constructor(options: MemoryLabOptions) {
    const { pool, network, limit, reserve, onClose, onWarning, ...front } = options;
    this.network = new MemoryNetwork(network);
    this.pool = labPool(pool);
    const engineOptions: EngineOptions = {
      ...(reserve === undefined ? {} : { reserve }),
      onClose: onClose ?? ((record) => this.records.push(record)),
      onWarning: onWarning ?? ((message) => this.warnings.push(message)),
    };
    this.engine = new PortableEngine(engineOptions, this.network, this.clock, limit);
    this.front = new Front(this.engine, this.pool, { unavailable: new TextEncoder().encode("sorry"), ...front });
  }

  start(): Promise<void> {
    return this.front.start();
  }

  get address(): TcpAddress {
    return this.front.addresses[0]!;
  }

  async target(identity: string, serve: Serve, spec: Partial<TargetSpec> = {}): Promise<TcpAddress> {
    const listener = await this.network.listen(ANY_PORT, (connection) => {
      this.#ends.push(connection);
      serve(connection).catch(() => connection.abort());
    });
    this.announce(identity, listener.address, spec);
    return listener.address;
  }

  announce(identity: string, address: TcpAddress, spec: Partial<TargetSpec> = {}): void {
    this.pool.set({ weight: 500, maxConnections: 0, ...spec, identity, address }, "up");
    this.poolChanged();
  }

  /** After a change of the pool. */
  poolChanged(): void {
    this.front.poolChanged();
  }

  view(identity: string): TargetView {
    return this.pool.view(identity)!;
  }

  async client(): Promise<Connection> {
    const client = await within("a client's connection", this.network.connect({ to: this.address }));
    this.#ends.push(client);
    return client;
  }

  /** Closes everything; checks that nothing is left: places, waiters, counts, ends of connections, timers. */
  async dispose(): Promise<void> {
    await within("the engine to close", this.engine.close(0));
    await this.#assertEmpty();
  }

  /** Ends what the test itself has opened. */
  drop(): void {
    for (const end of this.#ends) end.abort();
  }

  async #assertEmpty(): Promise<void> {
    await settle();
    assert.equal(this.pool.active, 0, "places held after the end");
    assert.equal(this.pool.waiting, 0, "waiters after the end");
    for (const target of this.pool.targets()) assert.equal(target.active, 0, `${target.identity} still counts some`);
    this.drop();
    await settle();
    assert.equal(this.network.open, 0, "connections that nobody has closed");
    this.clock.advance(200);
    assert.equal(this.clock.pending, 0, "a timer goes on without connections");
  }
}

export async function inMemory(options: MemoryLabOptions, test: (lab: MemoryLab) => Promise<void>): Promise<void> {
  const lab = new MemoryLab(options);
  await lab.start();
  await test(lab);
  await lab.dispose();
  assert.deepEqual(lab.warnings, []);
}
