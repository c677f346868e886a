/**
 * The other end of a connection of the engine: a client or a target, moved by the test. It sends and reads by itself as its
 * orders and the network allow, each time in a task of its own, as another machine would.
 */
import { Buffer } from "node:buffer";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Socket, Watcher } from "../file.ts";
import { errnoName, MSG_OOB } from "../numbers.ts";
import type { Endpoint } from "../tcp/endpoint.ts";
import { TcpSocket } from "../tcp/socket.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import type { StreamPattern } from "./stream-pattern.ts";

/** Bytes sent or read in one go. */
const PIECE = 64 * 1024;

type Order =
  | { readonly do: "bytes"; left: number; readonly of: StreamPattern; at: number }
  | { readonly do: "raw"; bytes: Uint8Array }
  | { readonly do: "urgent"; readonly byte: number }
  | { readonly do: "fin" }
  | { readonly do: "reset" };

export class Peer implements Watcher {
  readonly name: string;
  readonly socket: Socket;
  readonly #clock: VirtualClock;
  readonly #orders: Order[] = [];
  #scheduled = false;
  #closed = false;
  /** The handshake is through. */
  connected = false;
  /** Bytes that its own kernel has taken. */
  sent = 0;
  /** Of these, urgent ones. */
  urgentSent = 0;
  /** Bytes read. */
  received = 0;
  /** Bytes that it may still read by itself. */
  #mayRead = Number.POSITIVE_INFINITY;
  /** Nothing can be said any more. */
  finOrdered = false;
  finSent = false;
  /** It has ended the connection with a reset, for what reason ever. */
  resetSent = false;
  finReceived = false;
  /** The errno, by name, with which the connection failed. */
  error: string | null = null;
  /** What was read, when nothing checks it. */
  #text: Uint8Array[] = [];
  #expected: StreamPattern | null = null;
  #expectedAt = 0;
  /** Takes what is read in place of the text. The bytes are good until it returns. */
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  /** After anything has changed. */
  onChange: () => void = () => undefined;

  constructor(name: string, socket: Socket, clock: VirtualClock, connected: boolean) {
    this.name = name;
    this.socket = socket;
    this.#clock = clock;
    this.connected = connected;
    socket.watch(this);
    this.#wake(); // where packets take no time the handshake is through before anybody watches
  }

  // Orders. They are carried out in turn, each as soon as there is room.

  /** Queues `count` bytes of a stream, from `at` on. */
  send(of: StreamPattern, count: number, at: number): this {
    return this.#order({ do: "bytes", left: count, of, at });
  }

  sendRaw(bytes: Uint8Array): this {
    return this.#order({ do: "raw", bytes });
  }

  say(text: string): this {
    return this.sendRaw(Buffer.from(text, "latin1"));
  }

  /** One byte that TCP marks as urgent; it is no part of what a reader gets who does not ask for it. */
  urgent(byte = 0x21): this {
    return this.#order({ do: "urgent", byte });
  }

  fin(): this {
    if (this.finOrdered) return this;
    this.finOrdered = true;
    return this.#order({ do: "fin" });
  }

  /** A reset, after what was ordered before. */
  reset(): this {
    return this.#order({ do: "reset" });
  }

  // At once.

