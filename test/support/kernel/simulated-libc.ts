/** The engine's system calls, answered by a SimulatedKernel. One per thread: each has an errno of its own. */
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import type { CallName, Libc, NativeMemory, Pointer } from "../../../src/engines/linux/sys/libc.ts";
import { asEpoll, type Epoll } from "./epoll.ts";
import { EventFd } from "./eventfd.ts";
import { asSocket, type File, Socket } from "./file.ts";
import type { SimulatedKernel } from "./kernel.ts";
import {
  allocate,
  bytesAt,
  dropPages,
  NIL,
  putInt,
  readInt,
  readIntFrom,
  textAt,
  writeInt,
  writeSized,
} from "./memory.ts";
import {
  ENOTTY,
  ESPIPE,
  errnoName,
  F_GETFD,
  F_GETFL,
  F_GETPIPE_SZ,
  F_SETFL,
  FD_CLOEXEC,
  MSG_DONTWAIT,
} from "./numbers.ts";
import { Pipe, PipeEnd } from "./pipe.ts";
import { splice } from "./splice.ts";
import { TcpSocket } from "./tcp/socket.ts";
import { TextFile } from "./text-file.ts";
import { UnixSocket } from "./unix-socket.ts";

/** Which side of a socket is busy when a call on it says EAGAIN. */
const STALLS: Partial<Record<CallName, number>> = {
  recv: abi.EPOLLIN,
  read: abi.EPOLLIN,
  send: abi.EPOLLOUT,
  write: abi.EPOLLOUT,
};
/** In place of a side: a call that needs nothing, and so can lack nothing. */
const NEVER_FAILS = -1;
/** Calls kept for messages. */
const TRACED = 200;

export interface SimulatedLibcOptions {
  /**
   * What a thread does that has to wait in epoll_wait. "advance": the clock moves on until something has happened, or the
   * time-out has passed. "park": `Parked` is thrown, and the same call made again later goes on waiting.
   */
  readonly waiting?: "advance" | "park";
}

/**
 * Thrown where the thread would sleep in epoll_wait. The set says for how long, and whether it has something to report. No Error:
 * it is thrown with every sleep, and a stack would cost more than everything else.
 */
export class Parked {
  readonly epoll: Epoll;

  constructor(epoll: Epoll) {
    this.epoll = epoll;
  }
}

export function simulatedLibc(kernel: SimulatedKernel, options: SimulatedLibcOptions = {}): Libc {
  return new SimulatedCalls(kernel, options.waiting ?? "advance").libc;
}

class SimulatedCalls {
  readonly libc: Libc;
  readonly #kernel: SimulatedKernel;
  readonly #waiting: "advance" | "park";
  readonly #errno = new Int32Array(1);
  readonly #layout = abi.EPOLL_EVENT[process.arch] ?? abi.EPOLL_EVENT.x64!;

