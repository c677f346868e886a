/** Stream sockets of AF_UNIX, as net/unix/af_unix.c has them: what is sent lies in the receiver's queue at once, and counts for its sender. */
import * as abi from "../../../src/engines/linux/sys/abi.ts";
import { ByteQueue } from "./byte-queue.ts";
import { Socket } from "./file.ts";
import { putInt, putMemory } from "./memory.ts";
import { EISCONN, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, MSG_OOB, MSG_PEEK, SHUT_RD } from "./numbers.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const RCV_SHUTDOWN = 1;
const SEND_SHUTDOWN = 2;
const BOTH = RCV_SHUTDOWN | SEND_SHUTDOWN;

const CLOSED = 0;
const LISTENING = 1;
const CONNECTED = 2;

/** The paths at which sockets were bound. A path stays when its socket goes, and refuses then. */
export class UnixNames {
  readonly #paths = new Map<string, UnixSocket>();

  bind(path: string, socket: UnixSocket): boolean {
    if (this.#paths.has(path)) return false;
    this.#paths.set(path, socket);
    return true;
  }

  find(path: string): UnixSocket | undefined {
    return this.#paths.get(path);
  }

  unlink(path: string): void {
    this.#paths.delete(path);
  }
}

export class UnixSocket extends Socket {
  readonly kind = "unix";
  readonly family = abi.AF_UNIX;
  readonly #names: UnixNames;
  readonly #clock: VirtualClock;
  readonly #sendBuffer: number;
  #state = CLOSED;
  #path = "";
  #peer: UnixSocket | null = null;
  #shut = 0;
  #error = 0;
  readonly #received = new ByteQueue();
  #backlog = 0;
  readonly #waiting: UnixSocket[] = [];
  #stalledSend = false;
  #stalledReceive = false;

  constructor(names: UnixNames, clock: VirtualClock, sendBuffer: number) {
    super();
    this.#names = names;
    this.#clock = clock;
    this.#sendBuffer = sendBuffer;
  }

  get unacknowledged(): number {
    return this.#unread;
  }

  /** Bytes that its peer has not read. */
  get #unread(): number {
    return this.#peer === null ? 0 : this.#peer.#received.length;
  }

