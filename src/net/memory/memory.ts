import { plainHost, showAddress } from "../address.ts";
import { ACCEPT_BACKOFF, DEFAULT_BACKLOG } from "../defaults.ts";
import { type NetCode, type NetError, netError } from "../net-error.ts";
import { relay } from "../relay.ts";
import type {
  Capabilities,
  Connection,
  ConnectOptions,
  Listener,
  ListenOptions,
  OnConnection,
  Runtime,
  TcpAddress,
} from "../runtime.ts";
import { MemoryConnection } from "./connection.ts";

/**
 * What becomes of a connection attempt: it fails with a code, is never answered ("blackhole": only its signal ends it),
 * or succeeds and is reset before the first byte ("reset").
 */
export type ConnectFault = NetCode | "blackhole" | "reset";

export interface MemoryOptions {
  /** Bytes under way per direction before a write waits. Default 64 KiB. */
  readonly window?: number;
  /** Bytes that one read gives at most: small values find code that relies on message borders. Default: the window. */
  readonly chunk?: number;
}

const DEFAULT_WINDOW = 64 * 1024;
/** Where port 0 begins to look: the ephemeral range of Linux. */
const FIRST_FREE_PORT = 32768;
const NAMES = { localhost: "127.0.0.1" };

/**
 * A network inside the process, for tests: strict backpressure, no time of its own, and faults on demand. Each one is a
 * world by itself. No TLS, no Unix sockets.
 */
export class MemoryNetwork implements Runtime {
  readonly name = "memory";
  readonly version = "1";
  readonly can: Capabilities;
  /** Asked at each attempt to connect; a fault applies to that attempt alone. */
  connectFault: ((to: TcpAddress) => ConnectFault | undefined) | null = null;
  /** Asked before each accept; a code goes to the listener's `onError`, and the connection stays in the backlog for a later try. */
  acceptFault: ((listener: TcpAddress) => NetCode | undefined) | null = null;
  /** Names that resolve; any other fails with ENOTFOUND. */
  readonly names = new Map<string, string>(Object.entries(NAMES));
  /** Ends of connections whose owner has not closed or aborted them: 0 after a test that leaks nothing. */
  open = 0;

  private readonly window: number;
  private readonly chunk: number;
  private readonly listeners = new Set<MemoryListener>();
  private lastPort = FIRST_FREE_PORT;

  constructor(options: MemoryOptions = {}) {
    this.window = options.window ?? DEFAULT_WINDOW;
    this.chunk = options.chunk ?? this.window;
    this.can = {
      reset: true,
      unix: false,
      tls: false,
      closeNotify: false,
      backlog: true,
      cancel: true,
      reportsAccept: true,
      seesReset: true,
      readAhead: 0,
    };
  }

  async listen(
    options: ListenOptions,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ): Promise<Listener> {
    const doing = `cannot listen on ${showAddress({ host: options.host ?? "", port: options.port })}`;
    if (options.tls !== undefined) throw netError("EINVAL", `${doing} with TLS in memory`);
    const host = options.host ? this.resolve(options.host, doing) : "::";
    const port = options.port === 0 ? this.freePort() : options.port;
    for (const other of this.listeners) {
      if (other.overlaps(host, port)) throw netError("EADDRINUSE", doing);
    }
    const backlog = options.backlog ?? DEFAULT_BACKLOG;
    const listener = new MemoryListener(this, { host, port }, backlog, onConnection, onError);
    this.listeners.add(listener);
    return listener;
  }

  connect(options: ConnectOptions): Promise<Connection> {
    return this.connectFrom(null, options);
  }

