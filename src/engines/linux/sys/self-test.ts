/**
 * Proves at start, in well under a millisecond of system calls, that the constants, struct layouts and calls that the
 * engine relies on mean on this machine what it takes them for: a wrong one is found at start rather than in traffic.
 */
import { formatWords } from "../../../util/client-key.ts";
import * as abi from "./abi.ts";
import type { Libc, NativeMemory } from "./libc.ts";
import { LINGER_SIZE, putLinger } from "./reset.ts";
import { decodePeer, encodeLiteral } from "./sockaddr.ts";

const F_GETFD = 1;
const F_GETFL = 3;
const SOCKET_FLAGS = abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC;
/** Loopback events arrive at once: a kernel that takes this long does not work as the engine expects. */
const PATIENCE_MS = 2000;

/** For `EngineFactory.test`: null, or what is wrong, in words. */
export function selfTest(libc: Libc, arch: string): string | null {
  const layout = abi.EPOLL_EVENT[arch];
  if (layout === undefined) return `no struct layouts for processor architecture ${arch}`;
  const open: number[] = [];
  const t = new Trial(libc, layout, open);
  try {
    t.clock();
    t.eventfds();
    t.sockets();
    t.pipes();
    t.limits();
    return null;
  } catch (error) {
    return error instanceof Wrong ? error.message : `self-test failed: ${String(error)}`;
  } finally {
    for (const fd of open) libc.close(fd);
  }
}

class Wrong extends Error {}

class Trial {
  readonly #libc: Libc;
  readonly #layout: abi.EpollLayout;
  readonly #open: number[];
  readonly #memory: NativeMemory;
  readonly #view: DataView;

  constructor(libc: Libc, layout: abi.EpollLayout, open: number[]) {
    this.#libc = libc;
    this.#layout = layout;
    this.#open = open;
    this.#memory = libc.alloc(4096);
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  /** A descriptor or count of a call that must work. */
  #ok(what: string, result: number): number {
    if (result < 0) throw new Wrong(`${what} fails with errno ${this.#libc.errno[0]}`);
    return result;
  }

