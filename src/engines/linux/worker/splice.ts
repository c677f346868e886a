/**
 * The way of a direction that stays busy: pages move from socket to pipe to socket without passing through this process. No more
 * is taken than the other end has room for, so that the pipe is empty again after each step; what is left over all the same
 * waits in a write buffer, as what a send leaves over does.
 */

import { URGENT, WRITABLE } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import { PIPE_BYTES } from "./pipe.ts";
import { awaitRoom, roomOf } from "./room.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { beforeWrite, countBytes, endFailed, readFailed } from "./socket-io.ts";

/** Full buffers in a row after which a direction is spliced: it costs more calls than a copy, so it has to be worth it. */
export const SPLICE_AFTER = 4;
/** The streak's largest: each one beyond SPLICE_AFTER doubles what a splice may bring, from a buffer's worth to a pipe's. */
const LONGEST_STREAK = SPLICE_AFTER + Math.log2(PIPE_BYTES / BUFFER_BYTES);
/** A splice below this many bytes sends the direction back to the buffer, until a read fills that: it is no longer busy. */
const QUIET_BYTES = 16 * 1024;
/** The streak of a direction that cannot be spliced: out of reach of any number of full reads. */
const NEVER = -0x4000_0000;
const FLAGS = abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK;

/** Fills the pipe with at most `most` bytes, and empties it. Nothing is buffered when it is called. True: there may be more to do. */
export function splice(s: Shard, slot: number, from: number, most: number): boolean {
  const { libc, pipe, slots } = s;
  const to = from ^ 1;
  const room = roomOf(s, slots.fd(slot, to));
  if (room === 0) {
    awaitRoom(s, slot, to);
    return false;
  }
  const streak = slots.streak(slot, from);
  if (!pipe.open()) {
    slots.setStreak(slot, from, 0);
    return true;
  }
  const bring = BUFFER_BYTES << (streak - SPLICE_AFTER);
  const limit = Math.min(bring, room, most);
  const filled = libc.splice(slots.fd(slot, from), libc.nil, pipe.writeEnd, libc.nil, limit, FLAGS);
  if (filled <= 0) return filled === 0 ? askRead(s, slot, from) : notSpliced(s, slot, from);
  countBytes(s, slot, from, filled);
  if (filled < QUIET_BYTES) slots.setStreak(slot, from, SPLICE_AFTER - 1);
  else if (filled === bring && streak < LONGEST_STREAK) slots.setStreak(slot, from, streak + 1);
  return emptyPipe(s, slot, from, filled);
}

/** False: there was no room for all, or the connection is over. */
function emptyPipe(s: Shard, slot: number, from: number, filled: number): boolean {
  const { libc, pipe, slots } = s;
  const to = from ^ 1;
  const sink = slots.fd(slot, to);
  beforeWrite(s, slot, to, sink);
  for (let left = filled; left > 0; ) {
    const sent = libc.splice(pipe.readEnd, libc.nil, sink, libc.nil, left, FLAGS);
    if (sent > 0) {
      left -= sent;
    } else if (libc.errno[0] === abi.EAGAIN) {
      slots.clearBits(slot, to, WRITABLE);
      leaveOver(s, slot, from, filled - left, left);
      return false;
    } else {
      pipe.discard();
      endFailed(s, slot, to);
      return false;
    }
  }
  return true;
}

/**
 * The other end has taken `taken` bytes, and `left` ones must wait for it. The next splice brings about as much as it took: it
 * knows bounds that its room does not tell (net.ipv4.tcp_notsent_lowat, memory that is short), and a reader that has stopped is
 * not to leave a pipe's worth here.
 */
function leaveOver(s: Shard, slot: number, from: number, taken: number, left: number): void {
  const { slots } = s;
  slots.setWriteBuffer(slot, from, s.writeBuffers.keepFrom(s.pipe.readEnd, left) + 1);
  slots.setBuffered(slot, from, left);
  slots.setStreak(slot, from, taken < BUFFER_BYTES ? 0 : SPLICE_AFTER + Math.floor(Math.log2(taken / BUFFER_BYTES)));
}

/**
 * Only a read tells whether the stream has ended, and steps over an urgent byte: in front of one, a splice stops for good, and says
 * that there is nothing yet, or that the stream has ended if a FIN has come behind what is still there.
 */
function askRead(s: Shard, slot: number, from: number): true {
  s.slots.setStreak(slot, from, 0);
  return true;
}

/** A splice from the end gave -1. True: a read may be tried in its place. */
function notSpliced(s: Shard, slot: number, from: number): boolean {
  const { libc, slots } = s;
  const errno = libc.errno[0];
  if (errno === abi.EINVAL) {
    slots.setStreak(slot, from, NEVER);
    return true;
  }
  if (errno === abi.EAGAIN && slots.bits(slot, from) & URGENT) return askRead(s, slot, from);
  return readFailed(s, slot, from);
}
