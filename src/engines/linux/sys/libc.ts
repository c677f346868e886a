/**
 * The C library as the Linux engine sees it: only the calls it makes, the same on every runtime. `#ffi` names the
 * binding of the runtime at hand (bun.ts, deno.ts, node.ts), which opens the library of the running process by name.
 *
 * Sizes and offsets stay within 32 bits, so no call goes through BigInt. A call that fails returns -1 (or its low 32 bits)
 * and leaves the reason in `errno`, which must be read before the next call.
 */

import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./abi.ts";

declare const pointer: unique symbol;

/** An address as the runtime's FFI takes it (number, object, bigint): opaque, since only a binding can compute with it. */
export interface Pointer {
  readonly [pointer]: true;
}

/** Zeroed memory from the C library, seen from JavaScript. The collector neither moves nor frees it; it lives as long as the process. */
export interface NativeMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The address `offset` bytes in. Costs an allocation on some runtimes: keep those used often. */
  at(offset: number): Pointer;
  /** Writes an address into this memory, for a struct that holds one. */
  putPointer(offset: number, to: Pointer): void;
}

export interface Libc {
  /** errno of this thread, seen in place: `errno[0]` is a plain load. */
  readonly errno: Int32Array;
  /** The null pointer. */
  readonly nil: Pointer;
  /** Throws a RangeError when there is no memory left. */
  alloc(size: number): NativeMemory;
  /** The same in pages of its own, which only take memory once they are written, and no longer after madvise(MADV_DONTNEED). */
  pages(size: number): NativeMemory;
  /** ms on the monotonic clock that all threads share (now.ts). Part of this contract, so that a simulated kernel moves the time, too. */
  now(): number;
  /** ms of a processor that a thread of this process has taken; -1: there is no such thread. */
  threadMs(tid: number): number;

  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Pointer, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Pointer, length: Pointer, flags: number): number;
  connect(fd: number, address: Pointer, length: number): number;
  getsockname(fd: number, address: Pointer, length: Pointer): number;
  getsockopt(fd: number, level: number, option: number, value: Pointer, length: Pointer): number;
  setsockopt(fd: number, level: number, option: number, value: Pointer, length: number): number;
  recv(fd: number, data: Pointer, length: number, flags: number): number;
  send(fd: number, data: Pointer, length: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  read(fd: number, data: Pointer, length: number): number;
  write(fd: number, data: Pointer, length: number): number;
  /** `path`: with a 0 at its end. */
  open(path: Pointer, flags: number): number;
  close(fd: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Pointer): number;
  epoll_wait(epoll: number, events: Pointer, capacity: number, timeout: number): number;
  eventfd(initial: number, flags: number): number;
  pipe2(ends: Pointer, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  ioctl(fd: number, request: number, result: Pointer): number;
  /** Both offsets are `nil` for sockets and pipes. */
  splice(from: number, fromOffset: Pointer, to: number, toOffset: Pointer, length: number, flags: number): number;
  madvise(pages: Pointer, length: number, advice: number): number;
  getrlimit(resource: number, limit: Pointer): number;
  setrlimit(resource: number, limit: Pointer): number;
  /** One without parameters. */
  syscall(number: number): number;
}

/** Parameters of a C function by kind: `i` int, `u` size_t or socklen_t within 32 bits, `p` pointer. All return int. */
export type Signature = readonly ("i" | "u" | "p")[];

/** Every C function that a binding has to look up, named as in the library. */
export const SIGNATURES = {
  socket: ["i", "i", "i"],
  bind: ["i", "p", "u"],
  listen: ["i", "i"],
  accept4: ["i", "p", "p", "i"],
  connect: ["i", "p", "u"],
  getsockname: ["i", "p", "p"],
  getsockopt: ["i", "i", "i", "p", "p"],
  setsockopt: ["i", "i", "i", "p", "u"],
  recv: ["i", "p", "u", "i"],
  send: ["i", "p", "u", "i"],
  shutdown: ["i", "i"],
  read: ["i", "p", "u"],
  write: ["i", "p", "u"],
  open: ["p", "i"],
  close: ["i"],
  epoll_create1: ["i"],
  epoll_ctl: ["i", "i", "i", "p"],
  epoll_wait: ["i", "p", "i", "i"],
  eventfd: ["u", "i"],
  pipe2: ["p", "i"],
  fcntl: ["i", "i", "i"],
  ioctl: ["i", "u", "p"],
  splice: ["i", "p", "i", "p", "u", "u"],
  madvise: ["p", "u", "i"],
  getrlimit: ["i", "p"],
  setrlimit: ["i", "p"],
  syscall: ["i"],
} as const satisfies Record<string, Signature>;

export type CallName = keyof typeof SIGNATURES;
export type Calls = Pick<Libc, CallName>;

/** mmap's arguments for `pages`. Its last parameter has 64 bits, of which a 0 fills all. */
export const MMAP = {
  parameters: ["p", "u", "i", "i", "i", "i"] as const satisfies Signature,
  protection: PROT_READ | PROT_WRITE,
  flags: MAP_PRIVATE | MAP_ANONYMOUS,
  /** (void *) -1 */
  failed: 2n ** 64n - 1n,
};
