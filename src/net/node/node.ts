/** Sockets over `node:net` and `node:tls`. Also runs on what Bun and Deno make of these modules. */
import * as net from "node:net";
import type { Server as TlsServer } from "node:tls";
import { formatAddress, plainHost } from "../../util/address.ts";
import { attempt, handOver } from "../adapter.ts";
import { inheritedPath, notInherited, takeInherited } from "../inherited.ts";
import { idleBeforeProbes, keepAliveNow } from "../keepalive.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { READ_BUFFER_LIMIT } from "../push-connection.ts";
import { pushRelay } from "../push-relay.ts";
import { resolveHost } from "../resolve.ts";
import {
  type AcceptOptions,
  type Address,
  type Capabilities,
  type Connection,
  type ConnectOptions,
  DEFAULT_BACKLOG,
  type InheritedAddress,
  type Listener,
  type ListenOptions,
  type OnConnection,
  type Runtime,
  type TcpAddress,
  type TlsCertificate,
} from "../runtime.ts";
import { listenAtPath } from "../socket-file.ts";
import { NodeConnection } from "./connection.ts";
import { isOlderDeno } from "./older-deno.ts";
import { createTlsServer, openTlsSocket, renewCertificate } from "./tls.ts";

/** Windows has named pipes in their place. */
const isPosix = process.platform !== "win32";

/** Set where Bun or Deno run this adapter. Nothing else in it may ask for the runtime. */
const { bun, deno } = process.versions;

/** Node 20's own default, fixed here because newer ones read ahead four times as much. */
const HIGH_WATER_MARK = 16 * 1024;
/** What libuv reads at once. */
const CHUNK = 64 * 1024;

const can: Capabilities = {
  reset: !isOlderDeno,
  unix: isPosix,
  inherit: isPosix && !isOlderDeno, // which refuses descriptors
  tls: deno === undefined, // 2.9.6: a paused TLSSocket loses its "end"; deno.ts connects over Deno.startTls()
  closeNotify: deno === undefined,
  backlog: bun === undefined, // 1.4.5: always 512
  sharePort:
    process.platform === "linux" && !isOlderDeno && (bun !== undefined || deno !== undefined || isNodeFrom(22, 12)),
  localAddress: !isOlderDeno,
  cancel: true,
  reportsAccept: false,
  seesReset: true,
  seesDelivery: false,
  keepAliveTime: deno === undefined,
  // What is held, a stream buffer just short of its mark, and the chunk that overfills each.
  readAhead: READ_BUFFER_LIMIT + CHUNK + HIGH_WATER_MARK + CHUNK,
};

/** 23.0 lacks what 22.12 has. */
function isNodeFrom(major: number, minor: number): boolean {
  const [ours, itsMinor] = process.versions.node.split(".").map(Number) as [number, number];
  return ours > major + 1 || (ours === major && itsMinor >= minor) || (ours === major + 1 && itsMinor >= 1);
}

export function socketOptions(options: Pick<AcceptOptions, "keepAlive">) {
  const keepAlive = keepAliveNow(options.keepAlive);
  return {
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: keepAlive > 0,
    keepAliveInitialDelay: idleBeforeProbes(keepAlive),
    highWaterMark: HIGH_WATER_MARK,
  } as const;
}

async function listen(
  options: ListenOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener> {
  const { host = "", port, backlog = DEFAULT_BACKLOG } = options;
  const doing = `cannot listen on ${formatAddress({ host, port })}`;
  try {
    const address = host === "" ? {} : { host: await resolveHost(host, doing) };
    const server = createServer(options, onConnection);
    // Without a host Node itself takes :: for both families, and 0.0.0.0 where there is no IPv6.
    await begin(server, { ...address, port, backlog, reusePort: options.sharePort === true }, onError);
    return new NodeListener(server, options.tls !== undefined);
  } catch (error) {
    const native = toNetError(error, doing);
    // Deno 2.9.6 says EINVAL when the address belongs to another host; what is invalid is refused before it gets there.
    throw deno !== undefined && native.code === "EINVAL" ? netError("EADDRNOTAVAIL", doing, error) : native;
  }
}

async function begin(server: net.Server, where: net.ListenOptions, onError?: (error: NetError) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => onError?.(toNetError(error, "cannot accept a connection")));
}

function createServer(options: ListenOptions, onConnection: OnConnection): net.Server {
  const settings = socketOptions(options);
  if (options.tls === undefined) return createPlainServer(options, onConnection, () => false);
  return createTlsServer(options, settings, (socket) => handOver(new NodeConnection(socket, false), onConnection));
}

