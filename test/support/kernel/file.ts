import { EINVAL } from "../../../src/engines/linux/sys/abi.ts";
import { ENOTSOCK } from "./numbers.ts";

/** Is told of a file's changes: an epoll set's item, or a test's peer. */
export interface Watcher {
  /** `key`: the events that changed, or 0 when it may be any (a change of state). */
  onWake(key: number): void;
}

/** What a descriptor stands for. Operations return a count or a descriptor, or the negative errno, as inside a kernel. */
export abstract class File {
  /** For messages: "tcp", "pipe", … */
  abstract readonly kind: string;
  nonBlocking = false;
  readonly #watchers: Watcher[] = [];

  /** The events that hold now. Epoll filters them; EPOLLERR and EPOLLHUP always pass. */
  abstract poll(): number;

  /** The last descriptor was closed. */
  abstract release(): void;

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  unwatch(watcher: Watcher): void {
    const at = this.#watchers.indexOf(watcher);
    if (at >= 0) this.#watchers.splice(at, 1);
  }

  get watchers(): readonly Watcher[] {
    return this.#watchers;
  }

  wake(key: number): void {
    for (const watcher of this.#watchers) watcher.onWake(key);
  }

  read(_into: Uint8Array): number {
    return -EINVAL;
  }

  write(_from: Uint8Array): number {
    return -EINVAL;
  }
}

/** The calls that only sockets have; anything else answers ENOTSOCK. */
export abstract class Socket extends File {
  /** AF_INET, AF_INET6 or AF_UNIX. */
  abstract readonly family: number;

  abstract bind(address: Uint8Array): number;
  abstract listen(backlog: number): number;
  /** The next connection of the accept queue, or a negative errno. */
  abstract accept(): Socket | number;
  abstract connect(address: Uint8Array): number;
  abstract recv(into: Uint8Array, flags: number): number;
  abstract send(from: Uint8Array, flags: number): number;
  abstract shutdown(how: number): number;
  abstract setOption(level: number, option: number, value: Uint8Array): number;
  /** Bytes that its peer has not acknowledged; of a Unix socket, not read. SIOCOUTQ. */
  abstract get unacknowledged(): number;
  /** Writes into `into` and returns the length, or a negative errno. */
  abstract getOption(level: number, option: number, into: Uint8Array): number;
  /** A sockaddr. */
  abstract localName(): Uint8Array;
  /** The peer's sockaddr for accept4, which has it of a connection that was reset meanwhile, too. */
  abstract acceptedFrom(): Uint8Array;

  /** For splice: hands out views, `limit` bytes at most and no more at once than `room` says. The count, or a negative errno. */
  abstract spliceOut(limit: number, room: () => number, take: (chunk: Uint8Array) => void): number;
  /** For splice: sends views that nobody will change any more. */
  abstract sendChunks(chunks: readonly Uint8Array[], more: boolean): number;

  /**
   * Has the socket behave for `ms` as if nothing more had come (EPOLLIN), or as if there were no room (EPOLLOUT); at the end it
   * wakes as if it had now. False: it cannot, since a kernel that has a FIN or an error never says EAGAIN again.
   */
  abstract stall(key: number, ms: number): boolean;

  override read(into: Uint8Array): number {
    return this.recv(into, 0);
  }

  override write(from: Uint8Array): number {
    return this.send(from, 0);
  }
}

export function asSocket(file: File): Socket | number {
  return file instanceof Socket ? file : -ENOTSOCK;
}
