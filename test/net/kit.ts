/** What the runtime suites share. Everything here is bounded in time: a hang is a failure with a name. */
import { readdirSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { Worker } from "node:worker_threads";
import { runtime as node } from "../../src/net/node/node.ts";
import type { Connection, Listener, Runtime, TcpAddress } from "../../src/net/runtime.ts";

export const LOOPBACK = "127.0.0.1";
/** Longer than anything healthy takes on a busy machine; only failures wait for it. */
export const PATIENCE = 10_000;

/** `promise`, or an error that names `what` after `ms`. */
export async function within<T>(promise: Promise<T>, what: string, ms = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks every 10 ms until `condition` holds. */
export async function eventually(condition: () => boolean, what: string, ms = PATIENCE): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Settles once `value()` has not changed for `quiet` ms: how one sees that a writer stands still. */
export async function standstill(value: () => number, quiet = 300): Promise<number> {
  let last = value();
  let since = Date.now();
  await eventually(() => {
    if (value() !== last) {
      last = value();
      since = Date.now();
    }
    return Date.now() - since >= quiet;
  }, "a standstill");
  return last;
}

export interface Pair {
  readonly listener: Listener;
  readonly client: Connection;
  readonly server: Connection;
}

/** A listener and a connected pair on it. Whoever calls ends all three. */
export async function connectPair(runtime: Runtime, host: string): Promise<Pair> {
  let accepted = deferred<Connection>();
  const listener = await runtime.listen({ host, port: 0 }, (connection) => accepted.resolve(connection));
  const connect = async (): Promise<Pair> => {
    accepted = deferred();
    const client = await within(runtime.connect({ to: { host, port: listener.address.port } }), "connecting");
    return { listener, client, server: await within(accepted.promise, "accepting") };
  };
  // A runtime may connect in another way to an address that has answered before: that is the way that matters.
  const first = await connect();
  first.client.abort();
  first.server.abort();
  return connect();
}

/** A connected pair over a listener of its own, all of it gone afterwards. */
export async function withPair(runtime: Runtime, body: (pair: Pair) => Promise<void>, host = LOOPBACK): Promise<void> {
  const pair = await connectPair(runtime, host);
  try {
    await body(pair);
  } finally {
    pair.client.abort();
    pair.server.abort();
    await pair.listener.close();
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Everything up to the peer's FIN, copied. */
export async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const bytes = await within(connection.read(), "the next bytes or FIN");
    if (bytes === null) return Buffer.concat(chunks);
    chunks.push(bytes.slice());
  }
}

/** Exactly `length` bytes; more or FIN in between is an error. */
export async function readExactly(connection: Connection, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let got = 0;
  while (got < length) {
    const bytes = await within(connection.read(), `${length} bytes (${got} so far)`);
    if (bytes === null) throw new Error(`FIN after ${got} of ${length} bytes`);
    chunks.push(bytes.slice());
    got += bytes.length;
  }
  if (got > length) throw new Error(`${got} bytes instead of ${length}`);
  return Buffer.concat(chunks);
}

/** Begins to write `chunk`, so many times, then FIN. `written` tells how many bytes have been taken so far. */
export function startWriting(connection: Connection, chunk: Uint8Array, times: number) {
  let written = 0;
  const write = async (): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await connection.write(chunk);
      written += chunk.length;
    }
    await connection.closeWrite();
  };
  return { written: () => written, done: write() };
}

export const text = (s: string): Uint8Array => new TextEncoder().encode(s);
export const show = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** A prime, so that no buffer size divides it and every misplaced chunk shows. */
const PERIOD = 1_000_003;

/** `length` bytes that look random and differ with `seed`. */
export function pattern(length: number = PERIOD, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Listens and never accepts, its backlog filled up: connecting there is never answered. */
export interface BlackHole {
  readonly address: TcpAddress;
  /** From now on it accepts and ends every connection at once, those that were waiting included. */
  open(): void;
  close(): Promise<void>;
}

/** Indices of the words shared with black-hole.mjs. */
const PORT = 0;
const OPEN = 1;
/** Connects started at once until the backlog is full: some runtimes take 512 whatever is asked. */
const BATCH = 64;

/** A real one. `runtime` fills the backlog: it is full when attempts hang and none succeeds any more. */
export async function blackHole(runtime: Runtime = node): Promise<BlackHole> {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL("./black-hole.mjs", import.meta.url), { workerData: shared });
  await eventually(() => Atomics.load(shared, PORT) !== 0, "the black hole");
  const address = { host: LOOPBACK, port: Atomics.load(shared, PORT) };
  const giveUp = new AbortController();
  const held: Promise<Connection | null>[] = [];
  let connected = 0;
  do {
    for (let i = 0; i < BATCH; i++) {
      const attempt = runtime.connect({ to: address, signal: giveUp.signal });
      held.push(
        attempt.then(
          (connection) => {
            connected += 1;
            return connection;
          },
          () => null,
        ),
      );
    }
    await eventually(() => connected > 0, "the first connection");
    await standstill(() => connected, connected === held.length ? 0 : 200);
  } while (connected === held.length);
  const open = (): void => {
    Atomics.store(shared, OPEN, 1);
    Atomics.notify(shared, OPEN);
  };
  return {
    address,
    open,
    async close() {
      giveUp.abort();
      for (const connection of await Promise.all(held)) connection?.abort();
      open(); // a blocked thread cannot be ended everywhere
      await worker.terminate();
    },
  };
}

export const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === "::1"));

/** Open descriptors of this process, or null where the system does not list them. */
export function descriptors(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch (error) {
    void error; // no /proc: macOS, Windows
    return null;
  }
}

/** The sockets among them, by inode: a failure then says which one was left. */
export function sockets(): Set<string> {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch (error) {
      void error; // closed since it was listed
      return "";
    }
  });
  return new Set(links.filter((link) => link.startsWith("socket:")));
}
