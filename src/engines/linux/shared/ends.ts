/** The two ends of each connection as the worker's reading and writing sees them: their part of the slots, and its bits. */

import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { FIELDS } from "./slot-layout.ts";

/** There may be something to read: set by an event, cleared when a read finds the socket empty. */
export const READABLE = 1;
/** There may be room to write. */
export const WRITABLE = 2;
/** The kernel has announced the peer's FIN; it may stand behind unread bytes. */
export const FIN_SEEN = 4;
/** The peer's FIN was reached. */
export const AT_END = 8;
/** Our FIN has been sent. */
export const FIN_SENT = 16;
/** Something has been written once. */
export const WRITTEN = 32;
/** Urgent data was announced: short reads may then stop at the mark and mean nothing. */
export const URGENT = 64;
/** TCP keepalive is on. */
export const KEPT_ALIVE = 128;
/** Nagle's algorithm is off. */
export const UNDELAYED = 256;
/** The direction from this end is on the list of those that have a turn after the events at hand. */
export const BUSY = 512;
/** Its connection has failed: nothing can be written, and behind what is unread there is no more. */
export const FAILED = 1024;
/** Of the client's end, for the connection: it is on the list of those whose peers may prove to be dead. */
export const WATCHED = 2048;
/** Of the target's end: its FIN came first, and what the client had sent by then is kept: see target-close.ts. */
export const FIN_NOTED = 4096;
/** Of the target's end while it is being connected: bytes that the client has yet to be relieved of went with the SYN. */
export const SENT_EARLY = 8192;
/** Of the target's end while it is being connected: it is the bridge's that speaks TLS, which has yet to say whether it has the target. */
export const THROUGH_TLS = 16_384;

const FD = FIELDS.fd.offset;
const BITS = FIELDS.bits.offset;
const GENERATION = FIELDS.generation.offset;
const STREAK = FIELDS.streak.offset;
const WRITE_BUFFER = FIELDS.writeBuffer.offset;
const BUFFERED = FIELDS.buffered.offset;

/** See Slots for the arithmetic. */
export class Ends {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** Of a connection that was accepted as `fd`. */
  protected beginEnds(slot: number, fd: number, clientBits: number): void {
    const words = this.#words;
    const at = slot << 6;
    words[at | FD | CLIENT] = fd;
    words[at | FD | TARGET] = -1;
    words[at | BITS | CLIENT] = clientBits;
    words[at | BITS | TARGET] = 0;
    words[at | STREAK | CLIENT] = 0;
    words[at | STREAK | TARGET] = 0;
  }

  fd(slot: number, end: number): number {
    return this.#words[(slot << 6) | FD | end]!;
  }

  setFd(slot: number, end: number, fd: number): void {
    this.#words[(slot << 6) | FD | end] = fd;
  }

  /**
   * Takes the descriptor out of the slot, so that it can be closed: a thread that dies in between leaks one rather than having
   * another's closed. -1: there is none. Events that still come for it are out of date from here on.
   */
  takeFd(slot: number, end: number): number {
    const words = this.#words;
    const at = (slot << 6) | end;
    const fd = words[at | FD]!;
    words[at | GENERATION]!++;
    words[at | FD] = -1;
    return fd;
  }

  generation(slot: number, end: number): number {
    return this.#words[(slot << 6) | GENERATION | end]!;
  }

  /** For another thread than the slot's: whether the client's descriptor is still the one that it was at that generation. */
  isStill(slot: number, generation: number): boolean {
    return Atomics.load(this.#words, (slot << 6) | GENERATION | CLIENT) === generation;
  }

  bits(slot: number, end: number): number {
    return this.#words[(slot << 6) | BITS | end]!;
  }

  setBits(slot: number, end: number, bits: number): void {
    this.#words[(slot << 6) | BITS | end] = bits;
  }

  addBits(slot: number, end: number, bits: number): void {
    this.#words[(slot << 6) | BITS | end]! |= bits;
  }

  clearBits(slot: number, end: number, bits: number): void {
    this.#words[(slot << 6) | BITS | end]! &= ~bits;
  }

  // Directions: `from` is the end that is read.

  streak(slot: number, from: number): number {
    return this.#words[(slot << 6) | STREAK | from]!;
  }

  setStreak(slot: number, from: number, streak: number): void {
    this.#words[(slot << 6) | STREAK | from] = streak;
  }

  writeBuffer(slot: number, from: number): number {
    return this.#words[(slot << 6) | WRITE_BUFFER | from]!;
  }

  setWriteBuffer(slot: number, from: number, buffer: number): void {
    this.#words[(slot << 6) | WRITE_BUFFER | from] = buffer;
  }

  buffered(slot: number, from: number): number {
    return this.#words[(slot << 6) | BUFFERED | from]!;
  }

  setBuffered(slot: number, from: number, bytes: number): void {
    this.#words[(slot << 6) | BUFFERED | from] = bytes;
  }
}
