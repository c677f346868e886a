/**
 * The sockets of a listener. Over TCP there is one for each worker, all on the same port, so that the kernel spreads connections over the
 * workers. A Unix socket, and one that was inherited, is one for all of them.
 */

import { inheritedPath, notInherited, takeInherited } from "../../../net/inherited.ts";
import { type Probing, probingOf } from "../../../net/keepalive.ts";
import { resolveHost } from "../../../net/resolve.ts";
import {
  type Address,
  DEFAULT_BACKLOG,
  type InheritedAddress,
  type ListenAddress,
  type TcpAddress,
  type UnixListenAddress,
} from "../../../net/runtime.ts";
import { bindSocketFile, type SocketFile } from "../../../net/socket-file.ts";
import { formatAddress } from "../../../util/address.ts";
import type { BindOptions } from "../../engine.ts";
import * as abi from "../sys/abi.ts";
import { failureOf } from "../sys/errno.ts";
import type { Libc, NativeMemory } from "../sys/libc.ts";
import { decodePeer, encodeLiteral, encodePath, endOfWords } from "../sys/sockaddr.ts";
import { OptionCalls } from "../sys/socket-options.ts";
import { ListenerOptions } from "./listener-options.ts";
import { SynFilter } from "./syn-filter.ts";

/** How those of Unix get their names: bindSocketFile(), but for a simulation, which has no files. */
export type BindSocketFile = (
  where: UnixListenAddress,
  bind: (path: string) => number,
  unbind: (fd: number) => unknown,
) => Promise<{ readonly bound: number; readonly file: Pick<SocketFile, "change" | "remove"> }>;

/** What BindOptions say of them. */
export type SocketTerms = Pick<BindOptions, "keepalive" | "sockets">;

export interface BoundSockets {
  readonly address: Address;
  /** One for each worker, or the same for all. */
  readonly descriptors: readonly number[];
  /** As EngineListener.change(). */
  change(where: ListenAddress, options: SocketTerms): void;
  /**
   * Nobody begins to connect from now on, so that none is cut off by the close that follows soon; or whoever does is taken by the
   * process that has passed the socket on. False: some may.
   */
  refuse(): boolean;
  /** `served`: they have accepted. What was inherited, and has not, stays open for another try. */
  close(served: boolean): void;
}

/** Where in the memory for calls: a sockaddr, an option's value, a socklen_t. */
const ADDRESS = 0;
const VALUE = 128;
const LENGTH = 192;
const MEMORY = 256;

/** Makes them. Its memory for system calls is one for all, since a binding does not free what it allocates. */
export class Sockets {
  readonly #libc: Libc;
  readonly #count: number;
  readonly #bindFile: BindSocketFile;
  readonly #filter: SynFilter;
  readonly #options: OptionCalls;
  readonly #memory: NativeMemory;
  readonly #view: DataView;

  /** `count`: workers. */
  constructor(libc: Libc, count: number, bindFile: BindSocketFile = bindSocketFile) {
    this.#libc = libc;
    this.#count = count;
    this.#bindFile = bindFile;
    this.#filter = new SynFilter(libc);
    this.#options = new OptionCalls(libc);
    this.#memory = libc.alloc(MEMORY);
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  /** Binds all or nothing. Rejects with NetError. A port of 0 becomes the same real one for all workers. */
  async bind(where: ListenAddress, terms: SocketTerms): Promise<BoundSockets> {
    if ("fd" in where) return this.#inherit(where, terms);
    return "path" in where ? await this.#bindPath(where) : await this.#bindTcp(where, terms);
  }

  async #bindTcp({ host, port }: TcpAddress, terms: SocketTerms): Promise<BoundSockets> {
    const doing = `cannot listen on ${formatAddress({ host, port })}`;
    const hosts = await literals(host, doing);
    return this.#allOrNothing((open) => this.#bindHost(open, hosts, port, terms, doing));
  }

