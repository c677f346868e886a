/** Small programs over Libc alone, written so that they mean the same on the real kernel and on the simulated one. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Libc, NativeMemory } from "../../../../src/engines/linux/sys/libc.ts";
import { decodePeer, encodeLiteral, encodePath } from "../../../../src/engines/linux/sys/sockaddr.ts";
import { formatWords } from "../../../../src/util/client-key.ts";
import { errnoName, SO_RCVBUF, SO_SNDBUF } from "../../../support/kernel/numbers.ts";

/** ms in which an event that must come has come. */
const PATIENCE_MS = 3_000;
/** ms after which an event that must not come is taken for one that does not. */
const QUIET_MS = 15;

/** ms after which a full socket stays full: acknowledgements, which make room, may be delayed by 40. */
export const SETTLE_MS = 50;

const BYTES = 1 << 20;

const EVENTS: readonly (readonly [number, string])[] = [
  [abi.EPOLLIN, "IN"],
  [abi.EPOLLPRI, "PRI"],
  [abi.EPOLLOUT, "OUT"],
  [abi.EPOLLRDHUP, "RDHUP"],
  [abi.EPOLLERR, "ERR"],
  [abi.EPOLLHUP, "HUP"],
];
/** What the engine waits for at a connection's end. */
export const ALL_EDGES = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLRDHUP | abi.EPOLLPRI | abi.EPOLLET;

/** What a program runs on. */
export interface World {
  readonly libc: Libc;
  /** Lets time pass. */
  sleep(ms: number): void;
  /** A path at which no Unix socket was bound yet. */
  freshPath(): string;
}

