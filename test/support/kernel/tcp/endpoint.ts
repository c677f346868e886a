/**
 * One end of a TCP connection, with the states, wake-ups and errors of net/ipv4/tcp*.c. It knows neither descriptors nor
 * addresses: a socket of the simulated process and a peer that a test moves are both made of it.
 *
 * What an edge-triggered watcher hears is the point of it: every arrival wakes (EPOLLIN) even if older bytes are unread; room
 * to write wakes only after a write found none or took only a part; a FIN, a reset, an established connection, an acknowledged
 * FIN and our own shutdown() wake with key 0, whatever is watched for.
 */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { ByteQueue } from "../byte-queue.ts";
import { ENOTCONN, SHUT_RD } from "../numbers.ts";
import type { Timer, VirtualClock } from "../virtual-clock.ts";
import { Liveness } from "./liveness.ts";
import type { Options } from "./options.ts";
import { ReceiveBuffer } from "./receive-buffer.ts";
import type { Wire } from "./wire.ts";

// States, in Linux's words.
export const CLOSED = 0;
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT1 = 4;
export const FIN_WAIT2 = 5;
export const CLOSING = 6;
export const CLOSE_WAIT = 7;
export const LAST_ACK = 8;

export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;
const BOTH = RCV_SHUTDOWN | SEND_SHUTDOWN;

/** ms after which a tail that MSG_MORE held back is sent all the same. */
const CORK_MS = 200;
/** ms that a closed end waits for its peer's FIN: net.ipv4.tcp_fin_timeout. */
const FIN_TIMEOUT_MS = 60_000;

export class Endpoint {
  readonly clock: VirtualClock;
  readonly options: Options;
  /** Largest segment on this connection. */
  readonly segmentBytes: number;
  /** Is told of every wake-up, until the descriptor is closed. */
  onWake: (key: number) => void = () => undefined;
  /** Called once, when nothing is left of the connection: its port is free. */
  onGone: () => void = () => undefined;

  state = CLOSED;
  peer: Endpoint | null = null;
  /** To the peer. */
  wire: Wire | null = null;
  shut = 0;
  /** The peer's FIN was received (SOCK_DONE). */
  done = false;
  /** It has sent a reset. */
  wasReset = false;
  readonly received = new ReceiveBuffer();
  readonly liveness: Liveness;
  /** sk_err: reported once. */
  #error = 0;
  /** No descriptor is left (SOCK_DEAD). */
  #dead = false;
  #gone = false;
  /** A write found too little room: the writer is to be told of more (SOCK_NOSPACE). */
  #wantsSpace = false;
  readonly #unsent = new ByteQueue();
  #unacked = 0;
  /** Bytes that were queued when the connection failed. */
  #lost: number | null = null;
  /** Bytes the peer's window has room for. */
  #credit = 0;
  #finWanted = false;
  #finSent = false;
  #finAcknowledged = false;
  /** Place in the unsent bytes behind which the urgent byte ends; 0: none. */
  #urgentEnd = 0;
  #corked: Timer | null = null;
  #transmitting = false;
  /** Until then sends find no room. */
  #stalledSend: Timer | null = null;
  #stalledReceive: Timer | null = null;

  constructor(clock: VirtualClock, options: Options, segmentBytes: number) {
    this.clock = clock;
    this.options = options;
    this.segmentBytes = segmentBytes;
    this.liveness = new Liveness(this);
  }

  // What a caller sees.

  get error(): number {
    return this.#error;
  }

  /** Reads and clears the pending error. */
  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  /** Bytes that a send would take now. */
  get room(): number {
    return this.#stalledSend === null ? Math.max(0, this.options.sendBuffer - this.queued) : 0;
  }

  /** Of a connection that has failed: what it was then, as Linux goes on saying. */
  get unacknowledged(): number {
    return this.#lost ?? this.queued;
  }

  /** Bytes not acknowledged, or not even sent. */
  get queued(): number {
    return this.#unsent.length + this.#unacked;
  }

  /** Sent and not acknowledged; a FIN counts as a byte. */
  get underWay(): number {
    return this.#unacked + (this.#finSent && !this.#finAcknowledged ? 1 : 0);
  }

