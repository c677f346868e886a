/**
 * Moves bytes between the two ends of a connection. Each end is read only while the other has room, so nothing piles up
 * beyond one read; a FIN travels in its direction once everything before it has been delivered; a failure resets both ends.
 */

import {
  AGAIN,
  AT_END,
  BITS,
  FD,
  FIN,
  FIN_SENT,
  FIRST,
  HELD,
  MOVED_AT,
  outcome,
  PIPE,
  READABLE,
  RELAYING,
  SPILL,
  STATE,
  STREAK,
  STRIDE,
  WRITABLE,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { finish } from "./close.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { atEnd, bitsOf, drained, fail, moved, readFailed, write } from "./socket-io.ts";
import { drainPipe, SPLICE_AFTER, spliceOn } from "./splice.ts";

/** Steps that one direction may take before the others have their turn: about 1 MiB by the buffer, 4 MiB by pipes; a millisecond or two. */
const STEPS = 16;
const STEPS_PER_SPLICE = 4;

/** An event of one end while the connection is relayed. */
export function onRelayEvent(s: Shard, slot: number, end: number, events: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  const bits = words[at + BITS + end]! | bitsOf(events);
  words[at + BITS + end] = bits;
  if (hasMore(bits)) pump(s, slot, end);
  if (words[at + STATE] !== RELAYING) return;
  if (events & abi.EPOLLERR) {
    // Not met by reading, because the other end has no room: waiting for that would be in vain.
    fail(s, slot, end);
  } else if (events & abi.EPOLLOUT) {
    const other = end ^ 1;
    if (words[at + HELD + other] !== 0 || hasMore(words[at + BITS + other]!)) pump(s, slot, other);
  }
}

/** Both directions, once the connection to the target stands. */
export function startRelay(s: Shard, slot: number): void {
  pump(s, slot, 0);
  if (s.words[slot * STRIDE + STATE] === RELAYING) pump(s, slot, 1);
}

/** Continues the directions that had used up their turn. */
export function pumpAgain(s: Shard): void {
  const again = s.again;
  s.again = [];
  for (const direction of again) {
    const at = (direction >> 1) * STRIDE;
    s.words[at + BITS + (direction & 1)]! &= ~AGAIN;
    if (s.words[at + STATE] === RELAYING) pump(s, direction >> 1, direction & 1);
  }
}

function hasMore(bits: number): boolean {
  return (bits & (READABLE | AT_END)) === READABLE;
}

/** Moves what can be moved from the end `from` to the other. */
function pump(s: Shard, slot: number, from: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  const to = from ^ 1;
  for (let steps = 0; steps < STEPS; ) {
    if (words[at + HELD + from] !== 0 && !flush(s, slot, from)) return;
    const bits = words[at + BITS + from]!;
    if (bits & AT_END) {
      passFin(s, slot, from);
      return;
    }
    if ((bits & READABLE) === 0 || (words[at + BITS + to]! & WRITABLE) === 0) return;
    const spliced = words[at + STREAK + from]! >= SPLICE_AFTER;
    steps += spliced ? STEPS_PER_SPLICE : 1;
    if (!(spliced ? spliceOn(s, slot, from) : copyOn(s, slot, from))) return;
  }
  if (words[at + BITS + from]! & AGAIN) return;
  words[at + BITS + from]! |= AGAIN;
  s.again.push(2 * slot + from);
}

/** One read and one write. True: there may be more to do. */
function copyOn(s: Shard, slot: number, from: number): boolean {
  const { words } = s;
  const at = slot * STRIDE;
  const received = s.libc.recv(words[at + FD + from]!, s.ioStart, BUFFER_BYTES, 0);
  if (received <= 0) return received === 0 ? atEnd(s, slot, from) : readFailed(s, slot, from);
  if (received === BUFFER_BYTES) {
    words[at + STREAK + from]!++;
  } else {
    words[at + STREAK + from] = 0;
    drained(s, slot, from);
  }
  moved(s, slot, from, received);
  const last = (words[at + BITS + from]! & AT_END) !== 0;
  const sent = write(s, slot, from ^ 1, s.ioStart, received, last);
  if (sent === received) return true;
  if (sent >= 0) {
    words[at + SPILL + from] = s.spills.keep(s.io.bytes.subarray(sent, received)) + 1;
    words[at + HELD + from] = received - sent;
  }
  return false;
}

/** Delivers what is held. True: all of it. */
function flush(s: Shard, slot: number, from: number): boolean {
  const { words } = s;
  const at = slot * STRIDE;
  if ((words[at + BITS + (from ^ 1)]! & WRITABLE) === 0) return false;
  if (words[at + PIPE + from] !== 0) return drainPipe(s, slot, from);
  const held = words[at + HELD + from]!;
  const block = words[at + SPILL + from]! - 1;
  const sent = write(s, slot, from ^ 1, s.spills.start(block), held, false);
  if (sent < 0) return false;
  s.doubles[(at >> 1) + MOVED_AT] = s.now;
  words[at + HELD + from] = held - sent;
  if (sent < held) {
    s.spills.advance(block, sent, held);
    return false;
  }
  words[at + SPILL + from] = 0;
  s.spills.release(block);
  return true;
}

/** Sends FIN to the other end, once; when that end is through as well, the connection is over. */
function passFin(s: Shard, slot: number, from: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  const to = from ^ 1;
  if (words[at + BITS + to]! & FIN_SENT) return;
  if (words[at + FIRST] === 0) words[at + FIRST] = from + 1;
  if (words[at + BITS + from]! & FIN_SENT) {
    finish(s, slot, outcome(words[at + FIRST]! - 1, FIN), false);
    return;
  }
  words[at + BITS + to]! |= FIN_SENT;
  s.libc.shutdown(words[at + FD + to]!, abi.SHUT_WR); // fails only when that end was reset: its event is on its way
}
