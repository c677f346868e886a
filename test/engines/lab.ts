import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { runtime } from "#runtime";
import type { Engine, EngineFactory, EngineOptions } from "../../src/engines/engine.ts";
import type { Address, Connection, Listener, TcpAddress } from "../../src/net/runtime.ts";
import { Pool, type PoolOptions, type TargetSpec, type TargetView } from "../../src/pool/pool.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";

/** ms in which anything that a test waits for must have happened: generous, as machines are shared. */
const PATIENCE_MS = 10_000;

export const LOOPBACK: TcpAddress = { host: "127.0.0.1", port: 0 };
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

/** A target of a lab: a listener whose connections go to a handler. */
export interface LabTarget {
  readonly identity: string;
  readonly address: Address;
  /** Accepted so far, and open now, as the target itself sees it. */
  readonly accepted: Connection[];
  readonly open: () => number;
  readonly close: () => Promise<void>;
}

export type Serve = (connection: Connection) => Promise<void>;

/** An engine in front of a pool with targets of its own, on loopback, and what came out of it. */
export class Lab {
  readonly pool: Pool;
  readonly engine: Engine;
  readonly records: CloseRecord[] = [];
  readonly warnings: string[] = [];
  readonly #targets: LabTarget[] = [];
  readonly #clients: Connection[] = [];
  #dialled = 0;

  constructor(factory: EngineFactory, options: LabOptions) {
    const { pool, ...rest } = options;
    this.pool = labPool(pool);
    this.engine = factory.create({
      listen: [LOOPBACK],
      pool: this.pool,
      requeue: 1,
      connectTimeout: 5_000,
      idleTimeout: 0,
      queueTimeout: PATIENCE_MS,
      unavailable: Buffer.from(UNAVAILABLE),
      onClose: (record) => this.records.push(record),
      onWarning: (message) => this.warnings.push(message),
      ...rest,
    });
  }

  get port(): number {
    return this.engine.addresses[0]!.port;
  }

  /** Adds a target that is served by `serve`. */
  async target(identity: string, serve: Serve, spec: Partial<TargetSpec> & { host?: string } = {}): Promise<LabTarget> {
    const accepted: Connection[] = [];
    let open = 0;
    const listener: Listener = await runtime.listen({ host: spec.host ?? "127.0.0.1", port: 0 }, (connection) => {
      accepted.push(connection);
      open++;
      serve(connection)
        .catch(() => connection.abort())
        .finally(() => open--);
    });
    const close = async () => {
      await listener.close();
      for (const connection of accepted) connection.abort();
    };
    const target = { identity, address: listener.address, accepted, open: () => open, close };
    this.#targets.push(target);
    this.announce(identity, listener.address, spec);
    return target;
  }

  /** Adds a target at an address that is not the lab's. */
  announce(identity: string, address: Address, spec: Partial<TargetSpec> = {}): void {
    this.pool.set({ weight: 500, maxConnections: 0, ...spec, identity, address }, "up");
    this.engine.poolChanged();
  }

  async client(to: TcpAddress = { host: "127.0.0.1", port: this.port }): Promise<Connection> {
    this.#dialled++;
    const connection = await runtime.connect({ to, signal: AbortSignal.timeout(PATIENCE_MS) });
    this.#clients.push(connection);
    return connection;
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
    await this.engine.close(0);
    for (const target of this.#targets) await target.close();
    assert.equal(this.pool.active, 0, "places held after the end");
    assert.equal(this.pool.waiting, 0, "waiters after the end");
    for (const target of this.pool.targets()) assert.equal(target.active, 0, `${target.identity} still counts some`);
    assert.equal(this.records.length, this.#dialled, "one close record per accepted connection");
  }
}

/** Runs a test in a lab and tears the lab down whatever happens. A test that expects warnings takes them out. */
export async function inLab(factory: EngineFactory, options: LabOptions, test: (lab: Lab) => Promise<void>) {
  const lab = new Lab(factory, options);
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

/** Polls, because what is waited for is visible from outside only; bounded, so that a hang is named. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export async function readText(connection: Connection): Promise<string> {
  const parts: Buffer[] = [];
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    parts.push(Buffer.from(bytes));
  }
  return Buffer.concat(parts).toString();
}

/** Reads to the FIN; the number of bytes. */
export async function drain(connection: Connection): Promise<number> {
  let total = 0;
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) total += bytes.length;
  return total;
}

/** Says `text` at the client's FIN. */
export function nameServer(text: string): Serve {
  return async (connection) => {
    await drain(connection);
    await connection.write(Buffer.from(text));
    await connection.close();
  };
}

/** Sends back what it gets, and ends when the client does. */
export const echo: Serve = async (connection) => {
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    await connection.write(Buffer.from(bytes));
  }
  await connection.close();
};

/** Says its name at once, and ends when the client does. */
export function greeter(text: string): Serve {
  return async (connection) => {
    await connection.write(Buffer.from(text));
    await drain(connection);
    await connection.close();
  };
}

/** Reads exactly `length` bytes as text. */
export async function readExactly(connection: Connection, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const bytes = await connection.read();
    assert.ok(bytes, `FIN after ${text.length} of ${length} bytes`);
    text += Buffer.from(bytes).toString();
  }
  assert.equal(text.length, length);
  return text;
}

/** An address on loopback that refuses: a port that was just given back. */
export async function closedPort(): Promise<TcpAddress> {
  const listener = await runtime.listen(LOOPBACK, (connection) => connection.abort());
  await listener.close();
  return listener.address;
}

/** Resolves to the failure's code, or to "fin" when the peer ends in peace. */
export async function ending(connection: Connection): Promise<string> {
  try {
    await drain(connection);
    return "fin";
  } catch (error) {
    return (error as { code: string }).code;
  }
}
