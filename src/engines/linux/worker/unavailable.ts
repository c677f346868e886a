/** The answer to a client that gets no target: a text delivered whole, a handler in the main thread, or just the end. */

import { UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { LINGERING } from "../../../proxy/states.ts";
import { ANSWER_MS, LINGER_BYTES } from "../../../proxy/unavailable.ts";
import { AT_END, FIN_SENT, UNDELAYED, WRITABLE } from "../shared/ends.ts";
import { writePreamble } from "../shared/preamble.ts";
import * as abi from "../sys/abi.ts";
import { dialLoopback } from "./dial.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { BRIDGED, BRIDGING } from "./slot-store.ts";
import { closeEnd } from "./socket-io.ts";

/** Begins to tell the client that it gets no target. */
export function startAnswer(s: Shard, slot: number): void {
  const { slots } = s;
  if (s.options.handler !== null) {
    slots.setState(slot, BRIDGING);
    // Without a way to its handler the client is treated as if there were none: the answer is the close.
    if (dialLoopback(s, slot, s.options.handler.port) !== 0) s.lifecycle.end(slot, UNDECIDED, true);
  } else if (s.text === null) {
    s.lifecycle.end(slot, UNDECIDED, false);
  } else {
    slots.setAnswered(slot, 0);
    slots.addBits(slot, CLIENT, UNDELAYED | WRITABLE);
    sendText(s, slot);
  }
}

/** An event of the client while it is answered. */
export function onAnswerEvent(s: Shard, slot: number, events: number): void {
  if (events & abi.EPOLLERR) s.lifecycle.clientReset(slot);
  else if (s.slots.state(slot) === LINGERING) drop(s, slot);
  else if (events & abi.EPOLLOUT) sendText(s, slot);
}

function sendText(s: Shard, slot: number): void {
  const { libc, slots } = s;
  const text = s.text!;
  const total = s.options.text!.length;
  const fd = slots.fd(slot, CLIENT);
  for (let from = slots.answered(slot); from < total; from = slots.answered(slot)) {
    const sent = libc.send(fd, text.at(from), total - from, abi.MSG_NOSIGNAL);
    if (sent < 0) {
      if (libc.errno[0] !== abi.EAGAIN) s.lifecycle.clientReset(slot);
      return;
    }
    slots.setAnswered(slot, from + sent);
    slots.addBytes(slot, TARGET, sent, s.now);
  }
  libc.shutdown(fd, abi.SHUT_WR);
  slots.setAnswered(slot, LINGER_BYTES);
  s.lifecycle.answered(slot);
  drop(s, slot);
}

/** Takes what the client still sends, so that closing does not turn into a reset that overtakes the answer. */
function drop(s: Shard, slot: number): void {
  const { libc, slots } = s;
  const fd = slots.fd(slot, CLIENT);
  for (;;) {
    const received = libc.recv(fd, s.ioStart, BUFFER_BYTES, 0);
    if (received < 0 && libc.errno[0] === abi.EAGAIN) return;
    const left = slots.answered(slot) - Math.max(0, received);
    slots.setAnswered(slot, left);
    if (received <= 0 || left < 0) {
      s.lifecycle.end(slot, UNDECIDED, received < 0);
      return;
    }
  }
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
  const preamble = writePreamble(s.options.handler!.secret, s.index, slots.ticket(slot), slots, slot);
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
  s.lifecycle.end(slot, UNDECIDED, true);
}
