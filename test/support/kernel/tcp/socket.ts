/** The calls of a TCP socket. */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { Socket } from "../file.ts";
import { putInt, putMemory } from "../memory.ts";
import * as numbers from "../numbers.ts";
import { decode, encode, type SocketAddress } from "./addresses.ts";
import { CLOSED, Endpoint, SYN_SENT } from "./endpoint.ts";
import { type Incoming, ListenQueue } from "./listen-queue.ts";
import type { Binding, Listener, Network } from "./network.ts";
import type { Options } from "./options.ts";

const FRESH = 0;
const CONNECTING = 1;
const CONNECTED = 2;

export class TcpSocket extends Socket {
  readonly kind = "tcp";
  readonly family: number;
  readonly options: Options;
  readonly #network: Network;
  #endpoint: Endpoint;
  #binding: Binding | null = null;
  #listener: Listener | null = null;
  #local: SocketAddress | null = null;
  #remote: SocketAddress | null = null;
  #phase = FRESH;

  constructor(network: Network, family: number, options: Options, incoming?: Incoming) {
    super();
    this.#network = network;
    this.family = family;
    this.options = incoming?.endpoint.options ?? options;
    this.#endpoint = incoming?.endpoint ?? new Endpoint(network.clock, options, network.segmentBytes);
    this.#endpoint.onWake = (key) => this.wake(key);
    if (incoming === undefined) return;
    this.#local = incoming.local;
    this.#remote = incoming.remote;
    this.#phase = CONNECTED;
  }