  /** Whether something is to be delivered to a peer that does not take it. */
  get pressing(): boolean {
    return this.queued > 0 || (this.#finWanted && !this.#finAcknowledged);
  }

  /** Linux says "writable" only once a third of the buffer is free. */
  get writable(): boolean {
    return this.#stalledSend === null && 3 * this.queued <= 2 * this.options.sendBuffer;
  }

  poll(): number {
    const { shut } = this;
    let mask = 0;
    if (shut === BOTH || this.state === CLOSED) mask |= abi.EPOLLHUP;
    if (shut & RCV_SHUTDOWN) mask |= abi.EPOLLIN | abi.EPOLLRDHUP;
    if (this.state !== SYN_SENT && this.state !== SYN_RECV) {
      if (this.#isReadable && this.#stalledReceive === null) mask |= abi.EPOLLIN;
      if (shut & SEND_SHUTDOWN || this.writable) mask |= abi.EPOLLOUT;
      else this.#wantsSpace = true;
      if (this.received.urgentWaits) mask |= abi.EPOLLPRI;
    }
    if (this.#error !== 0) mask |= abi.EPOLLERR;
    return mask;
  }

  recv(into: Uint8Array): number {
    if (this.#stalledReceive !== null) return -abi.EAGAIN;
    const count = this.received.recv(into, this.options.urgentInline);
    return this.#taken(count, into.length);
  }

  /** recv for splice: see ReceiveBuffer.each. */
  take(limit: number, room: () => number, take: (chunk: Uint8Array) => void): number {
    if (this.#stalledReceive !== null) return -abi.EAGAIN;
    return this.#taken(this.received.each(limit, room, take), limit);
  }

  peek(into: Uint8Array): number {
    const count = this.received.peek(into);
    return count > 0 || into.length === 0 ? count : this.#nothingReceived();
  }

  /** Queues views that nobody changes any more. `urgent`: the last byte is. `more`: see MSG_MORE. */
  send(chunks: readonly Uint8Array[], more: boolean, urgent = false): number {
    const failure = this.#sendFailure();
    if (failure !== 0) return -failure;
    let { room } = this;
    let count = 0;
    for (const chunk of chunks) {
      if (room <= 0) break;
      const part = chunk.length <= room ? chunk : chunk.subarray(0, room);
      this.#unsent.push(part);
      room -= part.length;
      count += part.length;
    }
    const wanted = chunks.reduce((sum, { length }) => sum + length, 0);
    if (count < wanted) this.#wantsSpace = true;
    if (count === 0) return wanted === 0 ? 0 : -abi.EAGAIN;
    if (urgent && count === wanted) this.#urgentEnd = this.#unsent.length;
    this.#transmit(more);
    this.liveness.check();
    return count;
  }

  /** Sends what Nagle's algorithm or MSG_MORE holds back: setting TCP_NODELAY does. */
  push(): void {
    this.#transmit(false);
  }

  shutdown(how: number): number {
    if (this.state === CLOSED) {
      this.onWake(0);
      return -ENOTCONN;
    }
    if (this.state === SYN_SENT) {
      // Linux disconnects.
      this.#become(CLOSED);
      this.#leave();
      this.onWake(0);
      return 0;
    }
    const bits = how === SHUT_RD ? RCV_SHUTDOWN : how === abi.SHUT_WR ? SEND_SHUTDOWN : BOTH;
    this.shut |= bits;
    if (bits & SEND_SHUTDOWN) this.#closeSending();
    this.onWake(0);
    return 0;
  }

  /** The last descriptor goes. What was sent is still delivered, unless there is a reason for a reset. */
  close(): void {
    this.#dead = true;
    this.onWake = () => undefined;
    this.shut = BOTH;
    this.#stalledSend?.cancel();
    this.#stalledReceive?.cancel();
    this.#stalledSend = null;
    this.#stalledReceive = null;
    if (this.state === CLOSED) {
      this.#leave();
      return;
    }
    const unread = this.received.length > 0;
    if (unread || this.options.lingersZero || this.state === SYN_SENT) this.abort();
    else this.#closeSending();
    if (this.state === FIN_WAIT2) this.#orphanTimer();
  }

  /** Sends a reset; nothing that waits is delivered. */
  abort(): void {
    const { state } = this;
    this.#become(CLOSED);
    this.#unsent.clear();
    this.#unacked = 0;
    if (state !== CLOSED && state !== SYN_SENT) this.#sendReset();
    this.#leave();
  }

  /** See Socket.stall. */
  stall(key: number, ms: number): boolean {
    if (this.#error !== 0 || this.state === CLOSED) return false;
    return key === abi.EPOLLIN ? this.#stallReceive(ms) : this.#stallSend(ms);
  }

  // Establishing: called by the network.

  /** Both ends know each other. `credit`: the peer's window. */
  join(peer: Endpoint, wire: Wire): void {
    this.peer = peer;
    this.wire = wire;
  }

  establish(): void {
    this.state = ESTABLISHED;
    this.#credit = this.peer!.options.receiveBuffer;
    this.liveness.heard();
    this.onWake(0);
  }

  /** The connection is over with an error that is not the peer's word: no route, no answer, a peer that has vanished. */
  fail(error: number): void {
    if (this.state === CLOSED) return;
    this.#error = error;
    this.#closedByError();
  }

  // What arrives from the wire.

  receive(bytes: Uint8Array, fin: boolean, urgent: boolean): void {
    this.liveness.heard();
    const { state } = this;
    // After close() there is nobody who could read it: RFC 1122 4.2.2.13 asks for a reset.
    const unwanted = this.#dead && bytes.length > 0;
    if (state === CLOSED || unwanted) {
      this.#become(CLOSED);
      this.#sendReset();
      this.#leave();
      return;
    }
    if (bytes.length > 0) this.received.append(bytes, urgent);
    const wire = this.wire!;
    const sender = this.peer!;
    if (fin) this.#receiveFin();
    else if (bytes.length > 0) this.#dataReady();
    wire.carry(() => sender.acknowledged(bytes.length, fin));
  }

  acknowledged(count: number, fin: boolean): void {
    if (this.state === CLOSED) return;
    this.liveness.heard();
    this.#unacked -= count;
    if (fin) {
      this.#finAcknowledged = true;
      if (this.state === FIN_WAIT1) {
        this.state = FIN_WAIT2;
        this.onWake(0);
        if (this.#dead) this.#orphanTimer();
      } else if (this.state === CLOSING || this.state === LAST_ACK) {
        this.#finish();
        return;
      }
    }
    this.#transmit(false);
    this.#checkSpace();
    this.liveness.progress();
  }

  /** The peer has read: its window is open wider by as much. */
  credited(count: number): void {
    if (this.state === CLOSED) return;
    this.liveness.heard();
    this.#credit += count;
    this.#transmit(false);
    this.liveness.progress();
  }

  receiveReset(): void {
    if (this.state === CLOSED) return;
    if (this.state === SYN_SENT) this.#error = abi.ECONNREFUSED;
    else this.#error = this.state === CLOSE_WAIT ? abi.EPIPE : abi.ECONNRESET;
    this.#closedByError();
  }

  // Inside.

  #stallSend(ms: number): boolean {
    if (this.shut & SEND_SHUTDOWN) return false;
    this.#wantsSpace = true;
    this.#stalledSend ??= this.clock.schedule(ms, () => {
      this.#stalledSend = null;
      this.#checkSpace();
    });
    return true;
  }

  #stallReceive(ms: number): boolean {
    if (this.shut & RCV_SHUTDOWN) return false;
    this.#stalledReceive ??= this.clock.schedule(ms, () => {
      this.#stalledReceive = null;
      if (this.received.length > 0) this.#dataReady();
    });
    return true;
  }

  #taken(count: number, wanted: number): number {
    if (count === 0) return wanted === 0 ? 0 : this.#nothingReceived();
    this.#openWindow(count);
    return count;
  }

