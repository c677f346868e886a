import assert from "node:assert/strict";
import type { Engine, EngineOptions } from "../../src/engines/engine.ts";
import type { Address, Connection, TcpAddress } from "../../src/net/runtime.ts";
import type { Pool, PoolOptions, TargetSpec, TargetView } from "../../src/pool/pool.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { type Serve, serve, type TestServer } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { readText } from "../support/stream.ts";
import { PATIENCE_MS, until, within } from "../support/wait.ts";
import { Front, type FrontOptions, labPool } from "./front.ts";
import type { Host } from "./host.ts";

export { labPool, UNAVAILABLE } from "./front.ts";

export type LabOptions = FrontOptions &
  Partial<Omit<EngineOptions, "onClose" | "onWarning">> & {
    readonly pool?: Partial<PoolOptions>;
  };

/** An engine in front of a pool with targets of its own, on the host's loopback, and what came out of it. */
export class Lab {
  readonly host: Host;
  readonly pool: Pool;
  readonly engine: Engine;
  readonly front: Front;
  readonly records: CloseRecord[] = [];
  readonly warnings: string[] = [];
  readonly #fronts: Front[];
  readonly #targets: TestServer[] = [];
  readonly #clients: Connection[] = [];
  #dialled = 0;

  constructor(host: Host, options: LabOptions) {
    this.host = host;
    const { pool, threads, reserve, ...front } = options;
    this.pool = labPool(pool);
    this.engine = host.engine.create({
      ...(threads === undefined ? {} : { threads }),
      ...(reserve === undefined ? {} : { reserve }),
      onClose: (record) => this.records.push(record),
      onWarning: (message) => this.warnings.push(message),
    });
    this.front = new Front(this.engine, this.pool, front);
    this.#fronts = [this.front];
  }

  start(): Promise<void> {
    return this.front.start();
  }

  /** Another pool in the same engine, behind listeners of its own. */
  async another(name: string, options: FrontOptions & { readonly pool?: Partial<PoolOptions> } = {}): Promise<Front> {
    const { pool, ...front } = options;
    const other = new Front(this.engine, labPool({ name, ...pool }), front);
    this.#fronts.push(other);
    await other.open();
    return other;
  }

  /** Where it listens, in the order asked for. */
  get addresses(): readonly TcpAddress[] {
    return this.front.addresses;
  }

  get port(): number {
    return this.addresses[0]!.port;
  }

  /** Adds a target whose connections go to `handler`. */
  async target(
    identity: string,
    handler: Serve,
    spec: Partial<TargetSpec> & { host?: string } = {},
    front = this.front,
  ): Promise<TestServer> {
    const target = await serve(handler, spec.host, this.host.runtime);
    this.#targets.push(target);
    this.announce(identity, target.address, spec, front);
    return target;
  }

  /** Adds a target at an address that is not the lab's. */
  announce(identity: string, address: Address, spec: Partial<TargetSpec> = {}, front = this.front): void {
    front.pool.set({ weight: 500, maxConnections: 0, ...spec, identity, address }, "up");
    front.poolChanged();
  }

  /** After a change of the pool. */
  poolChanged(): void {
    this.front.poolChanged();
  }

  async client(to: Address = { host: LOOPBACK, port: this.port }): Promise<Connection> {
    this.#dialled++;
    const connection = await this.host.runtime
      .connect({ to, signal: AbortSignal.timeout(PATIENCE_MS) })
      .catch((error) => {
        if (error.code === "ECONNREFUSED" || error.code === "ENOENT") this.#dialled--;
        throw error;
      });
    this.#clients.push(connection);
    return connection;
  }

  /** The last client was connected by the kernel alone, and leaves no record. */
  cutOff(): void {
    this.#dialled--;
  }

  /** So many connections came from others than the lab's clients. */
  strangers(count: number): void {
    this.#dialled += count;
  }

  /**
   * Connects, sends FIN, and reads everything: what a target like `nameServer` answers. Returns when it has been recorded, since of two
   * connections that an engine has in different threads the second one may be told first.
   */
  async ask(to?: Address): Promise<string> {
    const client = await this.client(to);
    const { local } = client;
    await client.closeWrite();
    const answer = await readText(client);
    await client.close();
    if (local.port !== 0) {
      await until("its record", () => this.records.some(({ client: { port } }) => port === local.port));
    }
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
    for (const { pool } of this.#fronts) {
      assert.equal(pool.active, 0, "places held after the end");
      assert.equal(pool.waiting, 0, "waiters after the end");
      for (const target of pool.targets()) assert.equal(target.active, 0, `${target.identity} still counts some`);
    }
    assert.equal(this.records.length, this.#dialled, "one close record per accepted connection");
  }
}

/** Runs a test in a lab, and ends the lab even if the test fails. A test that expects warnings takes them out. */
export async function inLab(host: Host, options: LabOptions, test: (lab: Lab) => Promise<void>) {
  const lab = new Lab(host, options);
  await lab.start();
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

/** Opens `count` connections one after the other, of which `through` get a place and the others wait in that order. */
export async function waitingLine(lab: Lab, count: number, through: number): Promise<Connection[]> {
  const clients: Connection[] = [];
  for (let i = 0; i < count; i++) {
    clients.push(await lab.client());
    await until(`connection ${i} in its place`, () =>
      i < through ? lab.pool.targets()[0]!.total === i + 1 : lab.pool.waiting === i + 1 - through,
    );
  }
  return clients;
}
