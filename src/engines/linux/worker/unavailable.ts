/** The answer to a client that gets no target: a text delivered whole, a handler in the main thread, or just the end. */

import { UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { LINGERING } from "../../../proxy/states.ts";
import { ANSWER_MS } from "../../../proxy/unavailable.ts";
import { AT_END, FIN_SENT, UNDELAYED, WRITABLE } from "../shared/ends.ts";
import { writePreamble } from "../shared/preamble.ts";
import * as abi from "../sys/abi.ts";
import { dialLoopback } from "./dial.ts";
import { beginLinger, dropInput } from "./linger.ts";
import type { PoolPart } from "./pool-part.ts";
import { localAddress } from "./preface.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { BRIDGED, BRIDGING } from "./slot-store.ts";
import { closeEnd } from "./socket-io.ts";

/** Of a pool whose text was taken away while it was being sent: the rest of it. */
const NO_TEXT = new Uint8Array();

/** Begins to tell the client that it gets no target. */
export function startAnswer(s: Shard, { lifecycle, terms }: PoolPart, slot: number): void {
  const { slots } = s;
  if (terms.handled && s.bridge !== null) {
    slots.setState(slot, BRIDGING);
    // Without a way to its handler the client is treated as if there were none: the answer is the close.
    if (dialLoopback(s, slot, s.bridge.port) !== 0) lifecycle.end(slot, UNDECIDED, true);
  } else if (terms.text === null) {
    lifecycle.end(slot, UNDECIDED, false);
  } else {
    slots.setAnswered(slot, 0);
    slots.addBits(slot, CLIENT, UNDELAYED | WRITABLE);
    sendText(s, slot);
  }
}

/** An event of the client while it is answered. */
export function onAnswerEvent(s: Shard, slot: number, events: number): void {
  if (events & abi.EPOLLERR) s.lifecycleOf(slot).clientReset(slot);
  else if (s.slots.state(slot) === LINGERING) dropInput(s, slot, endAnswered);
  else if (events & abi.EPOLLOUT) sendText(s, slot);
}

function sendText(s: Shard, slot: number): void {
  const { libc, slots } = s;
  const text = s.partOf(slot).terms.text ?? NO_TEXT;
  const fd = slots.fd(slot, CLIENT);
  for (let from = slots.answered(slot); from < text.length; from = slots.answered(slot)) {
    const piece = text.subarray(from, from + BUFFER_BYTES);
    s.io.bytes.set(piece);
    const sent = libc.send(fd, s.ioStart, piece.length, abi.MSG_NOSIGNAL);
    if (sent < 0) {
      if (libc.errno[0] !== abi.EAGAIN) s.lifecycleOf(slot).clientReset(slot);
      return;
    }
    slots.setAnswered(slot, from + sent);
    slots.addBytes(slot, TARGET, sent, s.now);
  }
  beginLinger(s, slot);
  s.lifecycleOf(slot).answered(slot);
  dropInput(s, slot, endAnswered);
}

function endAnswered(s: Shard, slot: number, reset: boolean): void {
  s.lifecycleOf(slot).end(slot, UNDECIDED, reset);
}

/**
 * The client is lost before the way to its handler stands. The handler is called all the same, as it would be if the client
 * had left a moment later.
 */
export function clientGone(s: Shard, slot: number): void {
  closeEnd(s, slot, CLIENT, true);
}

/** The way to the handler stands: the preamble tells the main thread which client this is. */
export function introduce(s: Shard, slot: number): void {
  const { slots } = s;
  slots.setState(slot, BRIDGED);
  const preamble = writePreamble(s.bridge!.secret, s.index, slots.ticket(slot), slots, slot, localAddress(s, slot));
  slots.setWriteBuffer(slot, CLIENT, s.writeBuffers.keep(preamble) + 1);
  slots.setBuffered(slot, CLIENT, preamble.length);
  s.timers.set(slot, s.now + ANSWER_MS);
  // Without a client, what is left to do is to pass on the preamble and a FIN.
  if (slots.fd(slot, CLIENT) < 0) slots.addBits(slot, CLIENT, AT_END | FIN_SENT);
}

/** The handler has dropped the connection. */
export function onDrop(s: Shard, ticket: number): void {
  const slot = s.slots.slotOf(ticket);
  if (slot < 0 || s.slots.state(slot) !== BRIDGED) return;
  s.lifecycleOf(slot).end(slot, UNDECIDED, true);
}
