/**
 * The way of a direction that stays busy: pages move from socket to pipe to socket without passing through this process.
 * The pipe is lent from the pool only while there is something in it.
 */

import { BITS, FD, HELD, MOVED_AT, PIPE, STREAK, STRIDE, WRITABLE } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { PIPE_BYTES } from "./pipe-pool.ts";
import type { Shard } from "./shard.ts";
import { atEnd, beforeWrite, fail, moved, readFailed } from "./socket-io.ts";

/** Full buffers in a row after which a direction is spliced: a pipe costs a further call per turn, so it has to be worth it. */
export const SPLICE_AFTER = 4;
/** A turn below this many bytes sends the direction back to the buffer: it is no longer busy. */
const QUIET_BYTES = 16 * 1024;
/** The streak of a direction that cannot be spliced: out of reach of any number of full reads. */
const NEVER = -0x4000_0000;
const FLAGS = abi.SPLICE_F_MOVE | abi.SPLICE_F_NONBLOCK;

/** One turn: fills a pipe and empties it. Nothing is held when it is called. True: there may be more to do. */
export function spliceOn(s: Shard, slot: number, from: number): boolean {
  const { libc, words } = s;
  const at = slot * STRIDE;
  const pipe = s.pipes.take();
  if (pipe < 0) {
    words[at + STREAK + from] = 0;
    return true;
  }
  const source = words[at + FD + from]!;
  const filled = libc.splice(source, libc.nil, s.pipes.writeEnd(pipe), libc.nil, PIPE_BYTES, FLAGS);
  if (filled <= 0) {
    const refused = filled < 0 && libc.errno[0] === abi.EINVAL;
    const goOn = filled === 0 ? atEnd(s, slot, from) : refused || readFailed(s, slot, from);
    if (refused) words[at + STREAK + from] = NEVER;
    s.pipes.release(pipe, 0);
    return goOn;
  }
  if (filled < QUIET_BYTES) words[at + STREAK + from] = 0;
  words[at + PIPE + from] = pipe + 1;
  words[at + HELD + from] = filled;
  moved(s, slot, from, filled);
  return drainPipe(s, slot, from);
}

/** Empties the pipe into the other end and gives it back. False: there was no room for all, or the connection is over. */
export function drainPipe(s: Shard, slot: number, from: number): boolean {
  const { libc, words } = s;
  const at = slot * STRIDE;
  const to = from ^ 1;
  const sink = words[at + FD + to]!;
  const pipe = words[at + PIPE + from]! - 1;
  const end = s.pipes.readEnd(pipe);
  beforeWrite(s, at + to, sink);
  for (let held = words[at + HELD + from]!; held > 0; held = words[at + HELD + from]!) {
    const sent = libc.splice(end, libc.nil, sink, libc.nil, held, FLAGS);
    if (sent > 0) {
      words[at + HELD + from] = held - sent;
      s.doubles[(at >> 1) + MOVED_AT] = s.now;
    } else if (libc.errno[0] === abi.EAGAIN) {
      words[at + BITS + to]! &= ~WRITABLE;
      return false;
    } else {
      fail(s, slot, to);
      return false;
    }
  }
  words[at + PIPE + from] = 0;
  s.pipes.release(pipe, 0);
  return true;
}
