/** The sockets of a simulated machine as a `Runtime`: what tests of this machine's sockets do works on simulated ones, too. */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { failureOf } from "../../../../src/engines/linux/sys/errno.ts";
import { encodeLiteral, encodePath } from "../../../../src/engines/linux/sys/sockaddr.ts";
import { attempt, bindEveryInterface, handOver } from "../../../../src/net/adapter.ts";
import { netError } from "../../../../src/net/net-error.ts";
import { relay } from "../../../../src/net/relay.ts";
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
} from "../../../../src/net/runtime.ts";
import { formatAddress } from "../../../../src/util/address.ts";
import type { Socket } from "../file.ts";
import type { SimulatedKernel } from "../kernel.ts";
import { putInt } from "../memory.ts";
import { CLOSED } from "../tcp/endpoint.ts";
import { TcpSocket } from "../tcp/socket.ts";
import { UnixSocket } from "../unix-socket.ts";
import { addressOf, SimulatedConnection } from "./connection.ts";

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
  reportsAccept: false, // its sockets are not in the table of descriptors, so none is ever missing
  seesReset: true,
  seesDelivery: true,
  keepAliveTime: false, // nobody asks for another one here
  readAhead: 0,
};

export class SimulatedRuntime implements Runtime {
  readonly name = "memory";
  readonly version = "of the simulated kernel";
  readonly can = can;
  readonly relay = relay;
  readonly #kernel: SimulatedKernel;

  constructor(kernel: SimulatedKernel) {
    this.#kernel = kernel;
  }

  async listen({ host = "", port, backlog, tls }: ListenOptions, onConnection: OnConnection): Promise<Listener> {
    const doing = `cannot listen on ${formatAddress({ host, port })}`;
    if (tls !== undefined) throw netError("EINVAL", `${doing} with TLS in a simulation`);
    const bind = (literal: string) => this.#bind(literal, port, doing);
    const socket = host === "" ? bindEveryInterface(bind) : bind(host);
    socket.listen(backlog ?? DEFAULT_BACKLOG);
    this.#accept(socket, (connection) => handOver(connection, onConnection));
    const address = addressOf(socket.localName());
    let open = true;
    return {
      address,
      async close() {
        if (open) socket.release();
        open = false;
      },
    };
  }

  async listenOn(where: ListenAddress, options: AcceptOptions, onConnection: OnConnection): Promise<Listener<Address>> {
    if ("host" in where) return this.listen({ ...options, ...where }, onConnection);
    if ("fd" in where) throw netError("EINVAL", `cannot listen on ${formatAddress(where)} in a simulation`);
    let end: (() => void) | null = this.listenAt(where.path, onConnection);
    return {
      address: { path: where.path },
      async close() {
        end?.();
        end = null;
      },
    };
  }

  /** Serves a Unix socket at a path. Returns how to end it. */
  listenAt(path: string, onConnection: OnConnection): () => void {
    const kernel = this.#kernel;
    const socket = new UnixSocket(kernel.unix, kernel.clock, kernel.sendBuffer);
    check(socket.bind(sockaddrOf({ path })), `cannot listen on ${path}`);
    socket.listen(DEFAULT_BACKLOG);
    this.#accept(socket, onConnection);
    return () => {
      socket.release();
      kernel.unix.unlink(path);
    };
  }

  connect(options: ConnectOptions): Promise<Connection> {
    return attempt(options, (resolve, reject) => {
      const { to, tls } = options;
      const doing = `cannot connect to ${formatAddress(to)}`;
      if (tls !== undefined) throw netError("EINVAL", `${doing} with TLS in a simulation`);
      const socket = this.#socketTo(to);
      let done = false;
      const look = (): void => {
        if (done) return;
        const events = socket.poll();
        if ((events & (abi.EPOLLOUT | abi.EPOLLERR)) === 0) return;
        done = true;
        socket.unwatch(watcher);
        const errno = pendingError(socket);
        if (errno === 0) {
          resolve(new SimulatedConnection(socket, this.#kernel.clock));
        } else {
          socket.release();
          reject(failureOf(errno, doing));
        }
      };
      const watcher = { onWake: () => void this.#kernel.clock.schedule(0, look) };
      socket.watch(watcher);
      const result = socket.connect(sockaddrOf(to));
      if (result < 0 && result !== -abi.EINPROGRESS) {
        done = true;
        socket.release();
        throw failureOf(-result, doing);
      }
      watcher.onWake();
      return () => {
        if (done) return;
        done = true;
        socket.release();
      };
    });
  }

  #bind(host: string, port: number, doing: string): TcpSocket {
    const socket = this.#tcp(host);
    setInt(socket, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    check(socket.bind(sockaddrOf({ host, port })), doing);
    return socket;
  }

  #accept(socket: Socket, onConnection: OnConnection): void {
    const { clock } = this.#kernel;
    const accept = (): void => {
      for (let next = socket.accept(); typeof next !== "number"; next = socket.accept()) {
        // As getpeername() has it, a peer that has reset its connection has no address.
        if (next instanceof TcpSocket && next.endpoint.state === CLOSED) next.release();
        else onConnection(new SimulatedConnection(next, clock));
      }
    };
    socket.watch({ onWake: () => void clock.schedule(0, accept) });
  }

  #socketTo(to: Address): Socket {
    const { unix, clock, sendBuffer } = this.#kernel;
    return "path" in to ? new UnixSocket(unix, clock, sendBuffer) : this.#tcp(to.host);
  }

  #tcp(host: string): TcpSocket {
    const family = host.includes(":") ? abi.AF_INET6 : abi.AF_INET;
    const socket = new TcpSocket(this.#kernel.network, family, this.#kernel.newOptions());
    setInt(socket, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    return socket;
  }
}

function check(result: number, doing: string): void {
  if (result < 0) throw failureOf(-result, doing);
}

function setInt(socket: Socket, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(4);
  putInt(bytes, 0, value);
  socket.setOption(level, option, bytes);
}

function pendingError(socket: Socket): number {
  const into = new Uint8Array(4);
  socket.getOption(abi.SOL_SOCKET, abi.SO_ERROR, into);
  return into[0]!;
}

function sockaddrOf(address: Address): Uint8Array {
  const into = new Uint8Array(abi.SOCKADDR_MAX);
  const length = "path" in address ? encodePath(address.path, into) : encodeLiteral(address.host, address.port, into);
  return into.subarray(0, length);
}
