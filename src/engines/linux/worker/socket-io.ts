/** One end of a relayed connection: reading's and writing's outcomes, and what both ways of moving bytes have in common. */

import {
  AT_END,
  BITS,
  CLIENT,
  DIRTY,
  FD,
  FIN_SEEN,
  FIRST,
  MOVED_AT,
  MOVED_IN,
  outcome,
  READABLE,
  REASON,
  RESET,
  STRIDE,
  UNDELAYED,
  URGENT,
  WRITABLE,
  WRITTEN,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import type { Pointer } from "../sys/libc.ts";
import { finish } from "./close.ts";
import type { Shard } from "./shard.ts";

/** What an event says about an end. */
export function bitsOf(events: number): number {
  let bits = 0;
  if (events & (abi.EPOLLIN | abi.EPOLLRDHUP | abi.EPOLLHUP | abi.EPOLLERR)) bits |= READABLE;
  if (events & abi.EPOLLOUT) bits |= WRITABLE;
  // A reset is announced as a FIN too, and is none.
  if ((events & (abi.EPOLLRDHUP | abi.EPOLLERR)) === abi.EPOLLRDHUP) bits |= FIN_SEEN;
  if (events & abi.EPOLLPRI) bits |= URGENT;
  return bits;
}

/**
 * A read that did not fill the buffer has emptied the socket, so the next read can wait for an event; if the FIN was already
 * announced there is none to come, and this was the last read. Urgent data breaks that rule: its mark ends a read early.
 */
export function drained(s: Shard, slot: number, from: number): void {
  const at = slot * STRIDE + BITS + from;
  const bits = s.words[at]!;
  if (bits & URGENT) return;
  s.words[at] = bits & FIN_SEEN ? (bits & ~READABLE) | AT_END : bits & ~READABLE;
}

/** The peer's FIN was reached: it is passed on once nothing is held. Always true: there is something to be done. */
export function atEnd(s: Shard, slot: number, from: number): true {
  const at = slot * STRIDE + BITS + from;
  s.words[at] = (s.words[at]! & ~READABLE) | AT_END;
  return true;
}

/** A read gave -1. True: it may be tried again. */
export function readFailed(s: Shard, slot: number, from: number): boolean {
  const errno = s.libc.errno[0];
  if (errno === abi.EINTR) return true;
  if (errno === abi.EAGAIN) s.words[slot * STRIDE + BITS + from]! &= ~READABLE;
  else fail(s, slot, from);
  return false;
}

/**
 * Sends; returns the bytes taken, or -1 when the connection has failed and is over. `last`: FIN is sent next, without anything in
 * between, so the kernel is to put both into one packet.
 */
export function write(s: Shard, slot: number, to: number, data: Pointer, length: number, last: boolean): number {
  const { libc, words } = s;
  const at = slot * STRIDE + to;
  const fd = words[at + FD]!;
  beforeWrite(s, at, fd);
  const sent = libc.send(fd, data, length, last ? abi.MSG_NOSIGNAL | abi.MSG_MORE : abi.MSG_NOSIGNAL);
  if (sent === length) return sent;
  if (sent < 0 && libc.errno[0] !== abi.EAGAIN) {
    fail(s, slot, to);
    return -1;
  }
  words[at + BITS]! &= ~WRITABLE;
  return Math.max(0, sent);
}

/**
 * Nagle's algorithm holds a small segment back only while an earlier small one is unacknowledged, so it need not be switched
 * off before the second write: connections with one request never pay for the call. `at` is the end's place in the words.
 */
export function beforeWrite(s: Shard, at: number, fd: number): void {
  const bits = s.words[at + BITS]!;
  if (bits & UNDELAYED) return;
  if (bits & WRITTEN) s.libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, s.small.one, 4);
  s.words[at + BITS] = bits | (bits & WRITTEN ? UNDELAYED : WRITTEN);
}

/** Counts bytes taken from the end `from`. */
export function moved(s: Shard, slot: number, from: number, count: number): void {
  const half = (slot * STRIDE) >> 1;
  s.doubles[half + MOVED_IN + from]! += count;
  s.doubles[half + MOVED_AT] = s.now;
  markDirty(s, slot);
}

/** Puts the connection on the list of those with news for the pool. */
export function markDirty(s: Shard, slot: number): void {
  const at = slot * STRIDE + DIRTY;
  if (s.words[at] !== 0) return;
  s.words[at] = 1;
  s.dirty.push(slot);
}

/** One end has failed: both are reset. But a handler's end gets a FIN, which overtakes nothing of what it was told. */
export function fail(s: Shard, slot: number, end: number): void {
  const at = slot * STRIDE;
  const forHandler = end === CLIENT && s.words[at + REASON] !== 0;
  if (s.words[at + FIRST] === 0) s.words[at + FIRST] = end + 1;
  finish(s, slot, outcome(s.words[at + FIRST]! - 1, RESET), !forHandler);
}