  #fd(what: string, fd: number): number {
    this.#open.push(this.#ok(what, fd));
    return fd;
  }

  #equal(what: string, actual: unknown, expected: unknown): void {
    if (actual !== expected) throw new Wrong(`${what} is ${String(actual)}, not ${String(expected)}`);
  }

  #watch(epoll: number, fd: number, events: number, low: number, high: number): void {
    this.#view.setInt32(0, events, true);
    this.#view.setUint32(this.#layout.data, low, true);
    this.#view.setUint32(this.#layout.data + 4, high, true);
    this.#ok("epoll_ctl", this.#libc.epoll_ctl(epoll, abi.EPOLL_CTL_ADD, fd, this.#memory.at(0)));
  }

  clock(): void {
    const start = this.#libc.now();
    const passed = this.#libc.now() - start;
    if (!(start > 0 && passed >= 0 && passed < PATIENCE_MS))
      throw new Wrong(`the clock goes from ${start} by ${passed}`);
  }

  /** Two ready descriptors at once: both data words come back whole, so offset and stride are right. */
  eventfds(): void {
    const { size, data } = this.#layout;
    const epoll = this.#fd("epoll_create1", this.#libc.epoll_create1(abi.EPOLL_CLOEXEC));
    const words = new Map<number, number>();
    for (const low of [0x89abcdef, 0x12345678]) {
      const fd = this.#fd("eventfd", this.#libc.eventfd(1, abi.EFD_NONBLOCK | abi.EFD_CLOEXEC));
      this.#watch(epoll, fd, abi.EPOLLIN | abi.EPOLLET, low, ~low >>> 0);
      words.set(low, ~low >>> 0);
      this.#equal("reading an eventfd", this.#libc.read(fd, this.#memory.at(256), 8), 8);
      this.#equal("an eventfd's counter", this.#view.getUint32(256, true), 1);
      this.#equal("reading an empty eventfd", this.#libc.read(fd, this.#memory.at(256), 8), -1);
      this.#equal("errno then", this.#libc.errno[0], abi.EAGAIN);
      this.#view.setUint32(256, 1, true);
      this.#view.setUint32(260, 0, true);
      this.#equal("writing an eventfd", this.#libc.write(fd, this.#memory.at(256), 8), 8);
    }
    this.#equal("epoll_wait", this.#libc.epoll_wait(epoll, this.#memory.at(0), 16, PATIENCE_MS), 2);
    for (const at of [0, size]) {
      this.#equal("an epoll event", this.#view.getUint32(at, true), abi.EPOLLIN);
      const low = this.#view.getUint32(at + data, true);
      this.#equal("an epoll event's data", this.#view.getUint32(at + data + 4, true), words.get(low));
      words.delete(low);
    }
  }

  /** A loopback connection: addresses survive the round trip, flags and options hold, FIN and errors show as they should. */
  sockets(): void {
    const libc = this.#libc;
    const epoll = this.#fd("epoll_create1", libc.epoll_create1(abi.EPOLL_CLOEXEC));
    const { listener, port } = this.#listen();
    const client = this.#fd("socket", libc.socket(abi.AF_INET, SOCKET_FLAGS, 0));
    const length = encodeLiteral("127.0.0.1", port, this.#memory.bytes);
    if (libc.connect(client, this.#memory.at(0), length) < 0) {
      this.#equal("connect's errno", libc.errno[0], abi.EINPROGRESS);
    }
    this.#watch(epoll, listener, abi.EPOLLIN, 1, 0);
    this.#equal("epoll_wait on a listener", libc.epoll_wait(epoll, this.#memory.at(0), 4, PATIENCE_MS), 1);
    const served = this.#accept(listener);
    libc.epoll_ctl(epoll, abi.EPOLL_CTL_DEL, listener, this.#memory.at(0));
    this.#converse(epoll, client, served);
  }

  #listen(): { listener: number; port: number } {
    const libc = this.#libc;
    const listener = this.#fd("socket", libc.socket(abi.AF_INET, SOCKET_FLAGS, 0));
    const length = encodeLiteral("127.0.0.1", 0, this.#memory.bytes);
    this.#ok("bind", libc.bind(listener, this.#memory.at(0), length));
    this.#ok("listen", libc.listen(listener, 1));
    this.#option(listener, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    this.#view.setUint32(128, abi.SOCKADDR_MAX, true);
    this.#ok("getsockname", libc.getsockname(listener, this.#memory.at(0), this.#memory.at(128)));
    this.#equal("getsockname's length", this.#view.getUint32(128, true), length);
    const port = this.#peer("getsockname's address");
    if (port === 0) throw new Wrong("getsockname gives no port");
    return { listener, port };
  }

  #accept(listener: number): number {
    const libc = this.#libc;
    this.#view.setUint32(128, abi.SOCKADDR_MAX, true);
    const flags = abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC;
    const accepted = libc.accept4(listener, this.#memory.at(0), this.#memory.at(128), flags);
    const served = this.#fd("accept4", accepted);
    this.#peer("accept4's address");
    this.#equal("accept4's close-on-exec flag", libc.fcntl(served, F_GETFD, 0) & 1, 1);
    this.#equal("accept4's non-blocking flag", libc.fcntl(served, F_GETFL, 0) & abi.O_NONBLOCK, abi.O_NONBLOCK);
    return served;
  }

  /** The port of the loopback sockaddr at the memory's start. */
  #peer(what: string): number {
    const words = new Uint32Array(4);
    const port = decodePeer(this.#memory.bytes, words, 0);
    this.#equal(what, formatWords(words, 0), "127.0.0.1");
    return port;
  }

  /** Four bytes and a FIN, from `client` to `served`. */
  #converse(epoll: number, client: number, served: number): void {
    const libc = this.#libc;
    const bytes = this.#memory.bytes;
    this.#equal("SO_ERROR", this.#getOption(client, abi.SOL_SOCKET, abi.SO_ERROR), 0);
    this.#option(client, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1);
    this.#equal("receiving nothing", libc.recv(served, this.#memory.at(0), 16, 0), -1);
    this.#equal("errno then", libc.errno[0], abi.EAGAIN);
    bytes.set([104, 97, 114, 109], 0);
    this.#equal("send", libc.send(client, this.#memory.at(0), 4, abi.MSG_NOSIGNAL), 4);
    this.#ok("shutdown", libc.shutdown(client, abi.SHUT_WR));
    const all = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLRDHUP;
    this.#watch(epoll, served, all | abi.EPOLLET, 2, 0);
    this.#equal("epoll_wait on a socket", libc.epoll_wait(epoll, this.#memory.at(0), 4, PATIENCE_MS), 1);
    this.#equal("a socket's events", this.#view.getUint32(0, true), all);
    this.#equal("recv", libc.recv(served, this.#memory.at(512), 64, 0), 4);
    this.#equal("what was received", bytes[512], 104);
    this.#equal("recv at FIN", libc.recv(served, this.#memory.at(512), 64, 0), 0);
    putLinger(this.#view, 0);
    this.#ok("SO_LINGER", libc.setsockopt(served, abi.SOL_SOCKET, abi.SO_LINGER, this.#memory.at(0), LINGER_SIZE));
  }

  #option(fd: number, level: number, name: number, value: number): void {
    this.#view.setInt32(0, value, true);
    this.#ok("setsockopt", this.#libc.setsockopt(fd, level, name, this.#memory.at(0), 4));
    this.#equal(`socket option ${level}/${name}`, this.#getOption(fd, level, name), value);
  }

  #getOption(fd: number, level: number, name: number): number {
    this.#view.setUint32(128, 4, true);
    this.#ok("getsockopt", this.#libc.getsockopt(fd, level, name, this.#memory.at(0), this.#memory.at(128)));
    return this.#view.getInt32(0, true);
  }

  /** Bytes pass from pipe to pipe through splice. */
  pipes(): void {
    const libc = this.#libc;
    const ends: number[] = [];
    for (const at of [0, 8]) {
      this.#ok("pipe2", libc.pipe2(this.#memory.at(at), abi.O_NONBLOCK | abi.O_CLOEXEC));
      ends.push(this.#view.getInt32(at, true), this.#view.getInt32(at + 4, true));
    }
    this.#open.push(...ends);
    const [r1, w1, r2, w2] = ends as [number, number, number, number];
    this.#memory.bytes.set([1, 2, 3, 4, 5], 64);
    this.#equal("writing a pipe", libc.write(w1, this.#memory.at(64), 5), 5);
    const flags = abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK;
    this.#equal("splice", libc.splice(r1, libc.nil, w2, libc.nil, 4096, flags), 5);
    this.#equal("reading a pipe", libc.read(r2, this.#memory.at(96), 16), 5);
    this.#equal("what was spliced", this.#memory.bytes[100], 5);
    this.#equal("an empty splice", libc.splice(r1, libc.nil, w2, libc.nil, 4096, flags), -1);
    this.#equal("errno then", libc.errno[0], abi.EAGAIN);
  }

  limits(): void {
    this.#ok("getrlimit", this.#libc.getrlimit(abi.RLIMIT_NOFILE, this.#memory.at(0)));
    const soft = this.#view.getBigUint64(0, true);
    const hard = this.#view.getBigUint64(8, true);
    if (soft < 3n || soft > hard) throw new Wrong(`the descriptor limit reads ${soft} of ${hard}`);
  }
}
