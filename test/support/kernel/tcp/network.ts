/**
 * Who listens where, how a connection comes about, and what lies between two ends. Hosts need no declaration: a host is there
 * when it is the machine's own or somebody listens on it. What is not there is a black hole, refuses or is unreachable, as said.
 */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Random } from "../random.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { isLoopback, isV4, isWildcard, type SocketAddress } from "./addresses.ts";
import { Endpoint, SYN_RECV, SYN_SENT } from "./endpoint.ts";
import type { ListenQueue } from "./listen-queue.ts";
import type { Options } from "./options.ts";
import { ACK, SYN } from "./packet-filter.ts";
import { type Delay, Wire } from "./wire.ts";

/** What happens to a SYN: nothing, a reset, or an error that a router (or the neighbour table) reports after `ms`. */
export type Route = "open" | "blackhole" | "refuse" | { readonly errno: number; readonly ms: number };

/** ms after the first SYN at which it is sent again; net.ipv4.tcp_syn_linear_timeouts = 4. */
const SYN_RETRIES = [1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 11_000, 19_000, 35_000];
const SYN_GIVE_UP = 67_000;
/** ms after which a host that nobody answers for is given up: three ARP requests. */
const NO_NEIGHBOUR: Route = { errno: abi.EHOSTUNREACH, ms: 3_000 };

export interface Listener {
  readonly address: SocketAddress;
  readonly queue: ListenQueue;
  /** Those of its connections. */
  readonly options: Options;
  readonly v6Only: boolean;
}

/** A port that a socket of the machine was bound to. */
export interface Binding {
  readonly address: SocketAddress;
  readonly options: Options;
  listening: boolean;
}

export interface NetworkOptions {
  /** The machine's addresses apart from loopback; the first one is what it connects from. */
  readonly hosts: readonly string[];
  /** net.ipv4.ip_local_port_range */
  readonly ports: readonly [number, number];
  readonly segmentBytes: number;
  /** Asked once per connection. */
  readonly delay: () => Delay;
}

export class Network {
  readonly clock: VirtualClock;
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #listeners = new Map<number, Listener[]>();
  readonly #bindings = new Map<number, Binding[]>();
  /** Local ports in use, by the address that they are of and the one they lead to. */
  readonly #used = new Map<string, Set<number>>();
  readonly #routes = new Map<string, Route>();
  /** The port that the next connect of the machine gets, in place of one that is picked; 0: none. */
  nextPort = 0;
  /** Connections that some end has not left yet. */
  open = 0;

  constructor(clock: VirtualClock, random: Random, options: NetworkOptions) {
    this.clock = clock;
    this.#random = random;
    this.#options = options;
  }

  get ports(): readonly [number, number] {
    return this.#options.ports;
  }

  get segmentBytes(): number {
    return this.#options.segmentBytes;
  }

  /** For a host, or for one of its ports ("10.0.0.5:80"). */
  route(where: string, route: Route): void {
    this.#routes.set(where, route);
  }

  isOwn(host: string): boolean {
    return isWildcard(host) || isLoopback(host) || this.#options.hosts.includes(host);
  }

  /** Binds a port of the machine. A port of 0 becomes a free one. The binding, or a negative errno. */
  bind(wanted: SocketAddress, options: Options): Binding | number {
    if (!this.isOwn(wanted.host) && !options.transparent) return -abi.EADDRNOTAVAIL;
    if (wanted.port === 0 && options.bindsNoPort) return { address: wanted, options, listening: false };
    const port = wanted.port || this.#freePort((candidate) => !this.#bindings.has(candidate));
    if (port === 0) return -abi.EADDRINUSE;
    const others = this.#bindings.get(port) ?? [];
    if (others.some((other) => conflict(other, wanted.host, options))) return -abi.EADDRINUSE;
    const binding = { address: { host: wanted.host, port }, options, listening: false };
    this.#bindings.set(port, [...others, binding]);
    return binding;
  }

