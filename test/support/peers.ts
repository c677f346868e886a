/** TCP servers and clients for tests, on the sockets of the runtime at hand. */
import assert from "node:assert/strict";
import { runtime as native } from "#runtime";
import type { Address, Connection, Listener, Runtime } from "../../src/net/runtime.ts";
import { deferred } from "../../src/util/deferred.ts";
import { LOOPBACK } from "./ports.ts";
import { drain, lines, readText, send } from "./stream.ts";
import { within } from "./wait.ts";

/** What a server does with a connection. */
export type Serve = (connection: Connection) => Promise<void>;

/** Sends back what it gets, and ends when the client does. */
export const echo: Serve = async (connection) => {
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    await connection.write(bytes.slice());
  }
  await connection.close();
};

/** Says `text` at once, and ends when the client does. */
export function greeter(text: string): Serve {
  return async (connection) => {
    await send(connection, text);
    await drain(connection);
    await connection.close();
  };
}

/** Says `text` at the client's FIN. */
export function answerer(text: string): Serve {
  return async (connection) => {
    await drain(connection);
    await send(connection, text);
    await connection.close();
  };
}

export interface TestServer {
  readonly address: Address;
  readonly port: number;
  /** Every connection so far. */
  readonly accepted: readonly Connection[];
  /** How many of them are being served now. */
  open(): number;
  /** Errors that its handlers ran into: a test that expects none asserts so. */
  readonly errors: readonly Error[];
  /** Stops listening, and resets what is open. */
  close(): Promise<void>;
}

const servers = new Set<TestServer>();

/** Ends every server. For `after()`. */
export async function endServers(): Promise<void> {
  await Promise.all([...servers].map((server) => server.close()));
}

/** Serves each connection with `handler` and closes it afterwards, on any free port. */
export async function serve(handler: Serve, host = LOOPBACK, runtime: Runtime = native): Promise<TestServer> {
  const accepted: Connection[] = [];
  const errors: Error[] = [];
  let open = 0;
  const run = async (connection: Connection): Promise<void> => {
    try {
      await handler(connection);
      await connection.close();
    } catch (error) {
      errors.push(error as Error);
      connection.abort();
    } finally {
      open--;
    }
  };
  const listener: Listener = await runtime.listen({ host, port: 0 }, (connection) => {
    accepted.push(connection);
    open++;
    void run(connection);
  });
  const server: TestServer = {
    address: listener.address,
    port: listener.address.port,
    accepted,
    open: () => open,
    errors,
    async close() {
      servers.delete(server);
      await listener.close();
      for (const connection of accepted) connection.abort();
    },
  };
  servers.add(server);
  return server;
}

/** An echo server. `served` counts the connections that have said something: a balancer's look at a new target does not. */
export async function echoServer(): Promise<TestServer & { served(): number }> {
  let served = 0;
  const server = await serve(async (connection) => {
    const first = await connection.read();
    if (first === null) return;
    served++;
    await connection.write(first.slice());
    await echo(connection);
  });
  return Object.assign(server, { served: () => served });
}

export function dial(port: number, host = LOOPBACK): Promise<Connection> {
  return within(`a connection to port ${port}`, native.connect({ to: { host, port } }));
}

/** A connection through a balancer to an echo server, which has answered once. */
export async function openConnection(port: number) {
  const connection = await dial(port);
  const next = lines(connection);
  const ask = async (line: string): Promise<void> => {
    await send(connection, `${line}\n`);
    assert.equal(await within(`the answer to ${line}`, next()), line);
  };
  await ask("first");
  return { connection, ask, next };
}

/** Sends a text and returns all that comes until the other side has finished. */
export async function exchange(port: number, text: string): Promise<string> {
  const connection = await dial(port);
  try {
    await send(connection, text);
    await connection.closeWrite();
    return await readText(connection);
  } finally {
    await connection.close();
  }
}

export interface Pair {
  readonly listener: Listener;
  readonly client: Connection;
  readonly server: Connection;
}

/** A listener and a connected pair on it; the caller ends all three. */
export async function connectPair(runtime: Runtime, host: string): Promise<Pair> {
  let accepted = deferred<Connection>();
  const listener = await runtime.listen({ host, port: 0 }, (connection) => accepted.resolve(connection));
  const connect = async (): Promise<Pair> => {
    accepted = deferred();
    const client = await within("the connection", runtime.connect({ to: { host, port: listener.address.port } }));
    return { listener, client, server: await within("its acceptance", accepted.promise) };
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
