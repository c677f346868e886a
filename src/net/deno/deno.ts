/** Sockets over `Deno.listen` and `Deno.connect`; TLS listeners over Deno's `node:tls`. */
import { formatAddress, plainHost } from "../../util/address.ts";
import { ACCEPT_BACKOFF, bindEveryInterface, refusedAsSelf } from "../adapter.ts";
import { keepAliveNow } from "../keepalive.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { runtime as node } from "../node/node.ts";
import { relay } from "../relay.ts";
import {
  type AcceptOptions,
  type Capabilities,
  type Connection,
  type ConnectOptions,
  DEFAULT_BACKLOG,
  type Listener,
  type ListenOptions,
  type OnConnection,
  type Runtime,
} from "../runtime.ts";
import { listenAtPath } from "../socket-file.ts";
import { DenoConnection, LARGEST_BUFFER } from "./connection.ts";
import { startTls } from "./tls.ts";

const can: Capabilities = {
  reset: false, // Deno has no RST: abort() sends FIN
  unix: node.can.unix,
  inherit: node.can.inherit,
  tls: true,
  closeNotify: false,
  backlog: true,
  sharePort: false,
  localAddress: node.can.localAddress,
  cancel: true,
  reportsAccept: true,
  seesReset: true,
  seesDelivery: false,
  keepAliveTime: false,
  readAhead: LARGEST_BUFFER,
};

/** Deno offers no times for keepalive: the system's hold. */
function prepare(conn: Deno.TcpConn, keepAlive: AcceptOptions["keepAlive"]): DenoConnection {
  conn.setNoDelay();
  if (keepAliveNow(keepAlive) > 0) conn.setKeepAlive();
  return new DenoConnection(conn);
}

async function listen(
  options: ListenOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener> {
  // Deno's own TLS listener cannot drop a peer that never ends the handshake: closing waits for it.
  if (options.tls !== undefined) return node.listen(options, onConnection, onError);
  const { host = "", port, backlog = DEFAULT_BACKLOG } = options;
  const bind = (hostname: string): Deno.TcpListener => Deno.listen({ hostname, port, tcpBacklog: backlog });
  try {
    const listener = host === "" ? bindEveryInterface(bind) : bind(host);
    const address = { host: plainHost(listener.addr.hostname), port: listener.addr.port };
    const accept = async () => prepare(await listener.accept(), options.keepAlive);
    const acceptor = new Acceptor(listener, accept, onConnection, onError);
    return { address, close: () => acceptor.close() };
  } catch (error) {
    throw toNetError(error, `cannot listen on ${formatAddress({ host, port })}`);
  }
}

const listenOn: Runtime["listenOn"] = async (where, options, onConnection, onError) => {
  if ("host" in where) return listen({ ...options, ...where }, onConnection, onError);
  if ("fd" in where) return node.listenOn(where, options, onConnection, onError);
  return listenAtPath(where, (path) => {
    const listener = Deno.listen({ transport: "unix", path });
    const accept = async () => new DenoConnection(await listener.accept());
    return new Acceptor(listener, accept, onConnection, onError);
  });
};

/** Takes what comes in, until it is closed. */
class Acceptor {
  readonly #listener: Deno.Listener;
  readonly #accept: () => Promise<DenoConnection>;
  readonly #accepting: Promise<void>;
  #closed = false;

  constructor(
    listener: Deno.Listener,
    accept: () => Promise<DenoConnection>,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ) {
    this.#listener = listener;
    this.#accept = accept;
    this.#accepting = this.#acceptAll(onConnection, onError);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.close();
    }
    return this.#accepting; // the pending accept keeps the port until it has been cancelled
  }

  /** Ends with close(), never rejects. Deno's own `for await` would end at the first failed accept. */
  async #acceptAll(onConnection: OnConnection, onError?: (error: NetError) => void): Promise<void> {
    for (;;) {
      let connection: DenoConnection;
      try {
        connection = await this.#accept();
      } catch (error) {
        if (this.#closed) return;
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
  // Deno.startTls() adds the authorities it is given to its own, and always verifies; node:tls replaces those, and need not.
  if (options.from !== undefined) return node.connect(options); // Deno.connect() knows no such thing
  if (options.tls?.ca !== undefined || options.tls?.verify === false) return node.connect(options);
  const { to, signal } = options;
  const doing = `cannot connect to ${formatAddress(to)}`;
  try {
    const connection = signal?.aborted ? null : await dial(options);
    if (connection !== null && !signal?.aborted) return connection;
    connection?.abort();
  } catch (error) {
    throw signal?.aborted ? netError("EABORTED", doing, error) : toNetError(error, doing);
  }
  throw netError("EABORTED", doing, signal?.reason);
}

/** What it resolves with may have come about after the signal. */
async function dial(options: ConnectOptions): Promise<DenoConnection> {
  const { keepAlive, signal, tls, to } = options;
  // Deno takes no signal here; a Unix socket answers at once or, its backlog full, when there is room.
  if ("path" in to) return new DenoConnection(await Deno.connect({ transport: "unix", path: to.path }));
  const cancel = signal && { signal: neverThrowing(signal) };
  const conn = await Deno.connect({ hostname: to.host, port: to.port, ...cancel });
  const connection = prepare(conn, keepAlive);
  if (refusedAsSelf(to, connection)) throw netError("ECONNREFUSED", `cannot connect to ${formatAddress(to)}`);
  return tls === undefined ? connection : new DenoConnection(await startTls(conn, options), true);
}

/**
 * Deno looks at the signal once more when it has connected, by this method, which throws if the signal has fired meanwhile: the
 * new connection is then nobody's and stays open for ever (Deno 2.9.5: `connect` in its ext/net/01_net.js). So it does not throw,
 * and the connection is handed over and closed here. The caller's signal is changed: Deno keeps listeners on the object itself.
 */
function neverThrowing(signal: AbortSignal): AbortSignal {
  signal.throwIfAborted = () => undefined;
  return signal;
}

export const runtime: Runtime = { name: "deno", version: Deno.version.deno, can, listen, listenOn, connect, relay };
