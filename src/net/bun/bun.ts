/** Sockets over `Bun.listen` and `Bun.connect`; TLS over Bun's `node:tls`, whose cost does not matter here. */
import { formatAddress, plainHost } from "../../util/address.ts";
import { ACCEPT_BACKOFF, attempt, bindEveryInterface, handOver } from "../adapter.ts";
import { idleBeforeProbes, keepAliveNow } from "../keepalive.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { runtime as node } from "../node/node.ts";
import { READ_BUFFER_LIMIT } from "../push-connection.ts";
import { pushRelay } from "../push-relay.ts";
import { resolveHost } from "../resolve.ts";
import type {
  AcceptOptions,
  Capabilities,
  Connection,
  ConnectOptions,
  Listener,
  ListenOptions,
  OnConnection,
  Runtime,
  TcpAddress,
} from "../runtime.ts";
import { listenAtPath } from "../socket-file.ts";
import { connectCode } from "./connect-errno.ts";
import { BunConnection, type BunSocket } from "./connection.ts";
import { blameSelf, connectionLimit } from "./descriptors.ts";
import { lookForGarbage } from "./garbage.ts";

/** Bun reads into one buffer of this size and hands the whole of it over. */
const CHUNK = 512 * 1024;

const can: Capabilities = {
  reset: true,
  unix: node.can.unix,
  inherit: node.can.inherit,
  tls: true,
  closeNotify: true,
  backlog: false, // 1.4.5: always 512
  sharePort: false,
  localAddress: true,
  cancel: false,
  reportsAccept: true,
  seesReset: true,
  seesDelivery: false,
  keepAliveTime: true,
  readAhead: READ_BUFFER_LIMIT + CHUNK,
};

/**
 * Keepalive takes Bun four system calls a socket, a tenth of what a short connection costs in all, and only matters to
 * connections that stay: it is switched on for those that are there after this many ms.
 */
const KEEPALIVE_AFTER = 1_000;
/** With the ms of silence before its first probe. */
const young = new Map<BunSocket, number>();
let growing: NodeJS.Timeout | null = null;

function keepAliveLater(socket: BunSocket, keepAlive: number): void {
  if (keepAlive === 0) return;
  young.set(socket, idleBeforeProbes(keepAlive));
  if (growing !== null) return;
  growing = setTimeout(() => {
    growing = null;
    for (const [grown, idle] of young) grown.setKeepAlive(true, idle);
    young.clear();
  }, KEEPALIVE_AFTER);
  growing.unref();
}

type KeepAlive = Pick<AcceptOptions, "keepAlive">;

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

function prepare(socket: BunSocket, { keepAlive }: KeepAlive): BunConnection {
  keepAliveLater(socket, keepAliveNow(keepAlive));
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
  const doing = `cannot listen on ${formatAddress({ host, port })}`;
  const take = (connection: Connection): void => handOver(connection, onConnection);
  const socket = { ...HANDLERS, open: acceptor(options, take, onError) };
  const bind = (hostname: string): Bun.TCPSocketListener<BunConnection> =>
    Bun.listen<BunConnection>({ hostname, port, allowHalfOpen: true, exclusive: true, socket });
  try {
    return new BunListener(host === "" ? bindEveryInterface(bind) : bind(await resolveHost(host, doing)));
  } catch (error) {
    throw toNetError(error, doing);
  }
}

const listenOn: Runtime["listenOn"] = async (where, options, onConnection, onError) => {
  if ("host" in where) return listen({ ...options, ...where }, onConnection, onError);
  if ("fd" in where) return node.listenOn(where, options, onConnection, onError);
  const socket = { ...HANDLERS, open: acceptor({ keepAlive: 0 }, onConnection, onError) };
  return listenAtPath(where, (unix) => closing(Bun.listen<BunConnection>({ unix, allowHalfOpen: true, socket })));
};

/** Bun neither reports a failed accept nor pauses after it: a connection above the limit of descriptors is turned away instead. */
function acceptor(
  options: KeepAlive,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): (socket: BunSocket) => void {
  const limit = connectionLimit();
  let reported = 0;
  return (socket) => {
    if (BunConnection.open < limit) return onConnection(prepare(socket, options));
    socket.terminate();
    if (Date.now() - reported < ACCEPT_BACKOFF) return;
    reported = Date.now();
    onError?.(netError("EMFILE", "cannot accept a connection"));
  };
}

class BunListener implements Listener {
  readonly address: TcpAddress;
  readonly #listener: Bun.TCPSocketListener<BunConnection>;

  constructor(listener: Bun.TCPSocketListener<BunConnection>) {
    this.address = { host: plainHost(listener.hostname), port: listener.port };
    this.#listener = listener;
  }

  close(): Promise<void> {
    return closing(this.#listener).close();
  }
}

function closing(listener: Bun.SocketListener<BunConnection>): Pick<Listener, "close"> {
  return {
    close() {
      listener.stop();
      return Promise.resolve();
    },
  };
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
  const started = performance.now();
  try {
    return await connectAnyhow(options);
  } catch (error) {
    const doing = `cannot connect to ${formatAddress(options.to)}`;
    const blamed = blameSelf(error as NetError, doing);
    throw blamed.code === "ECONNREFUSED"
      ? await reachable(options, blamed, doing, performance.now() - started)
      : blamed;
  }
}

/** Bun says of any failure to reach a host that it refused. */
async function reachable({ to }: ConnectOptions, refused: NetError, doing: string, spent: number): Promise<NetError> {
  if ("path" in to) return refused;
  const code = await connectCode(await resolveHost(to.host, doing), to.port, spent);
  return code === null ? refused : netError(code, doing, refused.cause);
}

async function connectAnyhow(options: ConnectOptions): Promise<Connection> {
  const { to } = options;
  if (options.tls !== undefined || options.from !== undefined) return node.connect(options);
  if ("path" in to) return connectNow(options, { unix: to.path }, to.path);
  const key = `${to.host} ${to.port}`;
  if (answering.has(key)) return connectNow(options, { hostname: to.host, port: to.port }, key);
  const connection = await node.connect(options);
  if (answering.size >= ANSWERING_LIMIT) answering.clear();
  answering.add(key);
  return connection;
}

function connectNow(options: ConnectOptions, target: object, key: string): Promise<Connection> {
  return attempt(options, (resolve, reject) => {
    const socket = {
      ...HANDLERS,
      open(socket: BunSocket): void {
        if (options.signal?.aborted) socket.terminate();
        else resolve(prepare(socket, options));
      },
      connectError: (_socket: BunSocket, error: Error) => reject(error),
    };
    const connecting = { ...target, allowHalfOpen: true, socket };
    // Its promise repeats what connectError has said.
    Bun.connect(connecting as unknown as Bun.TCPSocketConnectOptions<BunConnection>).catch(() => undefined);
    return () => answering.delete(key);
  });
}

export const runtime: Runtime = {
  name: "bun",
  version: Bun.version,
  can,
  listen,
  listenOn,
  connect,
  lookForGarbage,
  relay: (a, b, progress) => pushRelay(a as BunConnection, b as BunConnection, progress),
};
