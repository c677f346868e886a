import { formatAddress, plainHost } from "../../util/address.ts";
import { attempt, NO_ADDRESS } from "../adapter.ts";
import { type NetCode, type NetError, netError } from "../net-error.ts";
import { relay } from "../relay.ts";
import {
  type AcceptOptions,
  type Address,
  type Capabilities,
  type Connection,
  type ConnectOptions,
  DEFAULT_BACKLOG,
  type ListenAddress,
  type Listener,
  type ListenOptions,
  type OnConnection,
  type Runtime,
  type TcpAddress,
} from "../runtime.ts";
import { MemoryConnection } from "./connection.ts";
import { MemoryListener } from "./listener.ts";

const can: Capabilities = {
  reset: true,
  unix: true,
  inherit: false,
  tls: false,
  closeNotify: false,
  backlog: true,
  sharePort: false,
  localAddress: false,
  cancel: true,
  reportsAccept: true,
  seesReset: true,
  seesDelivery: true,
  keepAliveTime: true,
  readAhead: 0,
};

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
 * world by itself. No TLS. Paths of Unix sockets are names in it, and no files.
 */
export class MemoryNetwork implements Runtime {
  readonly name = "memory";
  readonly version = "1";
  readonly can = can;
  /** Asked at each attempt to connect over TCP; a fault applies to that attempt alone. */
  connectFault: ((to: TcpAddress) => ConnectFault | undefined) | null = null;
  /** Asked before each accept; a code goes to the listener's `onError`, and the connection stays in the backlog for a later try. */
  acceptFault: ((listener: Address) => NetCode | undefined) | null = null;
  /** Names that resolve; any other fails with ENOTFOUND. */
  readonly names = new Map<string, string>(Object.entries(NAMES));
  /** Ends of connections whose owner has not closed or aborted them: 0 after a test that leaks nothing. */
  open = 0;

  readonly #window: number;
  readonly #chunk: number;
  readonly #listeners = new Set<MemoryListener<Address>>();
  #lastPort = FIRST_FREE_PORT;

  constructor(options: MemoryOptions = {}) {
    this.#window = options.window ?? DEFAULT_WINDOW;
    this.#chunk = options.chunk ?? this.#window;
  }

  async listen(
    options: ListenOptions,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ): Promise<Listener> {
    const doing = `cannot listen on ${formatAddress({ host: options.host ?? "", port: options.port })}`;
    if (options.tls !== undefined) throw netError("EINVAL", `${doing} with TLS in memory`);
    const host = options.host ? this.#resolve(options.host, doing) : "::";
    const port = options.port === 0 ? this.#freePort() : options.port;
    return this.#listen({ host, port }, options, doing, onConnection, onError);
  }

  async listenOn(
    where: ListenAddress,
    options: AcceptOptions,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ): Promise<Listener<Address>> {
    if ("host" in where) return this.listen({ ...options, ...where }, onConnection, onError);
    const doing = `cannot listen on ${formatAddress(where)}`;
    if ("fd" in where) throw netError("EINVAL", `${doing} in memory`);
    return this.#listen<Address>({ path: where.path }, options, doing, onConnection, onError);
  }

  #listen<A extends Address>(
    address: A,
    { backlog = DEFAULT_BACKLOG }: AcceptOptions,
    doing: string,
    onConnection: OnConnection,
    onError?: (error: NetError) => void,
  ): MemoryListener<A> {
    for (const other of this.#listeners) {
      if (other.overlaps(address)) throw netError("EADDRINUSE", doing);
    }
    const listener = new MemoryListener(address, backlog, onConnection, {
      fault: () => this.acceptFault?.(address),
      onError: (error) => onError?.(error),
      onClose: () => this.#listeners.delete(listener),
    });
    this.#listeners.add(listener);
    return listener;
  }

  connect(options: ConnectOptions): Promise<Connection> {
    return this.#connect(null, options);
  }

  /** The network as a machine with this address sees it, so that listeners can tell clients apart. */
  from(host: string): Runtime {
    return {
      name: this.name,
      version: this.version,
      can,
      listen: (...args) => this.listen(...args),
      listenOn: (...args) => this.listenOn(...args),
      connect: (options) => this.#connect(host, options),
      relay,
    };
  }

  /** From the address that is connected to, where `host` is null. */
  #connect(host: string | null, options: ConnectOptions): Promise<Connection> {
    return attempt(options, (resolve, reject) => {
      this.#attempt(host, options).then((connection) => {
        if (options.signal?.aborted) connection.abort();
        else resolve(connection);
      }, reject);
      return () => undefined; // #attempt() looks at the signal
    });
  }

  relay = relay;

  async #attempt(from: string | null, options: ConnectOptions): Promise<MemoryConnection> {
    await Promise.resolve(); // as on every network, nothing happens before the caller goes on
    const doing = `cannot connect to ${formatAddress(options.to)}`;
    if (options.tls !== undefined) throw netError("EINVAL", `${doing} in memory`);
    const isUnix = "path" in options.to;
    const to = isUnix ? options.to : { host: this.#resolve(options.to.host, doing), port: options.to.port };
    const fault = "path" in to ? undefined : this.connectFault?.(to);
    if (fault === "blackhole") return new Promise(() => {});
    if (fault !== undefined && fault !== "reset") throw netError(fault, doing);
    const listener = [...this.#listeners].find((one) => one.accepts(to));
    if (listener === undefined) throw netError(isUnix ? "ENOENT" : "ECONNREFUSED", doing);
    await listener.room(options.signal, doing);
    const [local, remote] =
      "path" in to ? [NO_ADDRESS, NO_ADDRESS] : [{ host: plainHost(from ?? to.host), port: this.#freePort() }, to];
    const [client, server] = MemoryConnection.pair(local, remote, this.#window, this.#chunk, () => {
      this.open -= 1;
    });
    this.open += 2;
    if (fault === "reset") server.abort();
    else listener.enqueue(server);
    return client;
  }

  #resolve(host: string, doing: string): string {
    if (/^[\d.]+$/.test(host) || host.includes(":")) return plainHost(host);
    const address = this.names.get(host);
    if (address === undefined) throw netError("ENOTFOUND", doing);
    return address;
  }

  #freePort(): number {
    do {
      this.#lastPort = this.#lastPort >= 65535 ? FIRST_FREE_PORT : this.#lastPort + 1;
    } while ([...this.#listeners].some(({ address }) => "port" in address && address.port === this.#lastPort));
    return this.#lastPort;
  }
}