/** A count, or the name of the errno: what a call came to. */
export type Outcome = number | string;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class Bench {
  readonly libc: Libc;
  readonly world: World;
  readonly #memory: NativeMemory;
  readonly #view: DataView;
  readonly #data: NativeMemory;
  readonly #open = new Set<number>();

  constructor(world: World) {
    this.world = world;
    this.libc = world.libc;
    this.#memory = world.libc.alloc(4096);
    this.#view = new DataView(this.#memory.bytes.buffer);
    this.#data = world.libc.alloc(BYTES);
  }

  /** Closes what the program has left open. */
  dispose(): void {
    for (const fd of this.#open) this.libc.close(fd);
  }

  outcome(result: number): Outcome {
    return result < 0 ? errnoName(this.libc.errno[0]!) : result;
  }

  /** A new descriptor; the program fails when there is none. */
  fd(result: number): number {
    assert.ok(result >= 0, `no descriptor: ${this.outcome(result)}`);
    this.#open.add(result);
    return result;
  }

  close(fd: number): Outcome {
    this.#open.delete(fd);
    return this.outcome(this.libc.close(fd));
  }

  // Sockets.

  socket(family: number = abi.AF_INET): number {
    return this.fd(this.trySocket(family));
  }

  trySocket(family: number = abi.AF_INET): number {
    return this.libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
  }

  bind(fd: number, host: string, port: number): Outcome {
    const length = encodeLiteral(host, port, this.#memory.bytes);
    return this.outcome(this.libc.bind(fd, this.#memory.at(0), length));
  }

  listen(fd: number, backlog = 16): Outcome {
    return this.outcome(this.libc.listen(fd, backlog));
  }

  connect(fd: number, port: number, host = "127.0.0.1"): Outcome {
    const length = encodeLiteral(host, port, this.#memory.bytes);
    return this.outcome(this.libc.connect(fd, this.#memory.at(0), length));
  }

  bindPath(fd: number, path: string): Outcome {
    const length = encodePath(path, this.#memory.bytes);
    return this.outcome(this.libc.bind(fd, this.#memory.at(0), length));
  }

  connectPath(fd: number, path: string): Outcome {
    const length = encodePath(path, this.#memory.bytes);
    return this.outcome(this.libc.connect(fd, this.#memory.at(0), length));
  }

  /** A listening socket on a free port. */
  listener(options: { host?: string; port?: number; backlog?: number } = {}): { fd: number; port: number } {
    const host = options.host ?? "127.0.0.1";
    const fd = this.socket(host.includes(":") ? abi.AF_INET6 : abi.AF_INET);
    this.set(fd, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    assert.equal(this.bind(fd, host, options.port ?? 0), 0);
    assert.equal(this.listen(fd, options.backlog), 0);
    return { fd, port: this.localAddress(fd).port };
  }

  accept(listener: number): Outcome {
    const result = this.libc.accept4(listener, this.libc.nil, this.libc.nil, abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC);
    if (result >= 0) this.#open.add(result);
    return this.outcome(result);
  }

  /** The accepted descriptor, once there is one. */
  accepted(listener: number): number {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const fd = this.accept(listener);
      if (typeof fd === "number") return fd;
      assert.equal(fd, "EAGAIN");
      assert.ok(performance.now() < deadline, "nothing to accept");
      this.world.sleep(1);
    }
  }

  /** With the address that accept4 says. */
  acceptedFrom(listener: number): { fd: number; address: Address } {
    this.#view.setUint32(512, abi.SOCKADDR_MAX, true);
    const fd = this.fd(this.libc.accept4(listener, this.#memory.at(0), this.#memory.at(512), abi.SOCK_NONBLOCK));
    return { fd, address: this.#address() };
  }

  /** Two ends of a connection that stands: the one that connected, and the one that was accepted. */
  pair(): [number, number] {
    const { fd: listener, port } = this.listener();
    const client = this.socket();
    assert.equal(this.connect(client, port), "EINPROGRESS");
    const server = this.accepted(listener);
    this.close(listener);
    return [client, server];
  }

  /** A pair whose buffers keep their size: Linux lets them grow with use, and room appears out of nowhere. */
  fixedPair(): [number, number] {
    const ends = this.pair();
    for (const fd of ends) {
      this.set(fd, abi.SOL_SOCKET, SO_SNDBUF, 100_000);
      this.set(fd, abi.SOL_SOCKET, SO_RCVBUF, 100_000);
    }
    return ends;
  }

  localAddress(fd: number): Address {
    this.#view.setUint32(512, abi.SOCKADDR_MAX, true);
    assert.equal(this.outcome(this.libc.getsockname(fd, this.#memory.at(0), this.#memory.at(512))), 0);
    return this.#address();
  }

  #address(): Address {
    const words = new Uint32Array(4);
    const port = decodePeer(this.#memory.bytes, words, 0);
    return { host: formatWords(words, 0), port };
  }

  // Options.

  set(fd: number, level: number, option: number, value: number): Outcome {
    this.#view.setInt32(0, value, true);
    return this.outcome(this.libc.setsockopt(fd, level, option, this.#memory.at(0), 4));
  }

  get(fd: number, level: number, option: number): Outcome {
    this.#view.setUint32(512, 4, true);
    const result = this.libc.getsockopt(fd, level, option, this.#memory.at(0), this.#memory.at(512));
    return result < 0 ? this.outcome(result) : this.#view.getInt32(0, true);
  }

  /** Connections of a listener that nobody has accepted yet. */
  backlog(listener: number): number {
    this.#view.setUint32(512, abi.TCP_INFO_SIZE, true);
    const { libc } = this;
    const result = libc.getsockopt(listener, abi.IPPROTO_TCP, abi.TCP_INFO, this.#memory.at(0), this.#memory.at(512));
    assert.equal(this.outcome(result), 0);
    return this.#view.getInt32(abi.TCP_INFO_UNACKED, true);
  }

  /** The pending error's name, or 0; reading clears it. */
  pendingError(fd: number): Outcome {
    const errno = this.get(fd, abi.SOL_SOCKET, abi.SO_ERROR);
    return typeof errno === "number" && errno > 0 ? errnoName(errno) : errno;
  }

  lingerZero(fd: number): void {
    this.#view.setInt32(0, 1, true);
    this.#view.setInt32(4, 0, true);
    assert.equal(this.libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, this.#memory.at(0), 8), 0);
  }

  /** Closes with a reset. */
  reset(fd: number): void {
    this.lingerZero(fd);
    this.close(fd);
  }

  /** The send buffer as SO_MEMINFO has it: its size, and what is queued in it. */
  sendBuffer(fd: number): { size: number; queued: number } {
    this.#view.setUint32(512, 4 * abi.SK_MEMINFO_VARS, true);
    const { libc } = this;
    const result = libc.getsockopt(fd, abi.SOL_SOCKET, abi.SO_MEMINFO, this.#memory.at(0), this.#memory.at(512));
    assert.equal(this.outcome(result), 0);
    assert.equal(this.#view.getUint32(512, true), 4 * abi.SK_MEMINFO_VARS);
    const word = (at: number) => this.#view.getInt32(4 * at, true);
    const queued = Math.max(word(abi.SK_MEMINFO_WMEM_ALLOC), word(abi.SK_MEMINFO_WMEM_QUEUED));
    return { size: word(abi.SK_MEMINFO_SNDBUF), queued };
  }

  // Bytes.

  send(fd: number, text: string, flags = 0): Outcome {
    const bytes = Buffer.from(text, "latin1");
    this.#data.bytes.set(bytes);
    return this.outcome(this.libc.send(fd, this.#data.at(0), bytes.length, flags | abi.MSG_NOSIGNAL));
  }

  sendBytes(fd: number, count: number, flags = 0): Outcome {
    return this.outcome(this.libc.send(fd, this.#data.at(0), count, flags | abi.MSG_NOSIGNAL));
  }

  recv(fd: number, limit = 65_536, flags = 0): string {
    const result = this.libc.recv(fd, this.#data.at(0), limit, flags);
    if (result < 0) return errnoName(this.libc.errno[0]!);
    return result === 0 ? "FIN" : Buffer.from(this.#data.bytes.subarray(0, result)).toString("latin1");
  }

  recvBytes(fd: number, limit: number): Outcome {
    return this.outcome(this.libc.recv(fd, this.#data.at(0), limit, 0));
  }

  read(fd: number, limit = 65_536): string {
    const result = this.libc.read(fd, this.#data.at(0), limit);
    if (result < 0) return errnoName(this.libc.errno[0]!);
    return result === 0 ? "FIN" : Buffer.from(this.#data.bytes.subarray(0, result)).toString("latin1");
  }

  write(fd: number, text: string): Outcome {
    const bytes = Buffer.from(text, "latin1");
    this.#data.bytes.set(bytes);
    return this.outcome(this.libc.write(fd, this.#data.at(0), bytes.length));
  }

  unacknowledged(fd: number): number {
    assert.equal(this.outcome(this.libc.ioctl(fd, abi.SIOCOUTQ, this.#memory.at(0))), 0);
    return this.#view.getInt32(0, true);
  }

  /** Sends until the kernel takes no more; returns how much it took. */
  fill(fd: number): number {
    let total = 0;
    for (;;) {
      const sent = this.sendBytes(fd, 65_536);
      if (typeof sent === "string") {
        assert.equal(sent, "EAGAIN");
        this.world.sleep(SETTLE_MS);
        const again = this.sendBytes(fd, 65_536);
        if (again === "EAGAIN") return total;
        total += again as number;
      } else {
        total += sent;
      }
    }
  }

  /** Reads `count` bytes, waiting for them. */
  drain(fd: number, count: number): void {
    const deadline = performance.now() + PATIENCE_MS;
    for (let left = count; left > 0; ) {
      const received = this.recvBytes(fd, Math.min(left, BYTES));
      if (typeof received === "number") {
        assert.ok(received > 0, "FIN too early");
        left -= received;
      } else {
        assert.equal(received, "EAGAIN");
        assert.ok(performance.now() < deadline, `${left} bytes have not come`);
        this.world.sleep(1);
      }
    }
  }

  /** Reads until there is something other than EAGAIN. */
  recvSoon(fd: number, limit?: number): string {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const received = this.recv(fd, limit);
      if (received !== "EAGAIN") return received;
      assert.ok(performance.now() < deadline, "nothing comes");
      this.world.sleep(1);
    }
  }

  // Descriptors that are no sockets.

  eventfd(initial = 0): number {
    return this.fd(this.libc.eventfd(initial, abi.EFD_NONBLOCK | abi.EFD_CLOEXEC));
  }

  /** Adds to an eventfd. */
  signal(fd: number, count = 1): Outcome {
    this.#view.setBigUint64(0, BigInt(count), true);
    return this.outcome(this.libc.write(fd, this.#memory.at(0), 8));
  }

  /** Takes an eventfd's count. */
  takeCount(fd: number): Outcome {
    const result = this.libc.read(fd, this.#memory.at(0), 8);
    return result < 0 ? this.outcome(result) : Number(this.#view.getBigUint64(0, true));
  }

  /** Read end, write end. */
  pipe(): [number, number] {
    assert.equal(this.outcome(this.tryPipe()), 0);
    return [this.fd(this.#view.getInt32(0, true)), this.fd(this.#view.getInt32(4, true))];
  }

  tryPipe(): number {
    return this.libc.pipe2(this.#memory.at(0), abi.O_NONBLOCK | abi.O_CLOEXEC);
  }

  splice(from: number, to: number, length: number): Outcome {
    const { libc } = this;
    return this.outcome(libc.splice(from, libc.nil, to, libc.nil, length, abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK));
  }

  // Events.

  epoll(): EpollBench {
    return new EpollBench(this, this.fd(this.libc.epoll_create1(abi.EPOLL_CLOEXEC)));
  }

  /** RLIMIT_NOFILE's soft limit becomes `limit`; returns a way back. */
  limitDescriptors(limit: number): () => void {
    const { libc } = this;
    assert.equal(libc.getrlimit(abi.RLIMIT_NOFILE, this.#memory.at(1024)), 0);
    const before = this.#view.getBigUint64(1024, true);
    this.#view.setBigUint64(1024, BigInt(limit), true);
    assert.equal(this.outcome(libc.setrlimit(abi.RLIMIT_NOFILE, this.#memory.at(1024))), 0);
    return () => {
      libc.getrlimit(abi.RLIMIT_NOFILE, this.#memory.at(1024));
      this.#view.setBigUint64(1024, before, true);
      assert.equal(libc.setrlimit(abi.RLIMIT_NOFILE, this.#memory.at(1024)), 0);
    };
  }
}

/** An epoll set whose reports are read as text. */
export class EpollBench {
  readonly fd: number;
  readonly #bench: Bench;
  readonly #layout = abi.EPOLL_EVENT[process.arch]!;
  readonly #memory: NativeMemory;
  readonly #view: DataView;

  constructor(bench: Bench, fd: number) {
    this.#bench = bench;
    this.fd = fd;
    this.#memory = bench.libc.alloc(4096);
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  /** `tag` comes back with every report. */
  add(fd: number, events = ALL_EDGES, tag = fd): Outcome {
    return this.control(abi.EPOLL_CTL_ADD, fd, events, tag);
  }

  control(operation: number, fd: number, events: number, tag = fd): Outcome {
    this.#view.setInt32(0, events, true);
    this.#view.setInt32(this.#layout.data, tag, true);
    this.#view.setInt32(this.#layout.data + 4, ~tag, true);
    return this.#bench.outcome(this.#bench.libc.epoll_ctl(this.fd, operation, fd, this.#memory.at(0)));
  }

  /** One call: the tags in the order of the report, each with its events. */
  wait(timeout: number, capacity = 64): [number, string][] {
    const { size, data } = this.#layout;
    const count = this.#bench.libc.epoll_wait(this.fd, this.#memory.at(0), capacity, timeout);
    assert.ok(count >= 0, `epoll_wait: ${this.#bench.outcome(count)}`);
    return Array.from({ length: count }, (_, i) => {
      const tag = this.#view.getInt32(i * size + data, true);
      assert.equal(this.#view.getInt32(i * size + data + 4, true), ~tag);
      return [tag, names(this.#view.getUint32(i * size, true))];
    });
  }

  /** What the next call reports, which must be something. */
  next(capacity?: number): Record<number, string> {
    const found = this.wait(PATIENCE_MS, capacity);
    assert.ok(found.length > 0, "no event comes");
    return Object.fromEntries(found);
  }

  /** Calls until `tag` was reported with all of `events`; what else comes is not looked at. */
  until(tag: number, events: string): string {
    for (;;) {
      const found = this.next()[tag] ?? "";
      if (events.split(" ").every((name) => found.split(" ").includes(name))) return found;
    }
  }

  /** There is no event, and none comes. */
  quiet(): void {
    assert.deepEqual(this.wait(QUIET_MS), []);
  }

  /** Drops what there is. */
  clear(): void {
    while (this.wait(QUIET_MS).length > 0);
  }
}

function names(events: number): string {
  return EVENTS.filter(([bit]) => events & bit)
    .map(([, name]) => name)
    .join(" ");
}