  #bindHost(open: number[], hosts: readonly string[], port: number, terms: SocketTerms, doing: string): BoundSockets {
    const host = hosts[0]!;
    const options = new ListenerOptions(this.#options, familyOf(host), terms.sockets ?? {});
    // The first is bound without SO_REUSEPORT, so that a port which another process listens on is refused even if that one shares it.
    const first = this.#tcpSocket(open, host, options, doing);
    if (first < 0 || !this.#bindTo(first, host, port)) {
      const otherFamily = first < 0 || this.#libc.errno[0] === abi.EADDRNOTAVAIL;
      if (hosts.length === 1 || !otherFamily) throw this.#failure(doing);
      this.#closeAll(open);
      return this.#bindHost(open, hosts.slice(1), port, terms, doing);
    }
    const address = this.#addressOf(first, doing) as TcpAddress;
    const descriptors = [first];
    if (this.#count > 1) this.#set(first, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1, doing);
    while (descriptors.length < this.#count) descriptors.push(this.#share(open, host, address.port, options, doing));
    for (const fd of descriptors) {
      this.#setForAccepted(fd, terms, doing);
      this.#listen(fd, doing);
    }
    return {
      address,
      descriptors,
      change: (where, other) => this.#change(descriptors, options, where, other),
      refuse: () => this.#filter.dropSyns(descriptors),
      close: this.#closer(descriptors),
    };
  }

  async #bindPath(where: UnixListenAddress): Promise<BoundSockets> {
    const doing = `cannot listen on ${formatAddress(where)}`;
    const { bound, file } = await this.#bindFile(
      where,
      (path) => this.#allOrNothing((open) => this.#unixSocket(open, path, doing)),
      (fd) => this.#libc.close(fd),
    );
    const close = this.#closer([bound]);
    return {
      address: { path: where.path },
      descriptors: this.#forAll(bound),
      change(other) {
        if ("path" in other) file.change(other);
      },
      refuse() {
        file.remove();
        return true;
      },
      close() {
        file.remove();
        close();
      },
    };
  }

  #inherit(where: InheritedAddress, terms: SocketTerms): BoundSockets {
    const { fd } = where;
    const inherited = takeInherited(fd);
    try {
      const doing = `cannot listen on ${formatAddress(where)}`;
      if (this.#get(fd, abi.SOL_SOCKET, abi.SO_ACCEPTCONN) !== 1) throw notInherited(null, where);
      const address = this.#addressOf(fd, doing);
      this.#libc.fcntl(fd, abi.F_SETFL, abi.O_NONBLOCK);
      const tcp = "path" in address ? [] : [fd];
      const family = "path" in address ? abi.AF_UNIX : familyOf(address.host);
      const options = new ListenerOptions(this.#options, family, terms.sockets ?? {});
      for (const each of tcp) {
        options.begin(each, doing);
        this.#setForAccepted(each, terms, doing);
      }
      const close = this.#closer([fd]);
      return {
        address,
        descriptors: this.#forAll(fd),
        change: (other, changed) => this.#change(tcp, options, other, changed),
        refuse: () => true,
        close(served) {
          if (!served) return inherited.giveBack();
          inherited.spend();
          close();
        },
      };
    } catch (error) {
      inherited.giveBack();
      throw error;
    }
  }

  #forAll(fd: number): number[] {
    return Array.from({ length: this.#count }, () => fd);
  }

  #allOrNothing<T>(make: (open: number[]) => T): T {
    const open: number[] = [];
    try {
      return make(open);
    } catch (error) {
      this.#closeAll(open);
      throw error;
    }
  }

  #closeAll(open: number[]): void {
    for (const fd of open.splice(0)) this.#libc.close(fd);
  }