/** `isUnix` is asked at each connection: peers at a Unix socket have no address, whether or not they are still there. */
function createPlainServer(options: AcceptOptions, onConnection: OnConnection, isUnix: () => boolean): net.Server {
  const atFirst = keepAliveNow(options.keepAlive);
  return net.createServer(socketOptions(options), (socket) => {
    if (isUnix()) return onConnection(new NodeConnection(socket, false));
    const keepAlive = keepAliveNow(options.keepAlive);
    // Deno 2.9.6 ignores the servers' option.
    if (deno !== undefined || keepAlive !== atFirst) socket.setKeepAlive(keepAlive > 0, idleBeforeProbes(keepAlive));
    handOver(new NodeConnection(socket, true), onConnection);
  });
}

const listenOn: Runtime["listenOn"] = async (where, options, onConnection, onError) => {
  if ("host" in where) return listen({ ...options, ...where }, onConnection, onError);
  if ("fd" in where) return listenOnInherited(where, options, onConnection, onError);
  const { backlog = DEFAULT_BACKLOG } = options;
  return listenAtPath(where, async (path) => {
    const server = createPlainServer(options, onConnection, () => true);
    await begin(server, { path, backlog }, onError);
    return closing(server);
  });
};

async function listenOnInherited(
  where: InheritedAddress,
  options: AcceptOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener<Address>> {
  const { fd } = where;
  const inherited = takeInherited(fd);
  let address: Address = { path: "" };
  try {
    const server = createPlainServer(options, onConnection, () => "path" in address);
    await begin(server, { fd, backlog: options.backlog ?? DEFAULT_BACKLOG } as net.ListenOptions, onError);
    address = addressOf(server) ?? { path: inheritedPath(fd) };
    const close = (): Promise<void> => {
      inherited.spend();
      return closing(server).close();
    };
    return { address, close };
  } catch (error) {
    inherited.giveBack();
    throw notInherited(error, where);
  }
}

/** Null where it is a Unix socket: runtimes differ in what they say then. */
function addressOf(server: net.Server): TcpAddress | null {
  const { address, port } = (server.address() ?? {}) as Partial<net.AddressInfo>;
  return address === undefined || port === undefined ? null : { host: plainHost(address), port };
}

class NodeListener implements Listener {
  readonly address: TcpAddress;
  readonly renew?: (certificate: TlsCertificate) => void;
  readonly #server: net.Server;

  constructor(server: net.Server, isTls: boolean) {
    this.address = addressOf(server)!;
    this.#server = server;
    if (isTls) this.renew = (certificate) => renewCertificate(server as TlsServer, certificate);
  }

  close(): Promise<void> {
    return closing(this.#server).close();
  }
}

function closing(server: net.Server): Pick<Listener, "close"> {
  return {
    // The callback would wait for every connection to end; the port is free as soon as close() returns.
    close() {
      if (server.listening) server.close();
      return Promise.resolve();
    },
  };
}

async function connect(options: ConnectOptions): Promise<Connection> {
  try {
    return await connectOnce(options);
  } catch (error) {
    const native = toNetError(error, `cannot connect to ${formatAddress(options.to)}`);
    // Runtimes differ in what they say of an address to connect from.
    if (options.from === undefined || (native.code !== "EINVAL" && native.code !== "EADDRINUSE")) throw error;
    throw netError("EADDRNOTAVAIL", `cannot connect to ${formatAddress(options.to)} from ${options.from}`, error);
  }
}

function connectOnce(options: ConnectOptions): Promise<Connection> {
  const { to, tls } = options;
  return attempt(options, (resolve, reject) => {
    const socket = openSocket(options);
    const onEarlyClose = (): void => reject(netError("ECONNRESET", `cannot connect to ${formatAddress(to)}`));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      socket.off("error", reject);
      socket.off("close", onEarlyClose);
      // Deno 2.9.5: a TLSSocket that is paused when the peer's FIN comes never tells of it.
      const pausable = deno === undefined || tls === undefined;
      resolve(new NodeConnection(socket, tls === undefined && !("path" in to), pausable));
    });
    socket.on("error", reject);
    socket.once("close", onEarlyClose);
    return () => socket.destroy();
  });
}

function openSocket(options: ConnectOptions): net.Socket {
  if (options.tls !== undefined) return openTlsSocket(options, socketOptions(options));
  return net.connect({ ...socketOptions(options), ...options.to, ...(options.from && { localAddress: options.from }) });
}

export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  can,
  listen,
  listenOn,
  connect,
  relay: (a, b, progress) => pushRelay(a as NodeConnection, b as NodeConnection, progress),
};
