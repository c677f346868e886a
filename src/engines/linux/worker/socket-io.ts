/** One end of a connection: what reads and writes come to, which both ways of moving bytes have in common, and its close. */

import { outcome, RESET } from "../../../proxy/outcome.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { DELIVERING, RELAYING } from "../../../proxy/states.ts";
import { AT_END, BUSY, FAILED, FIN_SEEN, READABLE, UNDELAYED, URGENT, WRITABLE, WRITTEN } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import type { Pointer } from "../sys/libc.ts";
import { closeWithReset } from "../sys/reset.ts";
import type { Shard } from "./shard.ts";
import { BRIDGED } from "./slot-store.ts";

/** What an event says about an end. */
export function bitsOf(events: number): number {
  let bits = 0;
  if (events & (abi.EPOLLIN | abi.EPOLLRDHUP | abi.EPOLLHUP | abi.EPOLLERR)) bits |= READABLE;
  if (events & abi.EPOLLOUT) bits |= WRITABLE;
  // A reset is announced as a FIN, too, but is not one.
  if ((events & (abi.EPOLLRDHUP | abi.EPOLLERR)) === abi.EPOLLRDHUP) bits |= FIN_SEEN;
  if (events & abi.EPOLLPRI) bits |= URGENT;
  return bits;
}

/**
 * A read that did not fill the buffer has emptied the socket, so the next read can wait for an event; if the FIN was already
 * announced there is none to come, and this was the last read. Urgent data breaks that rule: its mark ends a read early.
 */
export function emptied(s: Shard, slot: number, from: number): void {
  const bits = s.slots.bits(slot, from);
  if (bits & URGENT) return;
  s.slots.setBits(slot, from, bits & FIN_SEEN ? (bits & ~READABLE) | AT_END : bits & ~READABLE);
}

/** The peer's FIN was reached: it is passed on once nothing is buffered. Always true: there is something to be done. */
export function reachedEnd(s: Shard, slot: number, from: number): true {
  s.slots.setBits(slot, from, (s.slots.bits(slot, from) & ~READABLE) | AT_END);
  return true;
}

/** A read gave -1. True: it may be tried again. */
export function readFailed(s: Shard, slot: number, from: number): boolean {
  const errno = s.libc.errno[0];
  if (errno === abi.EINTR) return true;
  if (s.slots.bits(slot, from) & FAILED) return reachedEnd(s, slot, from); // that is how its bytes end
  if (errno === abi.EAGAIN) s.slots.clearBits(slot, from, READABLE);
  else endFailed(s, slot, from);
  return false;
}

/**
 * Sends; returns the bytes taken, or -1 when the connection has failed and is over. `last`: FIN is sent next, without anything in
 * between, so the kernel is to put both into one packet.
 */
export function send(s: Shard, slot: number, to: number, data: Pointer, length: number, last: boolean): number {
  const { libc, slots } = s;
  const fd = slots.fd(slot, to);
  beforeWrite(s, slot, to, fd);
  const sent = libc.send(fd, data, length, last ? abi.MSG_NOSIGNAL | abi.MSG_MORE : abi.MSG_NOSIGNAL);
  if (sent === length) return sent;
  if (sent < 0 && libc.errno[0] !== abi.EAGAIN) {
    endFailed(s, slot, to);
    return -1;
  }
  slots.clearBits(slot, to, WRITABLE);
  return Math.max(0, sent);
}

/**
 * Nagle's algorithm holds a small segment back only while an earlier small one is unacknowledged, so it need not be switched
 * off before the second write: connections with one request never pay for the call.
 */
export function beforeWrite(s: Shard, slot: number, to: number, fd: number): void {
  const bits = s.slots.bits(slot, to);
  if (bits & UNDELAYED) return;
  if (bits & WRITTEN) s.libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_NODELAY, s.small.one, 4);
  s.slots.setBits(slot, to, bits | (bits & WRITTEN ? UNDELAYED : WRITTEN));
}

/** Counts bytes taken from the end `from`. */
export function countBytes(s: Shard, slot: number, from: number, count: number): void {
  if (s.slots.addBytes(slot, from, count, s.now)) s.lifecycleOf(slot).observer.firstByte(slot);
  listUnreported(s, slot);
}

/** Puts the connection on the list of those with bytes to report to the pool. */
export function listUnreported(s: Shard, slot: number): void {
  if (s.slots.listed(slot)) return;
  s.slots.setListed(slot, true);
  s.unreported.push(slot);
}

/**
 * One end has failed. Of a relay, what it had sent is delivered before the other is reset, too; if that one has failed as well,
 * there is nobody left. A handler's end gets a FIN, which overtakes nothing of what it was told.
 */
export function endFailed(s: Shard, slot: number, end: number): void {
  const { slots } = s;
  const how = outcome(slots.firstToEnd(slot, end), RESET);
  if (slots.state(slot) !== RELAYING) {
    const forHandler = end === CLIENT && slots.state(slot) === BRIDGED;
    s.lifecycleOf(slot).end(slot, how, !forHandler);
    return;
  }
  dropBuffered(s, slot, end ^ 1);
  // Unread bytes stay in the socket, and behind them a read meets the failure; or a FIN, when a write has met it before.
  slots.addBits(slot, end, FAILED | FIN_SEEN | READABLE);
  s.lifecycleOf(slot).endLost(slot, how);
  if (slots.state(slot) === DELIVERING) continueLater(s, slot, end);
}

/** The direction is busy: it goes on when it has its turn. */
export function continueLater(s: Shard, slot: number, from: number): void {
  if (s.slots.bits(slot, from) & BUSY) return;
  s.slots.addBits(slot, from, BUSY);
  s.busy.add(2 * slot + from);
}

/** Closes one end; events that still come for it are then out of date. */
export function closeEnd(s: Shard, slot: number, end: number, reset: boolean): void {
  const fd = s.slots.takeFd(slot, end);
  if (fd < 0) return;
  if (reset) closeWithReset(s.libc, fd, s.small.linger);
  else s.libc.close(fd);
}

/** Drops what was read from an end and not taken by the other. */
export function dropBuffered(s: Shard, slot: number, from: number): void {
  const { slots } = s;
  const buffer = slots.writeBuffer(slot, from);
  if (buffer !== 0) s.writeBuffers.drop(buffer - 1, s.now);
  slots.setWriteBuffer(slot, from, 0);
  slots.setBuffered(slot, from, 0);
}