  #closer(descriptors: readonly number[]): () => void {
    const open = [...descriptors];
    return () => this.#closeAll(open);
  }

  /** A further socket on a port that is this process's already. */
  #share(open: number[], host: string, port: number, options: ListenerOptions, doing: string): number {
    const fd = this.#tcpSocket(open, host, options, doing);
    if (fd < 0) throw this.#failure(doing);
    this.#set(fd, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1, doing);
    if (!this.#bindTo(fd, host, port)) throw this.#failure(doing);
    return fd;
  }

  /** A socket of the literal's family, or -1. One for IPv6 takes IPv4 as well. */
  #tcpSocket(open: number[], host: string, options: ListenerOptions, doing: string): number {
    const family = familyOf(host);
    const fd = this.#socket(open, family);
    if (fd < 0) return fd;
    this.#set(fd, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1, doing);
    if (family === abi.AF_INET6) this.#set(fd, abi.IPPROTO_IPV6, abi.IPV6_V6ONLY, 0, doing);
    options.begin(fd, doing);
    return fd;
  }

  #unixSocket(open: number[], path: string, doing: string): number {
    const fd = this.#socket(open, abi.AF_UNIX);
    const length = encodePath(path, this.#memory.bytes);
    if (fd < 0 || this.#libc.bind(fd, this.#memory.at(ADDRESS), length) < 0) throw this.#failure(doing);
    this.#listen(fd, doing);
    return fd;
  }

  #socket(open: number[], family: number): number {
    const fd = this.#libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
    if (fd >= 0) open.push(fd);
    return fd;
  }

  #bindTo(fd: number, host: string, port: number): boolean {
    const length = encodeLiteral(host, port, this.#memory.bytes);
    return this.#libc.bind(fd, this.#memory.at(ADDRESS), length) === 0;
  }

  /** What is accepted inherits these options: they cost nothing per connection. */
  #setForAccepted(fd: number, { keepalive, sockets = {} }: SocketTerms, doing: string): void {
    this.#set(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, sockets.noDelay === false ? 0 : 1, doing);
    if (keepalive > 0) this.#setKeepalive(fd, sockets.keepaliveTimes ?? probingOf(keepalive), doing);
  }

  #change(descriptors: readonly number[], options: ListenerOptions, where: ListenAddress, terms: SocketTerms): void {
    const doing = `cannot change ${formatAddress(where)}`;
    options.change(descriptors, terms.sockets ?? {}, doing);
    for (const fd of descriptors) {
      if (terms.keepalive === 0) this.#set(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 0, doing);
      this.#setForAccepted(fd, terms, doing);
    }
  }

  #setKeepalive(fd: number, { idle, interval, count }: Probing, doing: string): void {
    this.#set(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1, doing);
    this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, idle, doing);
    this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPINTVL, interval, doing);
    this.#set(fd, abi.IPPROTO_TCP, abi.TCP_KEEPCNT, count, doing);
  }

  #listen(fd: number, doing: string): void {
    if (this.#libc.listen(fd, DEFAULT_BACKLOG) < 0) throw this.#failure(doing);
  }

  #set(fd: number, level: number, option: number, value: number, doing: string): void {
    this.#view.setInt32(VALUE, value, true);
    if (this.#libc.setsockopt(fd, level, option, this.#memory.at(VALUE), 4) < 0) throw this.#failure(doing);
  }

  /** -1: it has no such option. */
  #get(fd: number, level: number, option: number): number {
    this.#view.setUint32(LENGTH, 4, true);
    const result = this.#libc.getsockopt(fd, level, option, this.#memory.at(VALUE), this.#memory.at(LENGTH));
    return result < 0 ? -1 : this.#view.getInt32(VALUE, true);
  }

  #addressOf(fd: number, doing: string): Address {
    this.#view.setUint32(LENGTH, abi.SOCKADDR_MAX, true);
    if (this.#libc.getsockname(fd, this.#memory.at(ADDRESS), this.#memory.at(LENGTH)) < 0) throw this.#failure(doing);
    if (this.#memory.bytes[0] === abi.AF_UNIX) return { path: inheritedPath(fd) };
    const words = new Uint32Array(4);
    return endOfWords(words, 0, decodePeer(this.#memory.bytes, words, 0));
  }

  #failure(doing: string): Error {
    return failureOf(this.#libc.errno[0]!, doing);
  }
}

function familyOf(host: string): number {
  return host.includes(":") ? abi.AF_INET6 : abi.AF_INET;
}

/** IP literals to try, in this order. "" is every interface: IPv6 with IPv4 mapped into it, and IPv4 alone where there is no IPv6. */
async function literals(host: string, doing: string): Promise<string[]> {
  return host === "" ? ["::", "0.0.0.0"] : [await resolveHost(host, doing)];
}