  #openWindow(count: number): void {
    const { peer, wire } = this;
    if (peer !== null && wire !== null && this.state !== CLOSED) wire.carry(() => peer.credited(count));
  }

  #nothingReceived(): number {
    if (this.done) return 0;
    if (this.#error !== 0) return -this.takeError();
    if (this.shut & RCV_SHUTDOWN) return 0;
    return this.state === CLOSED ? -ENOTCONN : -abi.EAGAIN;
  }

  #sendFailure(): number {
    if (this.state === SYN_SENT && this.#error === 0) return abi.EAGAIN;
    const open = this.state === ESTABLISHED || this.state === CLOSE_WAIT;
    if (open && this.#error === 0 && (this.shut & SEND_SHUTDOWN) === 0) return 0;
    return this.takeError() || abi.EPIPE;
  }

  /** Sends what the window and Nagle's algorithm allow. `more`: a tail below a segment waits for its continuation. */
  #transmit(more: boolean): void {
    if (this.#transmitting || this.peer === null) return;
    this.#transmitting = true;
    this.#corked?.cancel();
    this.#corked = null;
    while (this.state !== CLOSED && this.#unsent.length > 0 && this.#credit > 0) {
      if (this.#unsent.length < this.segmentBytes && !this.#finWanted && this.#urgentEnd === 0) {
        if (more) this.#corked = this.clock.schedule(CORK_MS, () => this.#transmit(false));
        if (more || (!this.options.noDelay && this.#unacked > 0)) break;
      }
      this.#sendSegment();
    }
    this.#transmitting = false;
    if (this.#finWanted && !this.#finSent && this.#unsent.length === 0 && this.state !== CLOSED) {
      this.#finSent = true;
      this.#put(new Uint8Array(0), true, false);
    }
  }

  #sendSegment(): void {
    let limit = Math.min(this.segmentBytes, this.#credit);
    if (this.#urgentEnd > 0) limit = Math.min(limit, this.#urgentEnd);
    const bytes = this.#unsent.shift(limit);
    const urgent = this.#urgentEnd > 0 && this.#urgentEnd === bytes.length;
    this.#urgentEnd = Math.max(0, this.#urgentEnd - bytes.length);
    this.#credit -= bytes.length;
    this.#unacked += bytes.length;
    const fin = this.#finWanted && this.#unsent.length === 0;
    if (fin) this.#finSent = true;
    this.#put(bytes, fin, urgent);
  }

  #put(bytes: Uint8Array, fin: boolean, urgent: boolean): void {
    const peer = this.peer!;
    this.wire!.carry(() => peer.receive(bytes, fin, urgent));
  }

  #sendReset(): void {
    const { peer, wire } = this;
    this.wasReset = true;
    if (peer !== null && wire !== null) wire.carry(() => peer.receiveReset());
  }

  #closeSending(): void {
    if (this.state === ESTABLISHED || this.state === SYN_RECV) this.state = FIN_WAIT1;
    else if (this.state === CLOSE_WAIT) this.state = LAST_ACK;
    else return;
    this.#finWanted = true;
    this.#transmit(false);
    this.liveness.check();
  }

  #receiveFin(): void {
    this.shut |= RCV_SHUTDOWN;
    this.done = true;
    if (this.#stalledReceive !== null) {
      this.#stalledReceive.cancel();
      this.#stalledReceive = null;
    }
    if (this.state === ESTABLISHED || this.state === SYN_RECV) this.state = CLOSE_WAIT;
    else if (this.state === FIN_WAIT1) this.state = CLOSING;
    else if (this.state === FIN_WAIT2) {
      this.#finish();
      return;
    }
    this.onWake(0);
  }

  /** Its low water mark has been moved. */
  checkLowWater(): void {
    this.#dataReady();
  }

  /** Enough has come, or nothing more comes: then what is there counts. */
  get #isReadable(): boolean {
    return this.received.readable && (this.done || this.received.length >= this.options.lowWater);
  }

  #dataReady(): void {
    if (!this.#isReadable && !this.received.urgentWaits) return;
    if (this.#stalledReceive === null) this.onWake(abi.EPOLLIN | abi.EPOLLPRI);
  }

  #checkSpace(): void {
    if (!this.#wantsSpace || !this.writable) return;
    this.#wantsSpace = false;
    this.onWake(abi.EPOLLOUT);
  }

  /** Both FINs are through (TIME_WAIT needs no more of it). */
  #finish(): void {
    this.#become(CLOSED);
    this.shut = BOTH;
    this.#leave();
    this.onWake(0);
  }

  #closedByError(): void {
    this.#become(CLOSED);
    this.shut = BOTH;
    this.#lost = this.queued;
    this.#unsent.clear();
    this.#unacked = 0;
    if (this.#stalledReceive !== null) {
      this.#stalledReceive.cancel();
      this.#stalledReceive = null;
    }
    this.#leave();
    this.onWake(0);
    this.onWake(abi.EPOLLERR);
  }

  #orphanTimer(): void {
    this.clock.schedule(FIN_TIMEOUT_MS, () => {
      if (this.state !== FIN_WAIT2) return;
      this.#become(CLOSED);
      this.#leave();
    });
  }

  #become(state: number): void {
    this.state = state;
    if (state !== CLOSED) return;
    this.#corked?.cancel();
    this.liveness.stop();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onGone();
  }
}
