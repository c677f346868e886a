/** Datagrams to a Unix socket, which no runtime's own sockets send. */
import { openLibc } from "#ffi";
import * as abi from "./abi.ts";
import { failureOf } from "./errno.ts";
import type { Libc, NativeMemory } from "./libc.ts";
import { encodePathOrName } from "./sockaddr.ts";

/** Bytes of one: more than anybody here sends. */
export const MOST_DATAGRAM = 4096;

/** What was given up on the way, and is worth another attempt once the socket has been connected anew: its owner has made another. */
const STALE: readonly number[] = [abi.ECONNREFUSED, abi.ECONNRESET, abi.ENOTCONN];

export interface Datagrams {
  /** Never waits: false, if the receiver has not read what came before. Throws NetError. */
  send(text: string): boolean;
  /** ms on the kernel's monotonic clock. */
  now(): number;
}

/** To the socket at a path, or with an abstract name (`@name`). Null where this runtime cannot call the C library. Throws NetError. */
export function openDatagrams(path: string): Datagrams | null {
  const libc = process.platform === "linux" ? openLibc() : null;
  return libc === null ? null : new DatagramSocket(libc, path);
}

/** One descriptor from the start to the end of the process: when there are no more, it still has to say that it lives. */
class DatagramSocket implements Datagrams {
  readonly #libc: Libc;
  readonly #path: string;
  readonly #fd: number;
  readonly #address: NativeMemory;
  readonly #length: number;
  readonly #data: NativeMemory;

  constructor(libc: Libc, path: string) {
    this.#libc = libc;
    this.#path = path;
    this.#address = libc.alloc(abi.SOCKADDR_MAX);
    this.#length = encodePathOrName(path, this.#address.bytes);
    this.#data = libc.alloc(MOST_DATAGRAM);
    this.#fd = libc.socket(abi.AF_UNIX, abi.SOCK_DGRAM | abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK, 0);
    if (this.#fd < 0) throw this.#failure(libc.errno[0]!);
    if (this.#connect() < 0) {
      const errno = libc.errno[0]!;
      libc.close(this.#fd);
      throw this.#failure(errno);
    }
  }

  send(text: string): boolean {
    const { written } = new TextEncoder().encodeInto(text, this.#data.bytes);
    let errno = this.#sendBytes(written);
    if (STALE.includes(errno) && this.#connect() === 0) errno = this.#sendBytes(written);
    if (errno !== 0 && errno !== abi.EAGAIN) throw this.#failure(errno);
    return errno === 0;
  }

  now(): number {
    return this.#libc.now();
  }

  #connect(): number {
    return this.#libc.connect(this.#fd, this.#address.at(0), this.#length);
  }

  /** Returns 0, or errno. */
  #sendBytes(length: number): number {
    const sent = this.#libc.send(this.#fd, this.#data.at(0), length, abi.MSG_NOSIGNAL);
    return sent < 0 ? this.#libc.errno[0]! : 0;
  }

  #failure(errno: number): Error {
    return failureOf(errno, `cannot send to ${this.#path}`);
  }
}
