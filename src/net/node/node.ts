import * as net from "node:net";
import { handOver } from "../accept.ts";
import { plainHost, showAddress } from "../address.ts";
import { DEFAULT_BACKLOG, KEEPALIVE_IDLE } from "../defaults.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { HOLD_LIMIT } from "../push-connection.ts";
import { pushRelay } from "../push-relay.ts";
import { resolveHost } from "../resolve.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions, OnConnection, Runtime } from "../runtime.ts";
import { NodeConnection } from "./connection.ts";
import { createTlsServer, openTlsSocket } from "./tls.ts";

/** The one place that knows that this adapter also runs on what Bun and Deno make of Node's modules. */
const { bun, deno } = process.versions;

/** Node 20's own default, fixed here because newer ones read ahead four times as much. */
const HIGH_WATER_MARK = 16 * 1024;
/** What libuv reads at once. */
const CHUNK = 64 * 1024;

const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEPALIVE_IDLE,
  highWaterMark: HIGH_WATER_MARK,
} as const;

function createServer(options: ListenOptions, onConnection: OnConnection): net.Server {
  if (options.tls === undefined) {
    return net.createServer(SOCKET_OPTIONS, (socket) => {
      if (deno !== undefined) socket.setKeepAlive(true, KEEPALIVE_IDLE); // 2.9.6 ignores the servers' option
      handOver(new NodeConnection(socket, true), onConnection);
    });
  }
  return createTlsServer(options, SOCKET_OPTIONS, (socket) =>
    handOver(new NodeConnection(socket, false), onConnection),
  );
}

async function listen(
  options: ListenOptions,
  onConnection: OnConnection,
  onError?: (error: NetError) => void,
): Promise<Listener> {
  const host = options.host ?? "";
  const doing = `cannot listen on ${showAddress({ host, port: options.port })}`;
  try {
    const address = host === "" ? {} : { host: await resolveHost(host, doing) };
    const server = createServer(options, onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const backlog = options.backlog ?? DEFAULT_BACKLOG;
      // Without a host Node itself takes :: for both families, and 0.0.0.0 where there is no IPv6.
      server.listen({ ...address, port: options.port, backlog }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => onError?.(toNetError(error, "cannot accept a connection")));
    return new NodeListener(server);
  } catch (error) {
    const native = toNetError(error, doing);
    // Deno 2.9.6 says EINVAL when the address belongs to another host; what is invalid is refused before it gets there.
    throw deno !== undefined && native.code === "EINVAL" ? netError("EADDRNOTAVAIL", doing, error) : native;
  }
}

class NodeListener implements Listener {
  readonly address: { host: string; port: number };
  private readonly server: net.Server;

  constructor(server: net.Server) {
    const { address, port } = server.address() as net.AddressInfo;
    this.address = { host: plainHost(address), port };
    this.server = server;
  }

  close(): Promise<void> {
    // The callback would wait for every connection to end; the port is free as soon as close() returns.
    if (this.server.listening) this.server.close();
    return Promise.resolve();
  }
}

function openSocket(options: ConnectOptions): net.Socket {
  if (options.tls !== undefined) return openTlsSocket(options, SOCKET_OPTIONS);
  const { to } = options;
  return net.connect({ ...SOCKET_OPTIONS, ...("path" in to ? { path: to.path } : { host: to.host, port: to.port }) });
}

function connect(options: ConnectOptions): Promise<Connection> {
  const { to, signal } = options;
  const doing = (): string => `cannot connect to ${showAddress(to)}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(netError("EABORTED", doing()));
    let socket: net.Socket;
    try {
      socket = openSocket(options);
    } catch (error) {
      return reject(toNetError(error, doing())); // a port out of range, an unreadable certificate
    }
    const event = options.tls === undefined ? "connect" : "secureConnect";
    const onConnect = (): void => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      socket.off("close", onEarlyClose);
      resolve(new NodeConnection(socket, options.tls === undefined && !("path" in to)));
    };
    const onError = (error: Error): void => {
      signal?.removeEventListener("abort", onAbort);
      reject(toNetError(error, doing()));
    };
    const onEarlyClose = (): void => onError(netError("ECONNRESET", doing()));
    const onAbort = (): void => {
      socket.destroy();
      reject(netError("EABORTED", doing(), signal?.reason));
    };
    socket.once(event, onConnect);
    socket.on("error", onError);
    socket.once("close", onEarlyClose);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Sockets over `node:net` and `node:tls`. Also runs on the versions of those modules that Bun and Deno have. */
export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  can: {
    reset: true,
    unix: true,
    tls: deno === undefined, // 2.9.6: a paused TLSSocket loses its "end"; deno.ts connects in its own way
    closeNotify: deno === undefined,
    backlog: bun === undefined, // 1.4.5: always 512
    cancel: true,
    reportsAccept: false,
    seesReset: true,
    // What is held, a stream buffer just short of its mark, and the chunk that overfills each.
    readAhead: HOLD_LIMIT + CHUNK + HIGH_WATER_MARK + CHUNK,
  },
  listen,
  connect,
  relay: (a, b, progress) => pushRelay(a as NodeConnection, b as NodeConnection, progress),
};
