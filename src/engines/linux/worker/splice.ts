/**
 * The way of a direction that stays busy: pages move from socket to pipe to socket without passing through this process.
 * The pipe is lent from the pool only while there is something in it.
 */

import { URGENT, WRITABLE } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import { PIPE_BYTES } from "./pipe-pool.ts";
import type { Shard } from "./shard.ts";
import { beforeWrite, countBytes, endFailed, reachedEnd, readFailed } from "./socket-io.ts";

/** Full buffers in a row after which a direction is spliced: a pipe costs a further call per turn, so it has to be worth it. */
export const SPLICE_AFTER = 4;
/** A turn below this many bytes sends the direction back to the buffer: it is no longer busy. */
const QUIET_BYTES = 16 * 1024;
/** The streak of a direction that cannot be spliced: out of reach of any number of full reads. */
const NEVER = -0x4000_0000;
const FLAGS = abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK;

/** Fills a pipe with at most `most` bytes and empties it. Nothing is buffered when it is called. True: there may be more to do. */
export function splice(s: Shard, slot: number, from: number, most: number): boolean {
  const { libc, slots } = s;
  const pipe = s.pipes.take();
  if (pipe < 0) {
    slots.setStreak(slot, from, 0);
    return true;
  }
  const source = slots.fd(slot, from);
  const filled = libc.splice(source, libc.nil, s.pipes.writeEnd(pipe), libc.nil, Math.min(PIPE_BYTES, most), FLAGS);
  if (filled <= 0) {
    const goOn = filled === 0 ? reachedEnd(s, slot, from) : notSpliced(s, slot, from);
    s.pipes.release(pipe, 0);
    return goOn;
  }
  if (filled < QUIET_BYTES) slots.setStreak(slot, from, 0);
  slots.setPipe(slot, from, pipe + 1);
  slots.setBuffered(slot, from, filled);
  countBytes(s, slot, from, filled);
  return drainPipe(s, slot, from);
}

/** A splice from the end gave -1. True: a read may be tried in its place. */
function notSpliced(s: Shard, slot: number, from: number): boolean {
  const { libc, slots } = s;
  const errno = libc.errno[0];
  if (errno === abi.EINVAL) {
    slots.setStreak(slot, from, NEVER);
    return true;
  }
  if (errno === abi.EAGAIN && slots.bits(slot, from) & URGENT) {
    // A splice stops in front of an urgent byte for good, as if nothing were there; only a read steps over it.
    slots.setStreak(slot, from, 0);
    return true;
  }
  return readFailed(s, slot, from);
}

/** Empties the pipe into the other end and gives it back. False: there was no room for all, or the connection is over. */
export function drainPipe(s: Shard, slot: number, from: number): boolean {
  const { libc, slots } = s;
  const to = from ^ 1;
  const sink = slots.fd(slot, to);
  const pipe = slots.pipe(slot, from) - 1;
  const end = s.pipes.readEnd(pipe);
  beforeWrite(s, slot, to, sink);
  for (let buffered = slots.buffered(slot, from); buffered > 0; ) {
    const sent = libc.splice(end, libc.nil, sink, libc.nil, buffered, FLAGS);
    if (sent > 0) {
      buffered -= sent;
      slots.setBuffered(slot, from, buffered);
      slots.setMovedAt(slot, s.now);
    } else if (libc.errno[0] === abi.EAGAIN) {
      slots.clearBits(slot, to, WRITABLE);
      return false;
    } else {
      endFailed(s, slot, to);
      return false;
    }
  }
  slots.setPipe(slot, from, 0);
  s.pipes.release(pipe, 0);
  return true;
}