  unbind(binding: Binding): void {
    removeFrom(this.#bindings, binding.address.port, binding);
  }

  listen(listener: Listener): void {
    const { port } = listener.address;
    this.#listeners.set(port, [...(this.#listeners.get(port) ?? []), listener]);
  }

  unlisten(listener: Listener): void {
    removeFrom(this.#listeners, listener.address.port, listener);
  }

  /** Where a socket of the machine connects from, or a negative errno when every port towards `to` is taken. */
  source(to: SocketAddress, bound: SocketAddress | null): SocketAddress | number {
    const loopback = isV4(to.host) ? "127.0.0.1" : "::1";
    const outside = this.#options.hosts.find((host) => isV4(host) === isV4(to.host)) ?? loopback;
    const toSelf = this.isOwn(to.host) && !isLoopback(to.host) ? to.host : outside;
    const host = bound !== null && !isWildcard(bound.host) ? bound.host : isLoopback(to.host) ? loopback : toSelf;
    if (bound !== null && bound.port !== 0) {
      const isTaken = this.#used.get(`${host}>${to.host}:${to.port}`)?.has(bound.port);
      return isTaken ? -abi.EADDRNOTAVAIL : { host, port: bound.port };
    }
    const used = this.#used.get(`${host}>${to.host}:${to.port}`);
    const forced = this.nextPort;
    this.nextPort = 0;
    const free = (port: number) => !used?.has(port) && !this.#bindings.has(port);
    const port = forced || this.#freePort(free);
    return port === 0 ? -abi.EADDRNOTAVAIL : { host, port };
  }

  /** Sends a SYN. What becomes of it is seen at the endpoint; with no delay, already on return. */
  connect(endpoint: Endpoint, from: SocketAddress, to: SocketAddress): void {
    endpoint.state = SYN_SENT;
    const release = this.#claim(from, to);
    endpoint.onGone = release;
    const delay = this.#options.delay();
    const dial = { endpoint, from, to, there: new Wire(this.clock, delay), back: new Wire(this.clock, delay) };
    endpoint.wire = dial.there;
    const route = this.#routeTo(to);
    if (typeof route === "object") {
      this.clock.schedule(route.ms, () => endpoint.state === SYN_SENT && endpoint.fail(route.errno));
    } else if (route === "blackhole") {
      this.#giveUpLater(endpoint);
    } else {
      this.#sendSyn(dial, route === "refuse", 0);
    }
  }

  /** The listener that takes a connection from `from` to `to`: of several on one port, one that the addresses decide. */
  listenerFor(from: SocketAddress, to: SocketAddress): Listener | undefined {
    const all = this.#listeners.get(to.port) ?? [];
    let fitting = all.filter(({ address }) => address.host === to.host);
    if (fitting.length === 0 && this.isOwn(to.host)) {
      const any = isV4(to.host) ? "0.0.0.0" : "::";
      fitting = all.filter(({ address }) => address.host === any);
      if (fitting.length === 0 && isV4(to.host)) {
        fitting = all.filter(({ address, v6Only }) => address.host === "::" && !v6Only);
      }
    }
    return fitting.length < 2 ? fitting[0] : fitting[hash(`${from.host}:${from.port}`) % fitting.length];
  }

  #routeTo(to: SocketAddress): Route {
    const said = this.#routes.get(`${to.host}:${to.port}`) ?? this.#routes.get(to.host);
    if (said !== undefined) return said;
    if (this.isOwn(to.host)) return "open";
    for (const listeners of this.#listeners.values()) {
      if (listeners.some(({ address }) => address.host === to.host)) return "open";
    }
    return NO_NEIGHBOUR;
  }

  #sendSyn(dial: Dial, refuse: boolean, attempt: number): void {
    dial.there.carry(() => {
      if (!this.#answerSyn(dial, refuse) && dial.endpoint.state === SYN_SENT) this.#retrySyn(dial, attempt);
    });
  }

  #retrySyn(dial: Dial, attempt: number): void {
    const before = attempt === 0 ? 0 : SYN_RETRIES[attempt - 1]!;
    const at = SYN_RETRIES[attempt] ?? SYN_GIVE_UP;
    this.clock.schedule(at - before, () => {
      if (dial.endpoint.state !== SYN_SENT) return;
      if (attempt < SYN_RETRIES.length) this.#sendSyn(dial, false, attempt + 1);
      else dial.endpoint.fail(abi.ETIMEDOUT);
    });
  }

