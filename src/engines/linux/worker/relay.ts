/**
 * Moves bytes between the two ends of a connection. Each end is read only while the other has room, so nothing piles up
 * beyond one read; a FIN travels in its direction once everything before it has been delivered, and so does a reset.
 */

import { FIN, outcome, UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { DELIVERING, RELAYING } from "../../../proxy/states.ts";
import { AT_END, BUSY, FAILED, FIN_SENT, READABLE, WRITABLE } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import { delivered } from "./delivery.ts";
import { PIPE_BYTES } from "./pipe.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { isRelayed } from "./slot-store.ts";
import {
  bitsOf,
  continueLater,
  countBytes,
  emptied,
  endFailed,
  listUnreported,
  reachedEnd,
  readFailed,
  send,
} from "./socket-io.ts";
import { SPLICE_AFTER, splice } from "./splice.ts";
import { noteTargetFin, resetTarget } from "./target-close.ts";

/**
 * Bytes that busy directions move between two looks at what else has come up: as long as that takes a small message waits for them,
 * however many they are. Beside 40 downloads the median of 500 requests a second took 1.2 ms with a mebibyte and 0.3 ms with a quarter
 * of one, their p99 12 and 9 ms; a byte costs less in long steps, so the short ones are for when somebody waits.
 */
const LONG_TURN_BYTES = PIPE_BYTES;
const SHORT_TURN_BYTES = PIPE_BYTES / 4;
/** Bytes below which a read of a direction that is not busy is a small message, and not a bulk stream that has a moment's rest. */
const MESSAGE_BYTES = 16 * 1024;
/** ms after a small message in which another one is expected. */
const MESSAGES_MS = 100;

/** An event of one end while the connection is relayed. */
export function onRelayEvent(s: Shard, slot: number, end: number, events: number): void {
  const { slots } = s;
  const bits = slots.bits(slot, end) | bitsOf(events);
  slots.setBits(slot, end, bits);
  if (hasMore(bits)) pump(s, slot, end);
  if (!isRelayed(slots.state(slot))) return;
  if (events & abi.EPOLLERR) {
    // Reading has not met it, because the other end has no room, and may never have any again.
    endFailed(s, slot, end);
  } else if (events & abi.EPOLLOUT) {
    const other = end ^ 1;
    if (slots.buffered(slot, other) !== 0 || hasMore(slots.bits(slot, other))) pump(s, slot, other);
  }
}

/** Both directions, once the connection to the target stands. */
export function startRelay(s: Shard, slot: number): void {
  pump(s, slot, CLIENT);
  if (isRelayed(s.slots.state(slot))) pump(s, slot, TARGET);
}

/** Busy directions have their turns, one after the other, until so many bytes have moved that the others are to be looked at. */
export function serveBusy(s: Shard): void {
  const { slots } = s;
  const most = s.now - s.messageAt < MESSAGES_MS ? SHORT_TURN_BYTES : LONG_TURN_BYTES;
  for (let left = most; left > 0; ) {
    const direction = s.busy.take();
    if (direction < 0) return;
    const slot = direction >> 1;
    const from = direction & 1;
    slots.clearBits(slot, from, BUSY);
    const state = slots.state(slot);
    if (!isRelayed(state) && !(state === DELIVERING && slots.bits(slot, from) & FAILED)) continue;
    const before = slots.bytes(slot, from);
    move(s, slot, from, most);
    left -= Math.max(BUFFER_BYTES, slots.bytes(slot, from) - before); // writing what was left over takes its time, too
  }
}

/** An event of one end while the other has failed, or a late one of that other. */
export function onDeliveryEvent(s: Shard, slot: number, end: number, events: number): void {
  const { slots } = s;
  slots.addBits(slot, end, bitsOf(events));
  if (slots.bits(slot, end) & FAILED) return; // it is read as the other has room
  if (events & abi.EPOLLERR) endFailed(s, slot, end);
  else if (events & abi.EPOLLOUT) pump(s, slot, end ^ 1);
}

function hasMore(bits: number): boolean {
  return (bits & (READABLE | AT_END)) === READABLE;
}

/** Moves what can be moved from the end `from` to the other; of a direction that is busy, once those are served that are not. */
function pump(s: Shard, slot: number, from: number): void {
  if (s.slots.streak(slot, from) === 0) move(s, slot, from, BUFFER_BYTES);
  else continueLater(s, slot, from);
}

/** Moves at most about `most` bytes; if there may be more, the direction is busy, and goes on when it has its turn. */
function move(s: Shard, slot: number, from: number, most: number): void {
  const { slots } = s;
  const to = from ^ 1;
  const end = slots.bytes(slot, from) + most;
  for (let left = most; left > 0; left = end - slots.bytes(slot, from)) {
    if (slots.buffered(slot, from) !== 0 && !flush(s, slot, from)) return;
    const bits = slots.bits(slot, from);
    if (bits & AT_END) {
      if (bits & FAILED) passFailure(s, slot);
      else passFin(s, slot, from);
      return;
    }
    if ((bits & READABLE) === 0 || (slots.bits(slot, to) & WRITABLE) === 0) return;
    const spliced = slots.streak(slot, from) >= SPLICE_AFTER;
    if (!(spliced ? splice(s, slot, from, most) : copy(s, slot, from))) return;
  }
  continueLater(s, slot, from);
}

/** One read and one write. True: there may be more to do. */
function copy(s: Shard, slot: number, from: number): boolean {
  const { slots } = s;
  const received = s.libc.recv(slots.fd(slot, from), s.ioStart, BUFFER_BYTES, 0);
  if (received <= 0) return received === 0 ? reachedEnd(s, slot, from) : readFailed(s, slot, from);
  if (received === BUFFER_BYTES) {
    slots.setStreak(slot, from, slots.streak(slot, from) + 1);
  } else {
    if (received < MESSAGE_BYTES && slots.streak(slot, from) === 0) s.messageAt = s.now;
    slots.setStreak(slot, from, 0);
    emptied(s, slot, from);
  }
  countBytes(s, slot, from, received);
  const last = (slots.bits(slot, from) & AT_END) !== 0;
  const sent = send(s, slot, from ^ 1, s.ioStart, received, last);
  if (sent === received) return true;
  if (sent >= 0) {
    slots.setWriteBuffer(slot, from, s.writeBuffers.keep(s.io.bytes.subarray(sent, received)) + 1);
    slots.setBuffered(slot, from, received - sent);
  }
  return false;
}

/** Delivers what is buffered. True: all of it. */
function flush(s: Shard, slot: number, from: number): boolean {
  const { slots } = s;
  const to = from ^ 1;
  if ((slots.bits(slot, to) & WRITABLE) === 0) return false;
  for (let buffered = slots.buffered(slot, from); buffered > 0; ) {
    const buffer = slots.writeBuffer(slot, from) - 1;
    const length = s.writeBuffers.length(buffer);
    const sent = send(s, slot, to, s.writeBuffers.start(buffer), length, false);
    if (sent < 0) return false;
    slots.noteTaken(slot, to, s.now);
    buffered -= sent;
    slots.setBuffered(slot, from, buffered);
    slots.setWriteBuffer(slot, from, s.writeBuffers.advance(buffer, sent, s.now) + 1);
    if (sent < length) return false;
  }
  return true;
}

/** Sends FIN to the other end, once; when that end has sent its own as well, the connection is over. */
function passFin(s: Shard, slot: number, from: number): void {
  const { slots } = s;
  const to = from ^ 1;
  if (slots.bits(slot, to) & FIN_SENT) return;
  const first = slots.firstToEnd(slot, from);
  const { lifecycle, sockets } = s.partOf(slot);
  const resets = sockets?.resets === true && first === TARGET && slots.state(slot) === RELAYING;
  if (slots.bits(slot, from) & FIN_SENT) {
    if (resets) resetTarget(s, slot);
    lifecycle.end(slot, outcome(first, FIN), false);
    return;
  }
  if (resets) noteTargetFin(s, slot);
  slots.addBits(slot, to, FIN_SENT);
  s.libc.shutdown(slots.fd(slot, to), abi.SHUT_WR); // fails only when that end was reset: its event is on its way
  listUnreported(s, slot); // so that it is watched whether the FIN is acknowledged
}

/** All that the failed end had sent has been given to the kernel; a timer looks again when that is not delivered yet. */
function passFailure(s: Shard, slot: number): void {
  if (delivered(s, slot)) s.lifecycleOf(slot).end(slot, UNDECIDED, true);
}
