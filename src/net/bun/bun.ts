import { handOver } from "../accept.ts";
import { plainHost, showAddress } from "../address.ts";
import { ACCEPT_BACKOFF, KEEPALIVE_IDLE } from "../defaults.ts";
import { blameSelf, connectionLimit } from "../descriptors.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { runtime as node } from "../node/node.ts";
import { HOLD_LIMIT, type PushConnection } from "../push-connection.ts";
import { pushRelay } from "../push-relay.ts";
import { resolveHost } from "../resolve.ts";
import type {
  Connection,
  ConnectOptions,
  Listener,
  ListenOptions,
  OnConnection,
  Runtime,
  TcpAddress,
} from "../runtime.ts";
import { BunConnection, type BunSocket } from "./connection.ts";

/** Bun reads into one buffer of this size and hands the whole of it over. */
const CHUNK = 512 * 1024;

/**
 * Keepalive takes Bun four system calls a socket, a tenth of what a short connection costs in all, and only matters to
 * connections that stay: it is switched on for those that are there after this many ms.
 */
const KEEPALIVE_AFTER = 1_000;
const young = new Set<BunSocket>();
let growing: NodeJS.Timeout | null = null;

function keepAliveLater(socket: BunSocket): void {
  young.add(socket);
  if (growing !== null) return;
  growing = setTimeout(() => {
    growing = null;
    for (const grown of young) grown.setKeepAlive(true, KEEPALIVE_IDLE);
    young.clear();
  }, KEEPALIVE_AFTER);
  growing.unref();
}

/** Shared by all sockets; `socket.data` is the connection. Bun sets TCP_NODELAY itself. */
const HANDLERS = {
  binaryType: "uint8array",
  data: (socket: BunSocket, bytes: Uint8Array) => socket.data.onData(bytes),
  end: (socket: BunSocket) => socket.data.onEnd(),
  drain: (socket: BunSocket) => socket.data.onDrain(),
  close(socket: BunSocket, error?: Error): void {
    young.delete(socket);
    socket.data?.onClose(error);
  },
  error: (socket: BunSocket, error: Error) => socket.data?.onClose(error),
} as const;

function open(socket: BunSocket): BunConnection {
  keepAliveLater(socket);
  const connection = new BunConnection(socket);
  socket.data = connection;
  return connection;
}

async function listen(
  options: ListenOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener> {
  if (options.tls !== undefined) return node.listen(options, onConnection, onError);
  const { host = "", port } = options;
  const limit = connectionLimit();
  let told = 0;
  // Bun neither reports a failed accept nor pauses after it: one below the limit is turned away instead.
  const turnAway = (socket: BunSocket): void => {
    socket.terminate();
    if (Date.now() - told < ACCEPT_BACKOFF) return;
    told = Date.now();
    onError?.(netError("EMFILE", "cannot accept a connection"));
  };
  const bind = (hostname: string): Listener =>
    new BunListener(
      Bun.listen<BunConnection>({
        hostname,
        port,
        allowHalfOpen: true,
        exclusive: true,
        socket: {
          ...HANDLERS,
          open(socket: BunSocket): void {
            if (BunConnection.open < limit) handOver(open(socket), onConnection);
            else turnAway(socket);
          },
        },
      }),
    );
  const doing = `cannot listen on ${showAddress({ host, port })}`;
  try {
    if (host !== "") return bind(await resolveHost(host, doing));
    try {
      return bind("::");
    } catch (error) {
      if (toNetError(error, "").code !== "EADDRNOTAVAIL") throw error;
      return bind("0.0.0.0"); // no IPv6 here
    }
  } catch (error) {
    throw toNetError(error, doing);
  }
}

class BunListener implements Listener {
  readonly address: TcpAddress;
  private readonly listener: Bun.TCPSocketListener<BunConnection>;

  constructor(listener: Bun.TCPSocketListener<BunConnection>) {
    this.listener = listener;
    this.address = { host: plainHost(listener.hostname), port: listener.port };
  }

  close(): Promise<void> {
    this.listener.stop();
    return Promise.resolve();
  }
}

/**
 * Addresses that answered when last asked. `Bun.connect()` costs least but cannot be given up: the socket lingers, and keeps
 * the process alive, until the kernel gives up. So it only serves addresses that are known to answer; the first attempt,
 * and those after one that was given up, go through `node:net`.
 */
const answering = new Set<string>();
/** Above any number of targets in use; a cleared set costs one slower connect each. */
const ANSWERING_LIMIT = 16_384;

async function connect(options: ConnectOptions): Promise<Connection> {
  try {
    return await connectAnyhow(options);
  } catch (error) {
    throw blameSelf(error as NetError, `cannot connect to ${showAddress(options.to)}`);
  }
}

async function connectAnyhow(options: ConnectOptions): Promise<Connection> {
  const { to } = options;
  if (options.tls !== undefined) return node.connect(options);
  if ("path" in to) return connectNow(options, { unix: to.path }, to.path);
  const key = `${to.host} ${to.port}`;
  if (answering.has(key)) return connectNow(options, { hostname: to.host, port: to.port }, key);
  const connection = await node.connect(options);
  if (answering.size >= ANSWERING_LIMIT) answering.clear();
  answering.add(key);
  return connection;
}

function connectNow(options: ConnectOptions, target: object, key: string): Promise<Connection> {
  const { to, signal } = options;
  const doing = (): string => `cannot connect to ${showAddress(to)}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(netError("EABORTED", doing()));
    const onAbort = (): void => {
      answering.delete(key);
      reject(netError("EABORTED", doing(), signal?.reason));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const socket = {
      ...HANDLERS,
      open(socket: BunSocket): void {
        signal?.removeEventListener("abort", onAbort);
        if (signal?.aborted) socket.terminate();
        else resolve(open(socket));
      },
      connectError(_socket: BunSocket, error: Error): void {
        signal?.removeEventListener("abort", onAbort);
        reject(toNetError(error, doing()));
      },
    };
    const connecting = {
      ...target,
      allowHalfOpen: true,
      socket,
    } as unknown as Bun.TCPSocketConnectOptions<BunConnection>;
    Bun.connect(connecting).catch(ignore);
  });
}

/** The promise of `Bun.connect()` repeats what `connectError` has told. */
function ignore(): void {}

/** Sockets over `Bun.listen` and `Bun.connect`; TLS over Bun's `node:tls`, whose cost does not matter here. */
export const runtime: Runtime = {
  name: "bun",
  version: Bun.version,
  can: {
    reset: true,
    unix: true,
    tls: true,
    closeNotify: true,
    backlog: false,
    cancel: false,
    reportsAccept: true,
    seesReset: true,
    readAhead: HOLD_LIMIT + CHUNK,
  },
  listen,
  connect,
  relay: (a, b, progress) => pushRelay(a as PushConnection, b as PushConnection, progress),
};