  #giveUpLater(endpoint: Endpoint): void {
    this.clock.schedule(SYN_GIVE_UP, () => endpoint.state === SYN_SENT && endpoint.fail(abi.ETIMEDOUT));
  }

  /** False: nobody has answered, so the SYN is sent again. */
  #answerSyn(dial: Dial, refuse: boolean): boolean {
    const { endpoint, from, to, there, back } = dial;
    if (endpoint.state !== SYN_SENT) return true;
    const listener = refuse ? undefined : this.listenerFor(from, to);
    if (listener === undefined) {
      // Both ends meet: TCP's simultaneous open, with itself.
      const self = !refuse && from.host === to.host && from.port === to.port;
      if (self) endpoint.join(endpoint, there);
      back.carry(() => (self ? endpoint.establish() : endpoint.receiveReset()));
      return true;
    }
    if (listener.queue.full || !listener.options.takes(SYN)) return false;
    const child = new Endpoint(this.clock, listener.options.inherit(), this.segmentBytes);
    child.state = SYN_RECV;
    child.join(endpoint, back);
    child.onGone = this.#claimNothing();
    endpoint.join(child, there);
    back.carry(() => {
      if (endpoint.state === SYN_SENT) {
        endpoint.establish();
        there.carry(() => this.#acknowledge(dial, listener, child));
      } else {
        there.carry(() => child.receiveReset());
      }
    });
    return true;
  }

  /**
   * The last step of the handshake. It is dropped while the queue is full, or by the listener's filter, and comes again with the
   * next SYN-ACK.
   */
  #acknowledge(dial: Dial, listener: Listener, child: Endpoint): void {
    if (child.state === SYN_RECV) child.establish();
    if (listener.queue.closed) child.abort();
    else if (listener.queue.full || !listener.options.takes(ACK))
      this.clock.schedule(1_000, () => this.#acknowledge(dial, listener, child));
    else listener.queue.push({ endpoint: child, local: dial.to, remote: dial.from });
  }

  #claim(from: SocketAddress, to: SocketAddress): () => void {
    const key = `${from.host}>${to.host}:${to.port}`;
    let ports = this.#used.get(key);
    if (ports === undefined) {
      ports = new Set();
      this.#used.set(key, ports);
    }
    ports.add(from.port);
    const gone = this.#claimNothing();
    return () => {
      ports.delete(from.port);
      if (ports.size === 0 && this.#used.get(key) === ports) this.#used.delete(key);
      gone();
    };
  }

  #claimNothing(): () => void {
    this.open++;
    return () => {
      this.open--;
    };
  }

  #freePort(free: (port: number) => boolean): number {
    const [low, high] = this.#options.ports;
    const count = high - low + 1;
    const start = this.#random.below(count);
    for (let i = 0; i < count; i++) {
      const port = low + ((start + i) % count);
      if (free(port)) return port;
    }
    return 0;
  }
}

interface Dial {
  readonly endpoint: Endpoint;
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  readonly there: Wire;
  readonly back: Wire;
}

function conflict(other: Binding, host: string, options: Options): boolean {
  const apart = other.address.host !== host && !isWildcard(other.address.host) && !isWildcard(host);
  if (apart) return false;
  if (isWildcard(host) && isWildcard(other.address.host) && host !== other.address.host) {
    const v6 = host === "::" ? options : other.options;
    if (v6.v6Only) return false;
  }
  if (options.reuseAddress && other.options.reuseAddress && !other.listening) return false;
  return !(options.reusePort && other.options.reusePort);
}

function removeFrom<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const left = (map.get(key) ?? []).filter((other) => other !== value);
  if (left.length === 0) map.delete(key);
  else map.set(key, left);
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193);
  return (value ^ (value >>> 15)) >>> 0;
}