  /** A connect from an address that nobody has to own: another machine's. */
  static dial(network: Network, options: Options, from: SocketAddress, to: SocketAddress): TcpSocket {
    const socket = new TcpSocket(network, from.host.includes(":") ? abi.AF_INET6 : abi.AF_INET, options);
    socket.#local = from;
    socket.#remote = to;
    socket.#phase = CONNECTING;
    network.connect(socket.#endpoint, from, to);
    return socket;
  }

  /** For tests that look beneath the calls. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  poll(): number {
    if (this.#listener !== null) return this.#listener.queue.length > 0 ? abi.EPOLLIN : 0;
    return this.#endpoint.poll();
  }

  release(): void {
    if (this.#listener !== null) {
      this.#network.unlisten(this.#listener);
      this.#listener.queue.close();
    } else {
      this.#endpoint.close();
    }
    if (this.#binding !== null) this.#network.unbind(this.#binding);
  }

  bind(address: Uint8Array): number {
    if (this.#binding !== null || this.#phase !== FRESH) return -abi.EINVAL;
    const wanted = decode(address, this.family);
    if (typeof wanted === "number") return wanted;
    const binding = this.#network.bind(wanted, this.options);
    if (typeof binding === "number") return binding;
    this.#binding = binding;
    this.#local = binding.address;
    return 0;
  }

  listen(backlog: number): number {
    if (this.#listener !== null) {
      this.#listener.queue.backlog = backlog;
      return 0;
    }
    if (this.#phase !== FRESH) return -abi.EINVAL;
    if (this.#binding === null) {
      const host = this.family === abi.AF_INET ? "0.0.0.0" : "::";
      const binding = this.#network.bind({ host, port: 0 }, this.options);
      if (typeof binding === "number") return binding;
      this.#binding = binding;
      this.#local = binding.address;
    }
    this.#binding.listening = true;
    this.#listener = {
      address: this.#binding.address,
      queue: new ListenQueue(backlog, (key) => this.wake(key)),
      options: this.options,
      v6Only: this.options.v6Only,
    };
    this.#network.listen(this.#listener);
    return 0;
  }

  accept(): Socket | number {
    if (this.#listener === null) return -abi.EINVAL;
    const incoming = this.#listener.queue.shift();
    return incoming === undefined ? -abi.EAGAIN : new TcpSocket(this.#network, this.family, this.options, incoming);
  }

  connect(address: Uint8Array): number {
    if (this.#listener !== null || this.#phase === CONNECTED) return -numbers.EISCONN;
    if (this.#phase === CONNECTING) return this.#connectAgain();
    const to = decode(address, this.family);
    if (typeof to === "number") return to;
    const from = this.#network.source(to, this.#local);
    if (typeof from === "number") return from;
    this.#local = from;
    this.#remote = to;
    this.#phase = CONNECTING;
    this.#network.connect(this.#endpoint, from, to);
    return -abi.EINPROGRESS;
  }

  #connectAgain(): number {
    const { state } = this.#endpoint;
    if (state === SYN_SENT) return -numbers.EALREADY;
    if (state === CLOSED) {
      const error = this.#endpoint.takeError() || abi.ECONNABORTED;
      this.#endpoint = new Endpoint(this.#network.clock, this.options, this.#network.segmentBytes);
      this.#endpoint.onWake = (key) => this.wake(key);
      this.#phase = FRESH;
      return -error;
    }
    this.#phase = CONNECTED;
    return 0;
  }

  recv(into: Uint8Array, flags: number): number {
    if (this.#listener !== null) return -numbers.ENOTCONN;
    if (flags & numbers.MSG_OOB) return this.#endpoint.received.takeUrgent(into);
    return flags & numbers.MSG_PEEK ? this.#endpoint.peek(into) : this.#endpoint.recv(into);
  }

  send(from: Uint8Array, flags: number): number {
    if (this.#listener !== null) return -abi.EPIPE;
    const { room } = this.#endpoint;
    // Copied, since the caller's memory is its own again on return; what finds no room needs no copy. (A Buffer's slice is none.)
    const chunk = new Uint8Array(from.subarray(0, room));
    const rest = from.length <= room ? [] : [from.subarray(room)];
    return this.#endpoint.send([chunk, ...rest], (flags & abi.MSG_MORE) !== 0, (flags & numbers.MSG_OOB) !== 0);
  }

  spliceOut(limit: number, room: () => number, take: (chunk: Uint8Array) => void): number {
    return this.#listener !== null ? -numbers.ENOTCONN : this.#endpoint.take(limit, room, take);
  }

  sendChunks(chunks: readonly Uint8Array[], more: boolean): number {
    return this.#listener !== null ? -abi.EPIPE : this.#endpoint.send(chunks, more);
  }

  shutdown(how: number): number {
    if (how < 0 || how > 2) return -abi.EINVAL;
    return this.#listener !== null ? 0 : this.#endpoint.shutdown(how);
  }

  setOption(level: number, option: number, value: Uint8Array): number {
    const result = this.options.set(level, option, value);
    if (result === 0 && this.#phase !== FRESH) {
      if (this.options.noDelay) this.#endpoint.push();
      if (level === abi.SOL_SOCKET && option === abi.SO_RCVLOWAT) this.#endpoint.checkLowWater();
      this.#endpoint.liveness.check();
    }
    return result;
  }

  getOption(level: number, option: number, into: Uint8Array): number {
    if (this.#listener !== null && level === abi.IPPROTO_TCP && option === abi.TCP_INFO) {
      return putInfo(into, [[abi.TCP_INFO_UNACKED, this.#listener.queue.length]]);
    }
    if (level === abi.IPPROTO_TCP && option === abi.TCP_INFO) {
      const { unacked, unsent, retransmits, probes, retransmitAfter, silence } = this.#endpoint.liveness.info();
      return putInfo(into, [
        [abi.TCP_INFO_RTO, retransmitAfter * 1_000],
        [abi.TCP_INFO_UNACKED, unacked],
        [abi.TCP_INFO_LAST_DATA_RECV, silence],
        [abi.TCP_INFO_LAST_ACK_RECV, silence],
        [abi.TCP_INFO_NOTSENT_BYTES, unsent],
        [0, (retransmits << 16) | (probes << 24)],
      ]);
    }
    if (level === abi.SOL_SOCKET && option === abi.SO_MEMINFO) {
      return putMemory(into, this.options.sendBuffer, abi.SK_MEMINFO_WMEM_QUEUED, this.#endpoint.queued);
    }
    if (level !== abi.SOL_SOCKET || option !== abi.SO_ERROR) return this.options.get(level, option, into);
    if (into.length < 4) return -abi.EINVAL;
    putInt(into, 0, this.#endpoint.takeError());
    return 4;
  }

  get unacknowledged(): number {
    return this.#endpoint.unacknowledged;
  }

  localName(): Uint8Array {
    const none = { host: this.family === abi.AF_INET ? "0.0.0.0" : "::", port: 0 };
    return encode(this.#local ?? none, this.family);
  }

  acceptedFrom(): Uint8Array {
    return encode(this.#remote!, this.family);
  }

  stall(key: number, ms: number): boolean {
    return this.#listener === null && this.#endpoint.stall(key, ms);
  }
}

/** A struct tcp_info of these ints, by their offsets; the rest is not simulated. */
function putInfo(into: Uint8Array, ints: readonly (readonly [offset: number, value: number])[]): number {
  const info = new Uint8Array(abi.TCP_INFO_SIZE);
  for (const [offset, value] of ints) putInt(info, offset, value);
  into.set(info.subarray(0, into.length));
  return Math.min(into.length, info.length);
}
