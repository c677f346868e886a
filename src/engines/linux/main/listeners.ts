/** The listening sockets: one per address and worker, on the same port, so that the kernel spreads connections over the workers. */

import { probingOf } from "../../../net/keepalive.ts";
import { resolveHost } from "../../../net/resolve.ts";
import type { TcpAddress } from "../../../net/runtime.ts";
import { DEFAULT_BACKLOG } from "../../../net/runtime.ts";
import { formatAddress } from "../../../util/address.ts";
import { formatWords } from "../../../util/client-key.ts";
import * as abi from "../sys/abi.ts";
import { failureOf } from "../sys/errno.ts";
import type { Libc, NativeMemory } from "../sys/libc.ts";
import { decodePeer, encodeLiteral } from "../sys/sockaddr.ts";

export interface BoundAddress {
  readonly address: TcpAddress;
  /** One per worker. */
  readonly descriptors: readonly number[];
}

/** Binds one address for `count` workers, or nothing. Rejects with NetError. A port of 0 becomes the same real one for all. */
export async function bind(libc: Libc, wanted: TcpAddress, count: number, keepalive: number): Promise<BoundAddress> {
  const doing = `cannot listen on ${formatAddress(wanted)}`;
  const hosts = await literals(wanted.host, doing);
  const binder = new Binder(libc, doing, keepalive);
  try {
    return binder.bind(hosts, wanted.port, count);
  } catch (error) {
    binder.closeAll();
    throw error;
  }
}

/** IP literals to try, in this order. "" is every interface: IPv6 with IPv4 mapped into it, and IPv4 alone where there is no IPv6. */
async function literals(host: string, doing: string): Promise<string[]> {
  return host === "" ? ["::", "0.0.0.0"] : [await resolveHost(host, doing)];
}

/** Where in a binder's memory: a sockaddr, an option's value, a socklen_t. */
const ADDRESS = 0;
const VALUE = 128;
const LENGTH = 192;

class Binder {
  readonly #libc: Libc;
  readonly #doing: string;
  readonly #keepalive: number;
  readonly #memory: NativeMemory;
  readonly #view: DataView;
  readonly #open: number[] = [];

  constructor(libc: Libc, doing: string, keepalive: number) {
    this.#libc = libc;
    this.#doing = doing;
    this.#keepalive = keepalive;
    this.#memory = libc.alloc(256);
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  bind(hosts: readonly string[], port: number, count: number): BoundAddress {
    const host = hosts[0]!;
    // The first is bound without SO_REUSEPORT, so that a port which another process listens on is refused even if that one shares it.
    const first = this.#socket(host);
    if (first < 0 || !this.#bindTo(first, host, port)) {
      const otherFamily = first < 0 || this.#libc.errno[0] === abi.EADDRNOTAVAIL;
      if (hosts.length === 1 || !otherFamily) throw this.#failure();
      this.closeAll();
      return this.bind(hosts.slice(1), port, count);
    }
    const address = this.#addressOf(first);
    const descriptors = [first];
    if (count > 1) this.#set(first, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    for (let i = 1; i < count; i++) descriptors.push(this.#share(host, address.port));
    for (const fd of descriptors) this.#listen(fd);
    return { address, descriptors };
  }

  closeAll(): void {
    for (const fd of this.#open.splice(0)) this.#libc.close(fd);
  }

  /** A further socket on a port that is this process's already. */
  #share(host: string, port: number): number {
    const fd = this.#socket(host);
    if (fd < 0) throw this.#failure();
    this.#set(fd, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
    if (!this.#bindTo(fd, host, port)) throw this.#failure();
    return fd;
  }

  /** A socket of the literal's family, or -1. One for IPv6 takes IPv4 as well. */
  #socket(host: string): number {
    const family = host.includes(":") ? abi.AF_INET6 : abi.AF_INET;
    const fd = this.#libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
    if (fd < 0) return fd;
    this.#open.push(fd);
    this.#set(fd, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    if (family === abi.AF_INET6) this.#set(fd, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0);
    return fd;
  }

  #bindTo(fd: number, host: string, port: number): boolean {
    const length = encodeLiteral(host, port, this.#memory.bytes);
    return this.#libc.bind(fd, this.#memory.at(ADDRESS), length) === 0;
  }

  /** What is accepted inherits these options: they cost nothing per connection. */
  #listen(fd: number): void {
    this.#set(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    if (this.#keepalive > 0) {
      const { idle, interval, count } = probingOf(this.#keepalive);
      this.#set(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1);
      this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, idle);
      this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPINTVL, interval);
      this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPCNT, count);
    }
    if (this.#libc.listen(fd, DEFAULT_BACKLOG) < 0) throw this.#failure();
  }

  #set(fd: number, level: number, option: number, value: number): void {
    this.#view.setInt32(VALUE, value, true);
    if (this.#libc.setsockopt(fd, level, option, this.#memory.at(VALUE), 4) < 0) throw this.#failure();
  }

  #addressOf(fd: number): TcpAddress {
    this.#view.setUint32(LENGTH, abi.SOCKADDR_MAX, true);
    if (this.#libc.getsockname(fd, this.#memory.at(ADDRESS), this.#memory.at(LENGTH)) < 0) throw this.#failure();
    const words = new Uint32Array(4);
    const port = decodePeer(this.#memory.bytes, words, 0);
    return { host: formatWords(words, 0), port };
  }

  #failure(): Error {
    return failureOf(this.#libc.errno[0]!, this.#doing);
  }
}
