/** The answer to a client that gets no target: a text delivered whole, a handler in the main thread, or just the end. */

import { ANSWER_MS, LINGER_BYTES, LINGER_MS } from "../../../proxy/unavailable.ts";
import {
  ADDRESS,
  ANSWERED,
  ANSWERING,
  AT_END,
  BITS,
  BY_BALANCER,
  CLIENT,
  FAILURE,
  FD,
  FIN_SENT,
  HELD,
  IN_UNAVAILABLE,
  LINGERING,
  OUTCOME,
  outcome,
  PHASE,
  PORT,
  REASON,
  RELAYING,
  ROW,
  SPILL,
  STATE,
  STRIDE,
  UNDELAYED,
  WRITABLE,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { closeEnd, finish, givePlaceBack } from "./close.ts";
import { dialLoopback } from "./dial.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";

/**
 * What the main thread is told first on a connection that its handler is to answer: a secret, then as 32-bit words worker,
 * ticket, reason, errno and row of the last failure, and the client's address (four) and port.
 */
export const SECRET_BYTES = 16;
export const PREAMBLE_WORDS = 10;
export const PREAMBLE_BYTES = SECRET_BYTES + 4 * PREAMBLE_WORDS;

/** The connection has no row, may have a place, and does not wait. `reason` is one of the causes. */
export function unavailable(s: Shard, slot: number, reason: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  givePlaceBack(s, slot);
  words[at + PHASE] = IN_UNAVAILABLE;
  words[at + REASON] = reason;
  words[at + OUTCOME] = outcome(BY_BALANCER, reason);
  if (s.options.handler !== null) {
    // Without a way to its handler the client is treated as if there were none: the answer is the close.
    if (dialLoopback(s, slot, s.options.handler.port) !== 0) finish(s, slot, 0, true);
  } else if (s.text === null) {
    finish(s, slot, 0, false);
  } else {
    words[at + STATE] = ANSWERING;
    words[at + ANSWERED] = 0;
    words[at + BITS + CLIENT]! |= UNDELAYED | WRITABLE;
    s.wheel.set(slot, s.now + ANSWER_MS);
    sendText(s, slot);
  }
}

/** An event of the client while it is answered. */
export function onAnswerEvent(s: Shard, slot: number, events: number): void {
  if (events & abi.EPOLLERR) finish(s, slot, 0, true);
  else if (s.words[slot * STRIDE + STATE] === LINGERING) drop(s, slot);
  else if (events & abi.EPOLLOUT) sendText(s, slot);
}

function sendText(s: Shard, slot: number): void {
  const { libc, words } = s;
  const at = slot * STRIDE;
  const text = s.text!;
  const total = s.options.text!.length;
  while (words[at + ANSWERED]! < total) {
    const from = words[at + ANSWERED]!;
    const sent = libc.send(words[at + FD + CLIENT]!, text.at(from), total - from, abi.MSG_NOSIGNAL);
    if (sent < 0) {
      // A client that is lost while it is answered has lost nothing more than the answer; the record keeps the reason.
      if (libc.errno[0] !== abi.EAGAIN) finish(s, slot, 0, true);
      return;
    }
    words[at + ANSWERED] = from + sent;
  }
  libc.shutdown(words[at + FD + CLIENT]!, abi.SHUT_WR);
  words[at + STATE] = LINGERING;
  words[at + ANSWERED] = LINGER_BYTES;
  s.wheel.set(slot, s.now + LINGER_MS);
  drop(s, slot);
}

/** Takes what the client still sends, so that closing does not turn into a reset that overtakes the answer. */
function drop(s: Shard, slot: number): void {
  const { libc, words } = s;
  const at = slot * STRIDE;
  for (;;) {
    const received = libc.recv(words[at + FD + CLIENT]!, s.ioStart, BUFFER_BYTES, 0);
    if (received < 0 && libc.errno[0] === abi.EAGAIN) return;
    words[at + ANSWERED]! -= Math.max(0, received);
    if (received <= 0 || words[at + ANSWERED]! < 0) {
      finish(s, slot, 0, received < 0);
      return;
    }
  }
}

/**
 * The client is lost before the way to its handler stood. The handler is called all the same, as it would be had the client
 * left a moment later.
 */
export function clientGone(s: Shard, slot: number): void {
  closeEnd(s, slot, CLIENT, true);
}

/** The way to the handler stands: what is said first tells the main thread whose connection this is. */
export function introduce(s: Shard, slot: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  const preamble = new Uint8Array(PREAMBLE_BYTES);
  preamble.set(s.options.handler!.secret);
  const view = new DataView(preamble.buffer, SECRET_BYTES);
  const ticket = s.ticket(slot);
  const fields = [s.index, ticket, words[at + REASON]!, words[at + FAILURE]!, words[at + ROW]!];
  for (let i = 0; i < 4; i++) fields.push(words[at + ADDRESS + i]!);
  fields.push(words[at + PORT]!);
  for (const [i, field] of fields.entries()) view.setInt32(4 * i, field);
  words[at + SPILL + CLIENT] = s.spills.keep(preamble) + 1;
  words[at + HELD + CLIENT] = PREAMBLE_BYTES;
  s.wheel.set(slot, s.now + ANSWER_MS);
  // Without a client, what is left to do is to pass on the preamble and a FIN.
  if (words[at + FD + CLIENT]! < 0) words[at + BITS + CLIENT]! |= AT_END | FIN_SENT;
}

/** The handler has dropped the connection. */
export function onDrop(s: Shard, ticket: number): void {
  const slot = s.slotOf(ticket);
  if (slot < 0 || s.words[slot * STRIDE + STATE] !== RELAYING || s.words[slot * STRIDE + REASON] === 0) return;
  finish(s, slot, 0, true);
}
