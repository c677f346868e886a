/** One end of a connection on a simulated network, as the `Connection` that tests of this machine's sockets use. */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { failureOf } from "../../../../src/engines/linux/sys/errno.ts";
import { LINGER_SIZE, putLinger } from "../../../../src/engines/linux/sys/reset.ts";
import { decodePeer } from "../../../../src/engines/linux/sys/sockaddr.ts";
import { endOf } from "../../../../src/net/adapter.ts";
import { type NetError, netError } from "../../../../src/net/net-error.ts";
import type { Connection, TcpAddress } from "../../../../src/net/runtime.ts";
import { formatWords } from "../../../../src/util/client-key.ts";
import { type Deferred, deferred } from "../../../../src/util/deferred.ts";
import type { Socket, Watcher } from "../file.ts";
import { MSG_PEEK } from "../numbers.ts";
import type { VirtualClock } from "../virtual-clock.ts";

/** Bytes that one read gives at most. */
const PIECE = 64 * 1024;

interface Writing {
  rest: Uint8Array;
  readonly done: Deferred<void>;
}

export class SimulatedConnection implements Connection, Watcher {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
  readonly #socket: Socket;
  readonly #clock: VirtualClock;
  #reading: Deferred<Uint8Array | null> | null = null;
  #watching: Deferred<void> | null = null;
  #writing: Writing | null = null;
  #lost: NetError | null = null;
  #finished = false;
  #closing: Promise<void> | null = null;
  #gone = false;
  #scheduled = false;
  readonly #unread: Uint8Array[] = [];

  constructor(socket: Socket, clock: VirtualClock) {
    this.#socket = socket;
    this.#clock = clock;
    this.local = addressOf(socket.localName());
    this.remote = addressOf(socket.acceptedFrom());
    socket.watch(this);
  }

  get unsent(): number {
    if (this.#gone || this.#lost !== null) return 0;
    return this.#socket.unacknowledged + (this.#writing?.rest.length ?? 0);
  }

  async readable(): Promise<void> {
    this.#refuse("reading");
    if (this.#unread.length > 0) return;
    this.#watching ??= deferred();
    const { promise } = this.#watching;
    this.#look();
    return promise;
  }

  get atEnd(): boolean {
    return !this.#gone && this.#unread.length === 0 && this.#socket.recv(new Uint8Array(1), MSG_PEEK) === 0;
  }

  async read(): Promise<Uint8Array | null> {
    this.#refuse("reading");
    const unread = this.#unread.shift();
    if (unread !== undefined) return unread;
    this.#reading = deferred();
    const { promise } = this.#reading;
    this.#read();
    return promise;
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread.unshift(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#refuse("writing");
    if (this.#finished) throw netError("ECLOSED", "write() after closeWrite()");
    this.#writing = { rest: bytes, done: deferred() };
    const { promise } = this.#writing.done;
    this.#write();
    return promise;
  }

  async closeWrite(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    await this.#writing?.done.promise.catch(() => undefined); // its writer is told
    if (!this.#gone) this.#socket.shutdown(abi.SHUT_WR);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  abort(): void {
    if (this.#gone) return;
    const linger = new Uint8Array(LINGER_SIZE);
    putLinger(new DataView(linger.buffer), 0);
    this.#socket.setOption(abi.SOL_SOCKET, abi.SO_LINGER, linger);
    this.#release();
  }

  /** Another machine's program notices in a task of its own. */
  onWake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.schedule(0, () => {
      this.#scheduled = false;
      if (this.#gone) return;
      this.#write();
      this.#read();
      this.#look();
    });
  }

  async #close(): Promise<void> {
    this.#endReads(netError("ECLOSED", "reading"));
    await this.closeWrite();
    this.#release();
  }

  #release(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#closing ??= Promise.resolve();
    this.#finished = true;
    this.#socket.unwatch(this);
    this.#socket.release();
    this.#endReads(netError("ECLOSED", "reading"));
    this.#endWrite(netError("ECLOSED", "writing"));
  }

  #read(): void {
    if (this.#reading === null) return;
    const into = new Uint8Array(PIECE);
    const count = this.#socket.recv(into, 0);
    if (count === -abi.EAGAIN) return;
    if (count < 0) {
      this.#lose(-count);
      return;
    }
    const { resolve } = this.#reading;
    this.#reading = null;
    resolve(count === 0 ? null : into.subarray(0, count));
  }

  /** For `readable`, which consumes nothing. */
  #look(): void {
    if (this.#watching === null) return;
    const count = this.#socket.recv(new Uint8Array(1), MSG_PEEK);
    if (count === -abi.EAGAIN) return;
    if (count < 0) {
      this.#lose(-count);
      return;
    }
    this.#watching.resolve();
    this.#watching = null;
  }

  #write(): void {
    const writing = this.#writing;
    if (writing === null) return;
    do {
      const count = this.#socket.send(writing.rest, 0);
      if (count === -abi.EAGAIN) return;
      if (count < 0) {
        this.#lose(-count);
        return;
      }
      writing.rest = writing.rest.subarray(count);
    } while (writing.rest.length > 0);
    this.#writing = null;
    writing.done.resolve();
  }

  #lose(errno: number): void {
    this.#lost ??= failureOf(errno, "using a connection");
    this.#endReads(this.#lost);
    this.#endWrite(this.#lost);
  }

  #endReads(error: NetError): void {
    this.#reading?.reject(error);
    this.#watching?.reject(error);
    this.#reading = null;
    this.#watching = null;
  }

  #endWrite(error: NetError): void {
    this.#writing?.done.reject(error);
    this.#writing = null;
  }

  #refuse(doing: string): void {
    if (this.#closing !== null) throw netError("ECLOSED", doing);
    if (this.#lost !== null) throw this.#lost;
  }
}

const words = new Uint32Array(4);

/** Unix sockets have none. */
export function addressOf(sockaddr: Uint8Array): TcpAddress {
  if (sockaddr[0] === abi.AF_UNIX) return endOf(undefined, undefined);
  const port = decodePeer(sockaddr, words, 0);
  return endOf(formatWords(words, 0), port);
}
