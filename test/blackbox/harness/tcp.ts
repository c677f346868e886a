/** TCP servers and clients for the tests, on the sockets of the runtime at hand. */
import { runtime } from "#runtime";
import type { Connection, Listener } from "../../../src/net/runtime.ts";

export type { Connection };

export interface TestServer {
  readonly port: number;
  /** Errors that its handlers ran into: a test that expects none asserts so. */
  readonly errors: Error[];
  close(): Promise<void>;
}

const servers = new Set<TestServer>();

/** Ends every server. For `after()`. */
export async function endServers(): Promise<void> {
  await Promise.all([...servers].map((server) => server.close()));
}

/** Serves each connection with `handler` and closes it afterwards. On 127.0.0.1, any free port. */
export async function serve(handler: (connection: Connection) => Promise<void>): Promise<TestServer> {
  const open = new Set<Connection>();
  const listener: Listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, (connection) => {
    open.add(connection);
    handler(connection)
      .then(
        () => connection.close(),
        (error: Error) => {
          server.errors.push(error);
          connection.abort();
        },
      )
      .finally(() => open.delete(connection));
  });
  const server: TestServer = {
    port: listener.address.port,
    errors: [],
    async close() {
      servers.delete(server);
      await listener.close();
      for (const connection of open) connection.abort();
    },
  };
  servers.add(server);
  return server;
}

/** Answers each line with itself. */
export async function echo(): Promise<TestServer & { served(): number }> {
  let served = 0;
  const server = await serve(async (connection) => {
    const next = lines(connection);
    let line = await next();
    if (line !== null) served++;
    for (; line !== null; line = await next()) await send(connection, `${line}\n`);
  });
  // Connections that have said something: the balancer's look at a new target has not.
  return Object.assign(server, { served: () => served });
}

export function dial(port: number, host = "127.0.0.1"): Promise<Connection> {
  return runtime.connect({ to: { host, port } });
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

export function send(connection: Connection, text: string): Promise<void> {
  return connection.write(new TextEncoder().encode(text));
}

/** Everything until FIN, as text. */
export async function readText(connection: Connection): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) {
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

/** Reads line by line: `await next()` is a line without its end, or null at FIN. */
export function lines(connection: Connection): () => Promise<string | null> {
  let pending = "";
  return async () => {
    for (;;) {
      const end = pending.indexOf("\n");
      if (end >= 0) {
        const line = pending.slice(0, end).replace(/\r$/, "");
        pending = pending.slice(end + 1);
        return line;
      }
      const bytes = await connection.read();
      if (!bytes) return null;
      pending += new TextDecoder().decode(bytes);
    }
  };
}