  /** `connect()` from an address of one's choice: clients that the listener can tell apart. null: from the address connected to. */
  connectFrom(host: string | null, options: ConnectOptions): Promise<Connection> {
    const { to, signal } = options;
    const doing = `cannot connect to ${showAddress(to)}`;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(netError("EABORTED", doing));
      const onAbort = (): void => reject(netError("EABORTED", doing, signal?.reason));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.attempt(host, options, doing).then(
        (connection) => {
          signal?.removeEventListener("abort", onAbort);
          if (signal?.aborted) connection.abort();
          else resolve(connection);
        },
        (error: NetError) => {
          signal?.removeEventListener("abort", onAbort);
          reject(error);
        },
      );
    });
  }

  relay = relay;

  /** @internal */
  forget(listener: MemoryListener): void {
    this.listeners.delete(listener);
  }

  private async attempt(from: string | null, options: ConnectOptions, doing: string): Promise<MemoryConnection> {
    await Promise.resolve(); // as on every network, nothing happens before the caller goes on
    if ("path" in options.to || options.tls !== undefined) throw netError("EINVAL", `${doing} in memory`);
    const to = { host: this.resolve(options.to.host, doing), port: options.to.port };
    const fault = this.connectFault?.(to);
    if (fault === "blackhole") return new Promise(() => {});
    if (fault !== undefined && fault !== "reset") throw netError(fault, doing);
    const listener = [...this.listeners].find((one) => one.accepts(to));
    if (listener === undefined) throw netError("ECONNREFUSED", doing);
    await listener.room(options.signal, doing);
    const local = { host: plainHost(from ?? to.host), port: this.freePort() };
    const [client, server] = MemoryConnection.pair(local, to, this.window, this.chunk, () => {
      this.open -= 1;
    });
    this.open += 2;
    if (fault === "reset") server.abort();
    else listener.enqueue(server);
    return client;
  }

  private resolve(host: string, doing: string): string {
    if (/^[\d.]+$/.test(host) || host.includes(":")) return plainHost(host);
    const address = this.names.get(host);
    if (address === undefined) throw netError("ENOTFOUND", doing);
    return address;
  }

  private freePort(): number {
    do {
      this.lastPort = this.lastPort >= 65535 ? FIRST_FREE_PORT : this.lastPort + 1;
    } while ([...this.listeners].some((one) => one.address.port === this.lastPort));
    return this.lastPort;
  }
}

class MemoryListener implements Listener {
  readonly address: TcpAddress;
  private readonly network: MemoryNetwork;
  private readonly backlog: number;
  private readonly onConnection: OnConnection;
  private readonly onError: ((error: NetError) => void) | undefined;
  private readonly pending: MemoryConnection[] = [];
  private waiters: (() => void)[] = [];
  private retry: ReturnType<typeof setTimeout> | null = null;
  private closed = false;

  constructor(
    network: MemoryNetwork,
    address: TcpAddress,
    backlog: number,
    onConnection: OnConnection,
    onError: ((error: NetError) => void) | undefined,
  ) {
    this.network = network;
    this.address = address;
    this.backlog = backlog;
    this.onConnection = onConnection;
    this.onError = onError;
  }

  overlaps(host: string, port: number): boolean {
    return (
      port === this.address.port && (host === this.address.host || isWildcard(host) || isWildcard(this.address.host))
    );
  }

  accepts(to: TcpAddress): boolean {
    return to.port === this.address.port && (isWildcard(this.address.host) || this.address.host === to.host);
  }

  /** Settles when the backlog has room; an attempt whose signal fires leaves none behind. */
  async room(signal: AbortSignal | undefined, doing: string): Promise<void> {
    while (!this.closed && this.pending.length >= this.backlog) {
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
    if (signal?.aborted) throw netError("EABORTED", doing);
    if (this.closed) throw netError("ECONNREFUSED", doing);
  }

  enqueue(connection: MemoryConnection): void {
    this.pending.push(connection);
    queueMicrotask(() => this.drain());
  }

  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.network.forget(this);
      if (this.retry !== null) clearTimeout(this.retry);
      for (const connection of this.pending.splice(0)) connection.abort();
      this.wake();
    }
    return Promise.resolve();
  }

  private drain(): void {
    if (this.retry !== null) return;
    while (this.pending.length > 0 && !this.closed) {
      const code = this.network.acceptFault?.(this.address);
      if (code !== undefined) {
        this.retry = setTimeout(() => {
          this.retry = null;
          this.drain();
        }, ACCEPT_BACKOFF);
        this.onError?.(netError(code, "cannot accept a connection"));
        return;
      }
      this.onConnection(this.pending.shift()!);
      this.wake();
    }
  }

  private wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const look of waiters) look();
  }
}

function isWildcard(host: string): boolean {
  return host === "::" || host === "0.0.0.0";
}

/** A new, empty network. */
export function memoryNetwork(options?: MemoryOptions): MemoryNetwork {
  return new MemoryNetwork(options);
}
