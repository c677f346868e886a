/** What becomes of clients that are refused: most are gone at once; some are kept waiting, or get a text. None of them leaves a record. */
import type { RefusalAnswer } from "../../../edge/rules.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { FREE } from "../../../proxy/states.ts";
import { LINGER_MS } from "../../../proxy/unavailable.ts";
import { DISMISSED, TARPITTED } from "../shared/early-states.ts";
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import { leaveEdge } from "./edges.ts";
import { tellShare } from "./hand-over.ts";
import { beginLinger, dropInput } from "./linger.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { closeEnd } from "./socket-io.ts";

/** Of a connection that is watched. */
export function turnAway(s: Shard, slot: number, answer: RefusalAnswer): void {
  const { refused, mostRefused } = s.lobby;
  const mayStay = refused.size < mostRefused && !s.stopping;
  if (answer.type === "tarpit" && mayStay) {
    stay(s, slot, TARPITTED, answer.ms);
  } else if (answer.type === "text") {
    say(s, slot, answer.text, mayStay);
  } else {
    leave(s, slot, answer.type !== "close");
  }
}

/** An event of one that was refused. */
export function onRefusedEvent(s: Shard, slot: number, state: number, events: number): void {
  if (events & abi.EPOLLERR) leave(s, slot, true);
  else if (state === DISMISSED) dropInput(s, slot, leave);
}

/** It is over, and has been no pool's. */
export function leave(s: Shard, slot: number, reset: boolean): void {
  const { slots } = s;
  s.timers.clear(slot);
  s.lobby.refused.delete(slot);
  closeEnd(s, slot, CLIENT, reset);
  leaveEdge(s, slot);
  slots.setState(slot, FREE);
  slots.giveBack(slot);
  s.open--;
  tellShare(s);
  if (!s.accepting && s.mailbox.state < STOPPED_ACCEPTING) s.acceptAgainAt = s.now; // as an end with a record has it
}

function stay(s: Shard, slot: number, state: number, ms: number): void {
  s.slots.setState(slot, state);
  s.lobby.refused.add(slot);
  s.timers.set(slot, s.now + ms);
}

/** As much of the text as a new connection takes at once. */
function say(s: Shard, slot: number, text: Uint8Array, mayStay: boolean): void {
  const { libc, slots } = s;
  const fd = slots.fd(slot, CLIENT);
  const piece = text.subarray(0, BUFFER_BYTES);
  s.io.bytes.set(piece);
  libc.send(fd, s.ioStart, piece.length, abi.MSG_NOSIGNAL);
  if (!mayStay) {
    leave(s, slot, false);
    return;
  }
  beginLinger(s, slot);
  stay(s, slot, DISMISSED, LINGER_MS);
  dropInput(s, slot, leave);
}