  abort(): void {
    if (this.#closed) return;
    const linger = new Uint8Array(8);
    linger[0] = 1;
    this.socket.setOption(abi.SOL_SOCKET, abi.SO_LINGER, linger);
    this.close();
  }

  /** As a process that ends: unread bytes turn it into a reset. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#orders.length = 0;
    this.socket.unwatch(this);
    this.socket.release();
    if (this.error === null && this.connected) {
      // As close() decides: a FIN, unless something was left unread.
      if (this.socket instanceof TcpSocket && this.endpoint.wasReset) this.resetSent = true;
      else this.finSent = true;
    }
    this.onChange();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Checks what is read from now on against a stream, from `at` on. */
  expect(stream: StreamPattern, at = 0): this {
    this.#expected = stream;
    this.#expectedAt = at;
    return this;
  }

  /** Reads nothing any more by itself. */
  pause(): this {
    this.#mayRead = 0;
    return this;
  }

  /** Reads `count` bytes more by itself, or all that comes. */
  resume(count = Number.POSITIVE_INFINITY): this {
    this.#mayRead += count;
    this.#wake();
    return this;
  }

  /** From here on nothing passes between the two ends, and neither is told. */
  cut(): void {
    const { endpoint } = this;
    endpoint.wire?.hold();
    endpoint.peer?.wire?.hold();
    endpoint.liveness.check();
    endpoint.peer?.liveness.check();
  }

  /** What was held back arrives. */
  mend(): void {
    this.endpoint.wire?.release();
    this.endpoint.peer?.wire?.release();
  }

  get endpoint(): Endpoint {
    if (!(this.socket instanceof TcpSocket)) throw new Error(`${this.name} has no TCP connection`);
    return this.socket.endpoint;
  }

  /** What was read, as text. */
  get text(): string {
    return Buffer.concat(this.#text).toString("latin1");
  }

  /** Nothing is left to be done: both directions have ended, or it has failed. */
  get over(): boolean {
    return this.#closed || this.error !== null || (this.finReceived && this.finSent);
  }

  /** How it ended for this side: "fin", an errno's name, or "" while it has not. */
  get ending(): string {
    return this.error ?? (this.finReceived ? "fin" : "");
  }

  get idle(): boolean {
    return this.#orders.length === 0;
  }

  onWake(): void {
    this.#wake();
  }

  #order(order: Order): this {
    if (this.#closed) return this;
    this.#orders.push(order);
    this.#wake();
    return this;
  }

  #wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#clock.schedule(0, () => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#closed) return;
    const events = this.socket.poll();
    if (!this.connected) {
      if (events & abi.EPOLLERR) this.#fail(this.#pendingError());
      else if (events & abi.EPOLLOUT && (events & abi.EPOLLHUP) === 0) this.connected = true;
    }
    if (this.connected && this.error === null) {
      this.#write();
      if (!this.#closed) this.#read();
      // A reset behind a FIN, or one that comes while nothing is read.
      if (!this.#closed && this.socket.poll() & abi.EPOLLERR) {
        if (this.#mayRead === 0 || this.finReceived) this.#fail(this.#pendingError());
      }
    }
    this.onChange();
  }

  #write(): void {
    for (let order = this.#orders[0]; order !== undefined && this.error === null; order = this.#orders[0]) {
      if (!this.#carryOut(order)) return;
      this.#orders.shift();
    }
  }

  /** False: there is no room for all of it now. */
  #carryOut(order: Order): boolean {
    switch (order.do) {
      case "fin":
        this.finSent = true;
        this.socket.shutdown(abi.SHUT_WR);
        return true;
      case "reset":
        this.abort();
        return false;
      case "urgent":
        if (this.#sent(this.socket.send(Uint8Array.of(order.byte), MSG_OOB)) === 0) return false;
        this.urgentSent++;
        return true;
      case "raw": {
        const count = this.#sent(this.socket.sendChunks([order.bytes], false));
        order.bytes = order.bytes.subarray(count);
        return order.bytes.length === 0;
      }
      case "bytes":
        while (order.left > 0) {
          const piece = order.of.piece(order.at, Math.min(PIECE, order.left));
          const count = this.#sent(this.socket.sendChunks([piece], false));
          order.left -= count;
          order.at += count;
          if (count < piece.length) break;
        }
        return order.left === 0;
    }
  }

  /** What a send came to, as a count. */
  #sent(result: number): number {
    if (result < 0) {
      if (result !== -abi.EAGAIN) this.#fail(-result);
      return 0;
    }
    this.sent += result;
    return result;
  }

  #read(): void {
    while (this.#mayRead > 0 && !this.finReceived && !this.#closed) {
      let room = Math.min(PIECE, this.#mayRead);
      const count = this.socket.spliceOut(
        room,
        () => room,
        (chunk) => {
          room -= chunk.length;
          this.#take(chunk);
        },
      );
      if (count > 0) {
        this.#mayRead -= count;
        continue;
      }
      if (count === 0) this.finReceived = true;
      else if (count !== -abi.EAGAIN) this.#fail(-count);
      else if (this.#stepOverMark()) continue;
      return;
    }
  }

  #take(bytes: Uint8Array): void {
    if (this.onBytes !== null) {
      this.onBytes(bytes);
    } else if (this.#expected !== null) {
      this.#expected.check(this.#expectedAt, bytes, this.name);
      this.#expectedAt += bytes.length;
    } else {
      this.#text.push(bytes.slice());
    }
    this.received += bytes.length;
  }

  /** Views do not get past an urgent byte; a read does. True: there may be more. */
  #stepOverMark(): boolean {
    if (!(this.socket instanceof TcpSocket) || this.endpoint.received.length === 0) return false;
    const one = new Uint8Array(1);
    const count = this.socket.recv(one, 0);
    if (count !== 1) return false;
    this.#take(one);
    this.#mayRead--;
    return true;
  }

  #pendingError(): number {
    const into = new Uint8Array(4);
    this.socket.getOption(abi.SOL_SOCKET, abi.SO_ERROR, into);
    return into[0]!;
  }

  #fail(errno: number): void {
    if (errno === 0 || this.error !== null) return;
    this.error = errnoName(errno);
    this.#orders.length = 0;
  }
}
