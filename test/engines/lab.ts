import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Engine, EngineOptions } from "../../src/engines/engine.ts";
import type { Address, Connection, TcpAddress } from "../../src/net/runtime.ts";
import { Pool, type PoolOptions, type TargetSpec, type TargetView } from "../../src/pool/pool.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { type Serve, serve, type TestServer } from "../support/peers.ts";
import { ANY_PORT, LOOPBACK } from "../support/ports.ts";
import { readText } from "../support/stream.ts";
import { PATIENCE_MS, until, within } from "../support/wait.ts";
import type { Host } from "./host.ts";

export const UNAVAILABLE = "Unavailable, holmes.";

export type LabOptions = Partial<Omit<EngineOptions, "pool" | "onClose" | "onWarning">> & {
  readonly pool?: Partial<PoolOptions>;
};

/** The pool of a lab, but for what `options` say otherwise. */
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

/** An engine in front of a pool with targets of its own, on the host's loopback, and what came out of it. */
export class Lab {
  readonly host: Host;
  readonly pool: Pool;
  readonly engine: Engine;
  readonly records: CloseRecord[] = [];
  readonly warnings: string[] = [];
  readonly #targets: TestServer[] = [];
  readonly #clients: Connection[] = [];
  #dialled = 0;

  constructor(host: Host, options: LabOptions) {
    this.host = host;
    const { pool, ...rest } = options;
    this.pool = labPool(pool);
    this.engine = host.engine.create({
      listen: [ANY_PORT],
      pool: this.pool,
      requeue: 1,
      connectTimeout: 5_000,
      idleTimeout: 0,
      queueTimeout: 10_000,
      keepalive: 60_000,
      unavailable: Buffer.from(UNAVAILABLE),
      onClose: (record) => this.records.push(record),
      onWarning: (message) => this.warnings.push(message),
      ...rest,
    });
  }

  get port(): number {
    return this.engine.addresses[0]!.port;
  }

  /** Adds a target whose connections go to `handler`. */
  async target(
    identity: string,
    handler: Serve,
    spec: Partial<TargetSpec> & { host?: string } = {},
  ): Promise<TestServer> {
    const target = await serve(handler, spec.host, this.host.runtime);
    this.#targets.push(target);
    this.announce(identity, target.address, spec);
    return target;
  }

  /** Adds a target at an address that is not the lab's. */
  announce(identity: string, address: Address, spec: Partial<TargetSpec> = {}): void {
    this.pool.set({ weight: 500, maxConnections: 0, ...spec, identity, address }, "up");
    this.engine.poolChanged();
  }

  async client(to: TcpAddress = { host: LOOPBACK, port: this.port }): Promise<Connection> {
    this.#dialled++;
    const connection = await this.host.runtime
      .connect({ to, signal: AbortSignal.timeout(PATIENCE_MS) })
      .catch((error) => {
        if (error.code === "ECONNREFUSED") this.#dialled--;
        throw error;
      });
    this.#clients.push(connection);
    return connection;
  }

  /** The last client was connected by the kernel alone, and leaves no record. */
  cutOff(): void {
    this.#dialled--;
  }

  /** Connects, sends FIN, and reads everything: what a target like `nameServer` answers. */
  async ask(to?: TcpAddress): Promise<string> {
    const client = await this.client(to);
    await client.closeWrite();
    const answer = await readText(client);
    await client.close();
    return answer;
  }

  view(identity: string): TargetView {
    const view = this.pool.view(identity);
    assert.ok(view, `${identity} is unknown to the pool`);
    return view;
  }

  /** The records, once there are `count`; more than that is an error. */
  async recorded(count: number): Promise<CloseRecord[]> {
    await until(`${count} close records`, () => this.records.length >= count);
    assert.equal(this.records.length, count);
    return this.records;
  }

  /** Closes everything, and checks that nothing was leaked: places, waiters, targets' connections, records. */
  async dispose(): Promise<void> {
    for (const client of this.#clients) client.abort();
    await within("the engine to close", this.engine.close(0));
    for (const target of this.#targets) await target.close();
    assert.equal(this.pool.active, 0, "places held after the end");
    assert.equal(this.pool.waiting, 0, "waiters after the end");
    for (const target of this.pool.targets()) assert.equal(target.active, 0, `${target.identity} still counts some`);
    assert.equal(this.records.length, this.#dialled, "one close record per accepted connection");
  }
}

/** Runs a test in a lab, and ends the lab even if the test fails. A test that expects warnings takes them out. */
export async function inLab(host: Host, options: LabOptions, test: (lab: Lab) => Promise<void>) {
  const lab = new Lab(host, options);
  await lab.engine.start();
  let failed = true;
  try {
    await test(lab);
    failed = false;
  } finally {
    const done = lab.dispose();
    if (failed)
      await done.catch(() => undefined); // the test's own failure is the news
    else await done;
  }
  assert.deepEqual(lab.warnings, []);
}