  get #writable(): boolean {
    return !this.#stalledSend && this.#state !== LISTENING && 4 * this.#unread <= this.#sendBuffer;
  }

  poll(): number {
    if (this.#state === LISTENING) return this.#waiting.length > 0 ? abi.EPOLLIN : 0;
    let mask = 0;
    if (this.#error !== 0) mask |= abi.EPOLLERR;
    if (this.#shut === BOTH || this.#state === CLOSED) mask |= abi.EPOLLHUP;
    if (this.#shut & RCV_SHUTDOWN) mask |= abi.EPOLLRDHUP | abi.EPOLLIN;
    if (this.#received.length > 0 && !this.#stalledReceive) mask |= abi.EPOLLIN;
    if (this.#writable) mask |= abi.EPOLLOUT;
    return mask;
  }

  release(): void {
    for (const each of this.#waiting.splice(0)) each.#leave(true);
    this.#leave(false);
  }

  #leave(refused: boolean): void {
    const peer = this.#peer;
    this.#state = CLOSED;
    this.#shut = BOTH;
    if (peer === null) return;
    if (peer.#state === CONNECTED) {
      peer.#shut = BOTH;
      if (this.#received.length > 0 || refused) peer.#error = abi.ECONNRESET;
      peer.#endStall();
      peer.wake(0);
    }
    this.#received.clear();
  }

  bind(address: Uint8Array): number {
    if (this.#path !== "") return -abi.EINVAL;
    const path = pathOf(address);
    if (typeof path === "number") return path;
    if (!this.#names.bind(path, this)) return -abi.EADDRINUSE;
    this.#path = path;
    return 0;
  }

  listen(backlog: number): number {
    if (this.#path === "" || this.#state === CONNECTED) return -abi.EINVAL;
    this.#state = LISTENING;
    this.#backlog = backlog;
    return 0;
  }

  accept(): Socket | number {
    if (this.#state !== LISTENING) return -abi.EINVAL;
    return this.#waiting.shift() ?? -abi.EAGAIN;
  }

  connect(address: Uint8Array): number {
    const path = pathOf(address);
    if (typeof path === "number") return path;
    const listener = this.#names.find(path);
    if (listener === undefined) return -abi.ENOENT;
    if (listener.#state !== LISTENING) return -abi.ECONNREFUSED;
    if (listener.#waiting.length > listener.#backlog) return -abi.EAGAIN;
    if (this.#state !== CLOSED) return this.#state === CONNECTED ? -EISCONN : -abi.EINVAL;
    const child = new UnixSocket(this.#names, this.#clock, this.#sendBuffer);
    child.#path = listener.#path;
    child.#state = CONNECTED;
    child.#peer = this;
    this.#peer = child;
    this.#state = CONNECTED;
    listener.#waiting.push(child);
    listener.wake(abi.EPOLLIN);
    return 0;
  }

  recv(into: Uint8Array, flags: number): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    if (this.#stalledReceive) return -abi.EAGAIN;
    const count = this.#received.copy(into, 0, into.length);
    if (count === 0) return into.length === 0 ? 0 : this.#nothingReceived();
    if ((flags & MSG_PEEK) === 0) this.#consumed(count);
    return count;
  }

  spliceOut(limit: number, room: () => number, take: (chunk: Uint8Array) => void): number {
    if (this.#stalledReceive) return -abi.EAGAIN;
    let count = 0;
    while (count < limit && this.#received.length > 0) {
      const part = Math.min(limit - count, room());
      if (part <= 0) break;
      const chunk = this.#received.peek(part);
      take(chunk);
      this.#consumed(chunk.length);
      count += chunk.length;
    }
    return count === 0 ? this.#nothingReceived() : count;
  }

  #consumed(count: number): void {
    this.#received.drop(count);
    // The room is the sender's, and every read tells it: there is no flag that it has wanted some.
    this.#peer?.wakeIfWritable();
  }

  wakeIfWritable(): void {
    if (this.#writable) this.wake(abi.EPOLLOUT);
  }

  #nothingReceived(): number {
    if (this.#state !== CONNECTED) return -abi.EINVAL;
    if (this.#error !== 0) return -this.#takeError();
    return this.#shut & RCV_SHUTDOWN ? 0 : -abi.EAGAIN;
  }

  send(from: Uint8Array, flags: number): number {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    return this.sendChunks([new Uint8Array(from)], false);
  }

  sendChunks(chunks: readonly Uint8Array[], _more: boolean): number {
    const peer = this.#peer;
    if (this.#state !== CONNECTED || peer === null) return -ENOTCONN;
    if (this.#shut & SEND_SHUTDOWN || peer.#state === CLOSED || peer.#shut & RCV_SHUTDOWN) return -abi.EPIPE;
    if (this.#error !== 0) return -this.#takeError();
    let room = this.#stalledSend ? 0 : this.#sendBuffer - this.#unread;
    let count = 0;
    for (const chunk of chunks) {
      if (room <= 0) break;
      const part = chunk.subarray(0, room);
      peer.#received.push(part);
      room -= part.length;
      count += part.length;
    }
    if (count > 0 && !peer.#stalledReceive) peer.wake(abi.EPOLLIN);
    return count === 0 && chunks.some(({ length }) => length > 0) ? -abi.EAGAIN : count;
  }

  shutdown(how: number): number {
    if (how < 0 || how > 2) return -abi.EINVAL;
    const bits = how === SHUT_RD ? RCV_SHUTDOWN : how === abi.SHUT_WR ? SEND_SHUTDOWN : BOTH;
    this.#shut |= bits;
    const peer = this.#peer;
    if (peer !== null && peer.#state === CONNECTED) {
      peer.#shut |= (bits & SEND_SHUTDOWN ? RCV_SHUTDOWN : 0) | (bits & RCV_SHUTDOWN ? SEND_SHUTDOWN : 0);
      peer.#endStall();
      peer.wake(0);
    }
    this.wake(0);
    return 0;
  }

  /** TCP's options are not known here; of the others, those that change nothing are taken. */
  setOption(level: number, option: number, _value: Uint8Array): number {
    if (level !== abi.SOL_SOCKET) return -EOPNOTSUPP;
    return [abi.SO_LINGER, abi.SO_KEEPALIVE, abi.SO_REUSEADDR].includes(option) ? 0 : -ENOPROTOOPT;
  }

  getOption(level: number, option: number, into: Uint8Array): number {
    if (level !== abi.SOL_SOCKET) return -EOPNOTSUPP;
    if (option === abi.SO_MEMINFO) return putMemory(into, this.#sendBuffer, abi.SK_MEMINFO_WMEM_ALLOC, this.#unread);
    if (option !== abi.SO_ERROR) return -ENOPROTOOPT;
    putInt(into, 0, this.#takeError());
    return 4;
  }

  localName(): Uint8Array {
    return nameOf(this.#path);
  }

  acceptedFrom(): Uint8Array {
    return nameOf(this.#peer === null ? "" : this.#peer.#path);
  }

  stall(key: number, ms: number): boolean {
    if (this.#state !== CONNECTED || this.#error !== 0) return false;
    const bit = key === abi.EPOLLIN ? RCV_SHUTDOWN : SEND_SHUTDOWN;
    if (this.#shut & bit) return false;
    if (key === abi.EPOLLIN && !this.#stalledReceive) {
      this.#stalledReceive = true;
      this.#clock.schedule(ms, () => this.#endStall());
    } else if (key === abi.EPOLLOUT && !this.#stalledSend) {
      this.#stalledSend = true;
      this.#clock.schedule(ms, () => {
        this.#stalledSend = false;
        this.wakeIfWritable();
      });
    }
    return true;
  }

  #endStall(): void {
    if (!this.#stalledReceive) return;
    this.#stalledReceive = false;
    if (this.#received.length > 0) this.wake(abi.EPOLLIN);
  }

  #takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }
}

function pathOf(address: Uint8Array): string | number {
  if (address.length < 3 || address[0] !== abi.AF_UNIX) return -abi.EINVAL;
  const end = address.indexOf(0, 2);
  return new TextDecoder().decode(address.subarray(2, end < 0 ? address.length : end));
}

/** A socket that was not bound has a family and no path. */
function nameOf(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  const name = new Uint8Array(path === "" ? 2 : 2 + bytes.length + 1);
  name[0] = abi.AF_UNIX;
  name.set(bytes, 2);
  return name;
}
