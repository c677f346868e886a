/** The machines on the other side: targets that listen, and clients that connect. */
import { AF_INET, AF_INET6 } from "../../../../src/engines/linux/sys/abi.ts";
import { encodePath } from "../../../../src/engines/linux/sys/sockaddr.ts";
import type { SimulatedKernel } from "../kernel.ts";
import { isV4, type SocketAddress } from "../tcp/addresses.ts";
import { ListenQueue } from "../tcp/listen-queue.ts";
import type { Listener } from "../tcp/network.ts";
import { TcpSocket } from "../tcp/socket.ts";
import { UnixSocket } from "../unix-socket.ts";
import { Peer } from "./peer.ts";

export type Serve = (peer: Peer) => void;

export interface TargetOptions {
  readonly backlog?: number;
  /** Bytes; as of the kernel if not said. */
  readonly sendBuffer?: number;
  readonly receiveBuffer?: number;
}

/** A server: what it accepts goes to its handler. */
export class Target {
  readonly name: string;
  readonly address: SocketAddress;
  readonly accepted: Peer[] = [];
  /** Between a connection that stands in the queue and its accept. */
  acceptDelay: () => number = () => 0;
  readonly #kernel: SimulatedKernel;
  readonly #queue: ListenQueue;
  readonly #listener: Listener;
  #serve: Serve;
  #accepting = true;
  #scheduled = false;

  constructor(kernel: SimulatedKernel, name: string, address: SocketAddress, serve: Serve, options: TargetOptions) {
    this.name = name;
    this.address = address;
    this.#kernel = kernel;
    this.#serve = serve;
    this.#queue = new ListenQueue(options.backlog ?? 511, () => this.#wake());
    const socketOptions = kernel.newOptions(options.sendBuffer, options.receiveBuffer);
    this.#listener = { address, queue: this.#queue, options: socketOptions, v6Only: true };
    kernel.network.listen(this.#listener);
  }

  /** Connections wait in its queue, then nobody answers any more. */
  stopAccepting(): void {
    this.#accepting = false;
  }

  startAccepting(): void {
    this.#accepting = true;
    this.#wake();
  }

  /** Connections are served by something else from now on. */
  serve(serve: Serve): void {
    this.#serve = serve;
  }

  /** It listens no more: further connections are refused, those in the queue are reset. */
  close(): void {
    this.#kernel.network.unlisten(this.#listener);
    this.#queue.close();
  }

  #wake(): void {
    if (this.#scheduled || !this.#accepting) return;
    this.#scheduled = true;
    this.#kernel.clock.schedule(this.acceptDelay(), () => {
      this.#scheduled = false;
      if (this.#accepting) this.#accept();
    });
  }

  #accept(): void {
    const incoming = this.#queue.shift();
    if (incoming === undefined) return;
    const family = isV4(this.address.host) ? AF_INET : AF_INET6;
    const socket = new TcpSocket(this.#kernel.network, family, incoming.endpoint.options, incoming);
    const peer = new Peer(`${this.name}#${this.accepted.length}`, socket, this.#kernel.clock, true);
    this.accepted.push(peer);
    this.#serve(peer);
    if (this.#queue.length > 0) this.#wake();
  }
}

export class Internet {
  readonly #kernel: SimulatedKernel;
  #nextPort = 1024;
  readonly clients: Peer[] = [];
  readonly targets: Target[] = [];

  constructor(kernel: SimulatedKernel) {
    this.#kernel = kernel;
  }

  target(name: string, address: SocketAddress, serve: Serve, options: TargetOptions = {}): Target {
    const target = new Target(this.#kernel, name, address, serve, options);
    this.targets.push(target);
    return target;
  }

  /** A target on a Unix socket; returns those it has accepted. */
  unixTarget(name: string, path: string, serve: Serve): Peer[] {
    const kernel = this.#kernel;
    const accepted: Peer[] = [];
    const listener = new UnixSocket(kernel.unix, kernel.clock, kernel.sendBuffer);
    const sockaddr = new Uint8Array(110);
    listener.bind(sockaddr.subarray(0, encodePath(path, sockaddr)));
    listener.listen(511);
    const accept = () => {
      for (let socket = listener.accept(); typeof socket !== "number"; socket = listener.accept()) {
        const peer = new Peer(`${name}#${accepted.length}`, socket, kernel.clock, true);
        accepted.push(peer);
        serve(peer);
      }
    };
    listener.watch({ onWake: () => kernel.clock.schedule(0, accept) });
    return accepted;
  }

  /** Connects to the machine. The handshake goes on as the clock moves. */
  client(to: SocketAddress, host = "198.51.100.1", options: TargetOptions = {}): Peer {
    const { network, clock } = this.#kernel;
    this.#nextPort = this.#nextPort === 65_535 ? 1024 : this.#nextPort + 1;
    const from = { host, port: this.#nextPort };
    const socketOptions = this.#kernel.newOptions(options.sendBuffer, options.receiveBuffer);
    const socket = TcpSocket.dial(network, socketOptions, from, to);
    const peer = new Peer(`client ${host}:${from.port}`, socket, clock, false);
    this.clients.push(peer);
    return peer;
  }
}
