import { plainHost, showAddress } from "../address.ts";
import { ACCEPT_BACKOFF, DEFAULT_BACKLOG } from "../defaults.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { runtime as node } from "../node/node.ts";
import { relay } from "../relay.ts";
import type {
  Connection,
  ConnectOptions,
  Listener,
  ListenOptions,
  OnConnection,
  Runtime,
  TcpAddress,
} from "../runtime.ts";
import { DenoConnection, LARGEST_BUFFER } from "./connection.ts";
import { startTls } from "./tls.ts";

/** Deno offers no idle time for keepalive: the system's default holds. */
function prepare(conn: Deno.TcpConn): DenoConnection {
  conn.setNoDelay();
  conn.setKeepAlive();
  return new DenoConnection(conn);
}

async function listen(
  options: ListenOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener> {
  // Deno's own TLS listener cannot drop a stranger who never ends the handshake: closing waits for it.
  if (options.tls !== undefined) return node.listen(options, onConnection, onError);
  const { host = "", port, backlog = DEFAULT_BACKLOG } = options;
  try {
    const listener = bind(host, (hostname) => Deno.listen({ hostname, port, tcpBacklog: backlog }));
    return new DenoListener(listener, onConnection, onError);
  } catch (error) {
    throw toNetError(error, `cannot listen on ${showAddress({ host, port })}`);
  }
}

function bind(host: string, bindTo: (hostname: string) => Deno.TcpListener): Deno.TcpListener {
  if (host !== "") return bindTo(host);
  try {
    return bindTo("::"); // takes IPv4 as well
  } catch (error) {
    if (toNetError(error, "").code !== "EADDRNOTAVAIL") throw error;
    return bindTo("0.0.0.0"); // no IPv6 here
  }
}

class DenoListener implements Listener {
  readonly address: TcpAddress;
  private readonly listener: Deno.TcpListener;
  private readonly accepting: Promise<void>;
  private closed = false;

  constructor(listener: Deno.TcpListener, onConnection: OnConnection, onError?: (error: NetError) => void) {
    this.listener = listener;
    this.address = { host: plainHost(listener.addr.hostname), port: listener.addr.port };
    this.accepting = this.acceptAll(onConnection, onError);
  }

  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.listener.close();
    }
    return this.accepting; // the pending accept keeps the port until it has been cancelled
  }

  /** Ends with close(), never rejects. Deno's own `for await` would end at the first failed accept. */
  private async acceptAll(onConnection: OnConnection, onError?: (error: NetError) => void): Promise<void> {
    for (;;) {
      let connection: DenoConnection;
      try {
        connection = prepare(await this.listener.accept());
      } catch (error) {
        if (this.closed) return;
        const failure = toNetError(error, "cannot accept a connection");
        if (failure.code === "ECONNRESET") continue; // the peer's doing: it had reset before it was accepted
        onError?.(failure);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_BACKOFF));
        continue;
      }
      onConnection(connection);
    }
  }
}

async function connect(options: ConnectOptions): Promise<Connection> {
  const { to, signal } = options;
  try {
    if ("path" in to) return await connectUnix(to.path, signal);
    const target: Deno.ConnectOptions = { hostname: to.host, port: to.port };
    if (signal !== undefined) target.signal = signal;
    const conn = await Deno.connect(target);
    if (options.tls === undefined) return prepare(conn);
    prepare(conn);
    return new DenoConnection(await startTls(conn, options), true);
  } catch (error) {
    const doing = `cannot connect to ${showAddress(to)}`;
    throw signal?.aborted ? netError("EABORTED", doing, error) : toNetError(error, doing);
  }
}

/** Deno takes no signal here; a Unix socket answers at once or, its backlog full, when there is room. */
async function connectUnix(path: string, signal: AbortSignal | undefined): Promise<Connection> {
  signal?.throwIfAborted();
  const connection = new DenoConnection(await Deno.connect({ transport: "unix", path }));
  if (signal?.aborted) connection.abort();
  signal?.throwIfAborted();
  return connection;
}

/** Sockets over `Deno.listen` and `Deno.connect`. No RST: `abort()` cannot but send FIN. */
export const runtime: Runtime = {
  name: "deno",
  version: Deno.version.deno,
  can: {
    reset: false,
    unix: true,
    tls: true,
    closeNotify: false,
    backlog: true,
    cancel: true,
    reportsAccept: true,
    seesReset: true,
    readAhead: LARGEST_BUFFER,
  },
  listen,
  connect,
  relay,
};