  constructor(kernel: SimulatedKernel, waiting: "advance" | "park") {
    this.#kernel = kernel;
    this.#waiting = waiting;
    this.libc = {
      errno: this.#errno,
      now: () => kernel.clock.now(),
      threadMs: () => -1, // no thread of its own takes any time
      nil: NIL,
      alloc: (size) => this.#alloc(size, false),
      pages: (size) => this.#alloc(size, true),
      socket: (domain, type) => this.#call("socket", -1, () => this.#socket(domain, type)),
      bind: (fd, address, length) => this.#onSocket("bind", fd, (s) => s.bind(bytesAt(address, length))),
      listen: (fd, backlog) => this.#onSocket("listen", fd, (s) => s.listen(backlog)),
      accept4: (fd, address, length, flags) => this.#accept(fd, address, length, flags),
      connect: (fd, address, length) =>
        this.#onSocket("connect", fd, (s) => this.#blocking(s, s.connect(bytesAt(address, length)), abi.EINPROGRESS)),
      getsockname: (fd, address, length) =>
        this.#onSocket("getsockname", fd, (s) => {
          writeSized(address, length, s.localName());
          return 0;
        }),
      getsockopt: (fd, level, option, value, length) =>
        this.#onSocket("getsockopt", fd, (s) => getOption(s, level, option, value, length)),
      setsockopt: (fd, level, option, value, length) =>
        this.#onSocket("setsockopt", fd, (s) => s.setOption(level, option, bytesAt(value, length))),
      recv: (fd, data, length, flags) => this.#recv(fd, data, length, flags),
      send: (fd, data, length, flags) => this.#send(fd, data, length, flags),
      shutdown: (fd, how) => this.#onSocket("shutdown", fd, (s) => s.shutdown(how)),
      read: (fd, data, length) =>
        this.#onFile("read", fd, (file) => this.#blocking(file, file.read(bytesAt(data, length)))),
      write: (fd, data, length) =>
        this.#onFile("write", fd, (file) => this.#blocking(file, file.write(bytesAt(data, length)))),
      open: (path, flags) => this.#call("open", -1, () => this.#openFile(textAt(path), flags)),
      close: (fd) => this.#call("close", fd, () => (kernel.close(fd) ? 0 : -abi.EBADF)),
      epoll_create1: (flags) =>
        this.#call("epoll_create1", -1, () => kernel.open(kernel.newEpoll(), (flags & abi.EPOLL_CLOEXEC) !== 0)),
      epoll_ctl: (epoll, operation, fd, event) => this.#epollCtl(epoll, operation, fd, event),
      epoll_wait: (epoll, events, capacity, timeout) => this.#epollWait(epoll, events, capacity, timeout),
      eventfd: (initial, flags) => this.#call("eventfd", -1, () => this.#eventfd(initial, flags)),
      pipe2: (ends, flags) => this.#call("pipe2", -1, () => this.#pipe(ends, flags)),
      fcntl: (fd, command, argument) => this.#fcntl(fd, command, argument),
      ioctl: (fd, request, result) =>
        this.#onSocket("ioctl", fd, (s) => {
          if (request !== abi.SIOCOUTQ) return -ENOTTY;
          writeInt(result, s.unacknowledged);
          return 0;
        }),
      splice: (from, fromOffset, to, toOffset, length, flags) =>
        this.#splice(from, fromOffset, to, toOffset, length, flags),
      madvise: (pages, length, advice) => this.#call("madvise", -1, () => this.#madvise(pages, length, advice)),
      getrlimit: (resource, limit) => this.#call("getrlimit", -1, () => this.#getLimit(resource, limit)),
      setrlimit: (resource, limit) => this.#call("setrlimit", -1, () => this.#setLimit(resource, limit)),
      syscall: () => this.#call("syscall", -1, () => ++kernel.threads, NEVER_FAILS),
    };
  }

  #alloc(size: number, mapped: boolean): NativeMemory {
    if (size === 0) throw new RangeError("no memory for 0 bytes");
    this.#kernel.allocated += size;
    return allocate(size, mapped);
  }

  #madvise(pages: Pointer, length: number, advice: number): number {
    if (advice !== abi.MADV_DONTNEED) return -abi.EINVAL;
    const result = dropPages(pages, length);
    if (result === 0) this.#kernel.givenBack += length;
    return result;
  }

  /** Every call passes here: the test's hook, faults, errno and the trace. */
  #call(name: CallName, fd: number, run: () => number, stalls = STALLS[name] ?? 0): number {
    const kernel = this.#kernel;
    kernel.calls++;
    kernel.beforeCall?.(name, fd);
    const fault = kernel.faults.next(name);
    const result = fault !== 0 && this.#mayFail(name, fd, fault, stalls) ? -fault : run();
    if (kernel.trace !== null) note(kernel, name, fd, result);
    if (result >= 0) return result;
    this.#errno[0] = -result;
    return -1;
  }

  /**
   * Lets the rest of the world see what such a failure means; false when the kernel could not fail like this now. `stalls`: the
   * side of the socket that has to be busy when the call says EAGAIN.
   */
  #mayFail(name: CallName, fd: number, errno: number, stalls: number): boolean {
    const file = this.#kernel.descriptors.file(fd);
    if (name === "accept4" && errno === abi.ECONNABORTED && file instanceof Socket) {
      const lost = file.accept();
      if (typeof lost === "number") return false;
      resetAndRelease(lost);
    }
    if (stalls === NEVER_FAILS) return false;
    if (errno !== abi.EAGAIN || !(file instanceof Socket) || stalls === 0) return true;
    return file.stall(stalls, this.#kernel.faults.stallMs());
  }

  #onFile(name: CallName, fd: number, run: (file: File) => number): number {
    return this.#call(name, fd, () => {
      const file = this.#kernel.descriptors.file(fd);
      return file === undefined ? -abi.EBADF : run(file);
    });
  }

  #onSocket(name: CallName, fd: number, run: (socket: Socket) => number): number {
    return this.#onFile(name, fd, (file) => {
      const socket = asSocket(file);
      return typeof socket === "number" ? socket : run(socket);
    });
  }

  /** A call that would wait: the threads of a simulation cannot, and the engine's never should. */
  #blocking(file: File, result: number, waits = abi.EAGAIN): number {
    if (result === -waits && !file.nonBlocking) throw new Error(`a call on a blocking ${file.kind} waits for ever`);
    return result;
  }

  #socket(domain: number, type: number): number {
    const kernel = this.#kernel;
    if ((type & 0xf) !== abi.SOCK_STREAM) return -abi.EINVAL;
    let socket: Socket;
    if (domain === abi.AF_UNIX) socket = new UnixSocket(kernel.unix, kernel.clock, kernel.sendBuffer);
    else if (domain === abi.AF_INET || domain === abi.AF_INET6)
      socket = new TcpSocket(kernel.network, domain, kernel.newOptions());
    else return -abi.EAFNOSUPPORT;
    socket.nonBlocking = (type & abi.SOCK_NONBLOCK) !== 0;
    return kernel.open(socket, (type & abi.SOCK_CLOEXEC) !== 0);
  }

  /** The one file that there is. */
  #openFile(path: string, flags: number): number {
    const kernel = this.#kernel;
    if (path !== "/proc/sys/net/ipv4/ip_local_port_range") return -abi.ENOENT;
    return kernel.open(new TextFile(`${kernel.network.ports.join("\t")}\n`), (flags & abi.O_CLOEXEC) !== 0);
  }

  #accept(fd: number, address: Pointer, length: Pointer, flags: number): number {
    return this.#onSocket("accept4", fd, (listener) => {
      // Linux takes the number first: a connection is not lost for want of one.
      if (!this.#kernel.descriptors.hasRoom(1)) return -abi.EMFILE;
      const socket = listener.accept();
      if (typeof socket === "number") return this.#blocking(listener, socket);
      socket.nonBlocking = (flags & abi.SOCK_NONBLOCK) !== 0;
      const accepted = this.#kernel.open(socket, (flags & abi.SOCK_CLOEXEC) !== 0);
      this.#kernel.accepted++;
      if (address !== NIL) writeSized(address, length, socket.acceptedFrom());
      return accepted;
    });
  }

  #recv(fd: number, data: Pointer, length: number, flags: number): number {
    return this.#onSocket("recv", fd, (socket) => {
      const result = socket.recv(bytesAt(data, length), flags);
      return flags & MSG_DONTWAIT ? result : this.#blocking(socket, result);
    });
  }

  #send(fd: number, data: Pointer, length: number, flags: number): number {
    return this.#onSocket("send", fd, (socket) => {
      const limit = this.#kernel.faults.limit("send", length);
      const result = socket.send(bytesAt(data, limit), flags);
      // A short write means that there is no more room for now.
      if (limit < length && result >= 0) socket.stall(abi.EPOLLOUT, this.#kernel.faults.stallMs());
      if (result === -abi.EPIPE && (flags & abi.MSG_NOSIGNAL) === 0)
        throw new Error("SIGPIPE: a send without MSG_NOSIGNAL");
      return flags & MSG_DONTWAIT ? result : this.#blocking(socket, result);
    });
  }

  #epollCtl(epollFd: number, operation: number, fd: number, event: Pointer): number {
    const run = () => {
      const { descriptors } = this.#kernel;
      const file = descriptors.file(fd);
      const epoll = asEpoll(descriptors.file(epollFd));
      if (file === undefined) return -abi.EBADF;
      if (typeof epoll === "number") return epoll;
      if (operation === abi.EPOLL_CTL_DEL) return epoll.remove(file);
      const bytes = bytesAt(event, this.#layout.size);
      const events = readIntFrom(bytes, 0);
      const low = readIntFrom(bytes, this.#layout.data);
      const high = readIntFrom(bytes, this.#layout.data + 4);
      if (operation === abi.EPOLL_CTL_ADD) return epoll.add(file, events, low, high);
      return operation === abi.EPOLL_CTL_MOD ? epoll.modify(file, events, low, high) : -abi.EINVAL;
    };
    return this.#call("epoll_ctl", fd, run, operation === abi.EPOLL_CTL_ADD ? 0 : NEVER_FAILS);
  }

  #epollWait(fd: number, events: Pointer, capacity: number, timeout: number): number {
    return this.#call("epoll_wait", fd, () => {
      const epoll = asEpoll(this.#kernel.descriptors.file(fd));
      if (typeof epoll === "number") return epoll;
      const into = bytesAt(events, capacity * this.#layout.size);
      const { clock } = this.#kernel;
      const give = timeout < 0 ? Number.POSITIVE_INFINITY : clock.now() + timeout;
      epoll.waitsUntil = Math.min(epoll.waitsUntil ?? give, give); // a call after `Parked` may have more of a hurry
      for (;;) {
        const count = this.#collect(epoll, into, capacity);
        if (count !== 0 || clock.now() >= epoll.waitsUntil) {
          epoll.waitsUntil = null;
          return count;
        }
        if (this.#waiting === "park") throw new Parked(epoll);
        if (!clock.step(epoll.waitsUntil)) this.#sleepOut(epoll.waitsUntil);
      }
    });
  }

  /** Nothing happens any more before the time-out. */
  #sleepOut(until: number): void {
    if (until === Number.POSITIVE_INFINITY)
      throw new Error("epoll_wait without a time-out, and nothing will ever happen");
    this.#kernel.clock.advanceTo(until);
  }

  #collect(epoll: Epoll, into: Uint8Array, capacity: number): number {
    const { size, data } = this.#layout;
    let at = 0;
    return epoll.collect(capacity, (item, events) => {
      putInt(into, at, events);
      putInt(into, at + data, item.low);
      putInt(into, at + data + 4, item.high);
      at += size;
    });
  }

  #eventfd(initial: number, flags: number): number {
    const file = new EventFd(initial, (flags & abi.EFD_NONBLOCK) !== 0);
    return this.#kernel.open(file, (flags & abi.EFD_CLOEXEC) !== 0);
  }

  #pipe(ends: Pointer, flags: number): number {
    const kernel = this.#kernel;
    if (!kernel.descriptors.hasRoom(2)) return -abi.EMFILE;
    const pipe = new Pipe((flags & abi.O_NONBLOCK) !== 0);
    const closeOnExec = (flags & abi.O_CLOEXEC) !== 0;
    const into = bytesAt(ends, 8);
    putInt(into, 0, kernel.open(pipe.readEnd, closeOnExec));
    putInt(into, 4, kernel.open(pipe.writeEnd, closeOnExec));
    return 0;
  }

  #fcntl(fd: number, command: number, argument: number): number {
    return this.#onFile("fcntl", fd, (file) => {
      const entry = this.#kernel.descriptors.get(fd)!;
      if (command === F_GETFD) return entry.closeOnExec ? FD_CLOEXEC : 0;
      if (command === F_GETFL) return file.nonBlocking ? abi.O_NONBLOCK : 0;
      if (command === F_SETFL) {
        file.nonBlocking = (argument & abi.O_NONBLOCK) !== 0;
        return 0;
      }
      if (!(file instanceof PipeEnd)) return command === abi.F_SETPIPE_SZ ? -abi.EBADF : -abi.EINVAL;
      if (command === F_GETPIPE_SZ) return file.pipe.bytes;
      return command === abi.F_SETPIPE_SZ ? file.pipe.resize(argument, this.#kernel.pipeBytes) : -abi.EINVAL;
    });
  }

  #splice(from: number, fromOffset: Pointer, to: number, toOffset: Pointer, length: number, flags: number): number {
    const { descriptors, faults } = this.#kernel;
    const inward = descriptors.file(from) instanceof Socket;
    const run = () => {
      const source = descriptors.file(from);
      const sink = descriptors.file(to);
      if (source === undefined || sink === undefined) return -abi.EBADF;
      if (fromOffset !== NIL || toOffset !== NIL) return -ESPIPE;
      if (source instanceof PipeEnd && !source.reads) return -abi.EBADF;
      if (sink instanceof PipeEnd && sink.reads) return -abi.EBADF;
      const result = splice(source, sink, faults.limit("splice", length), flags);
      const waits = (flags & abi.SPLICE_F_NONBLOCK) === 0 || source instanceof Socket ? source : sink;
      return this.#blocking(waits, result);
    };
    // The socket is what a fault is about, on whichever side it is.
    return this.#call("splice", inward ? from : to, run, inward ? abi.EPOLLIN : abi.EPOLLOUT);
  }

  #getLimit(resource: number, limit: Pointer): number {
    if (resource !== abi.RLIMIT_NOFILE) return -abi.EINVAL;
    const { soft, hard } = this.#kernel.descriptors;
    const into = bytesAt(limit, abi.RLIMIT_SIZE);
    for (const [at, value] of [soft, 0, hard, 0].entries()) putInt(into, 4 * at, value);
    return 0;
  }

  #setLimit(resource: number, limit: Pointer): number {
    if (resource !== abi.RLIMIT_NOFILE) return -abi.EINVAL;
    const from = bytesAt(limit, abi.RLIMIT_SIZE);
    const soft = readIntFrom(from, 0) >>> 0;
    const hard = readIntFrom(from, 8) >>> 0;
    if (soft > hard) return -abi.EINVAL;
    if (hard > this.#kernel.descriptors.hard) return -abi.EPERM;
    this.#kernel.descriptors.soft = soft;
    this.#kernel.descriptors.hard = hard;
    return 0;
  }
}

function getOption(socket: Socket, level: number, option: number, value: Pointer, length: Pointer): number {
  const room = readInt(length);
  const result = socket.getOption(level, option, bytesAt(value, room));
  if (result < 0) return result;
  writeInt(length, result);
  return 0;
}

function resetAndRelease(socket: Socket): void {
  const linger = new Uint8Array(8);
  linger[0] = 1;
  socket.setOption(abi.SOL_SOCKET, abi.SO_LINGER, linger);
  socket.release();
}

function note(kernel: SimulatedKernel, name: CallName, fd: number, result: number): void {
  const trace = kernel.trace!;
  trace.push({ name, fd, result });
  if (trace.length > 2 * TRACED) trace.splice(0, TRACED);
}

/** The last calls, one a line: what a failing simulation prints. */
export function formatTrace(kernel: SimulatedKernel): string {
  const calls = kernel.trace?.slice(-TRACED) ?? [];
  return calls.map(({ name, fd, result }) => `${name}(${fd}) = ${result < 0 ? errnoName(-result) : result}`).join("\n");
}
