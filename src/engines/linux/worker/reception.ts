/**
 * Asking a client what its listener wants to know, before it is any pool's: what it has sent is looked at where it is, in the kernel, so
 * that a target gets it as it came. Only a PROXY header is taken out, exactly.
 */
import { tellNothing } from "../../../edge/facts.ts";
import { ADMITTED, type Decided, MOST_IN_RECEPTION } from "../../../edge/reception.ts";
import { refusalNumber } from "../../../edge/refusals.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { RECEIVING } from "../shared/early-states.ts";
import { FIN_SEEN } from "../shared/ends.ts";
import { edgeOfService, NO_EDGE, NO_POOL } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import { partNumber } from "./attach.ts";
import type { EdgePart } from "./edge-part.ts";
import { edgeNumber, leaveEdge } from "./edges.ts";
import { abandon, dismissed, giveUpOldest, setLowWater } from "./guests.ts";
import type { Guest } from "./lobby.ts";
import { leave, turnAway } from "./refusal.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";
import { noticeLimit } from "./shortage.ts";
import { bitsOf } from "./socket-io.ts";

const NO_ROUTE = refusalNumber("no-route");

/** In place of a service's number. */
export const ALL = -1;

/** Whose address may come, or who may name others, has come, and is watched. */
export function welcome(s: Shard, part: EdgePart, slot: number): void {
  const { edge } = part;
  const { lobby, slots } = s;
  if (!edge.reads) {
    const claim = edge.admitClient(slots.addressWords, slots.addressAt(slot), s.now);
    if (claim < 0) {
      turnAway(s, slot, edge.answerTo(~claim));
      return;
    }
    slots.setClaim(slot, claim);
    lead(s, part, slot, edge.plainRoute);
    return;
  }
  if (lobby.receiving.size >= MOST_IN_RECEPTION) giveUpOldest(s);
  const reception = edge.receive(slots.addressWords, slots.addressAt(slot), slots.port(slot));
  const guest = { part, reception, atLeast: 0, lowWater: 1, consumed: 0 };
  slots.setState(slot, RECEIVING);
  lobby.receiving.set(slot, guest);
  part.receiving++;
  s.mailbox.waiting++; // it is going to need a descriptor for its target
  s.timers.set(slot, s.now + part.prereadTimeout);
  hear(s, slot, guest);
}

/** An event of a client that is being asked. */
export function onGuestEvent(s: Shard, slot: number, events: number): void {
  s.slots.addBits(slot, CLIENT, bitsOf(events));
  const guest = s.lobby.receiving.get(slot)!;
  if (events & abi.EPOLLERR) abandon(s, slot, guest);
  else hear(s, slot, guest);
}

/** The time of one is over that is being asked, or has been refused. */
export function earlyTimedOut(s: Shard, slot: number): void {
  const guest = s.lobby.receiving.get(slot);
  if (guest === undefined) leave(s, slot, true);
  else cutShort(s, slot, guest);
}

/** Resets those who came by that service, or ALL, and are no pool's yet. */
export function dropGuests(s: Shard, edge: number): void {
  const { receiving, refused } = s.lobby;
  for (const [slot, guest] of receiving) {
    if (edge === ALL || guest.part.number === edge) abandon(s, slot, guest);
  }
  for (const slot of refused) {
    if (edge === ALL || s.slots.edgeOf(slot) === edge) leave(s, slot, true);
  }
}

/** Who is being asked by that service comes to another one, as if it came now with all that it has sent: its listener has changed. */
export function moveGuests(s: Shard, edge: number, service: number): void {
  for (const [slot, guest] of s.lobby.receiving) {
    if (guest.part.number !== edge) continue;
    guest.reception.abandon();
    dismissed(s, slot, guest);
    leaveEdge(s, slot);
    if (service >= 0) {
      s.slots.setEdge(slot, NO_EDGE);
      serve(s, slot, service);
    } else {
      comeBy(s, slot, edgeNumber(s, edgeOfService(service)));
    }
  }
}

function comeBy(s: Shard, slot: number, part: EdgePart): void {
  const { slots } = s;
  part.open++;
  slots.setEdge(slot, part.number);
  const refusal = part.edge.admitPeer(slots.addressWords, slots.addressAt(slot));
  if (refusal === ADMITTED) welcome(s, part, slot);
  else turnAway(s, slot, part.edge.answerTo(refusal));
}

/** Goes on with what has come of it so far. */
function hear(s: Shard, slot: number, guest: Guest): void {
  const { libc, slots } = s;
  const fd = slots.fd(slot, CLIENT);
  for (;;) {
    const peeked = libc.recv(fd, s.ioStart, BUFFER_BYTES, abi.MSG_PEEK);
    if (peeked < 0 && libc.errno[0] !== abi.EAGAIN) {
      abandon(s, slot, guest);
      return;
    }
    const count = Math.max(0, peeked);
    const isAll = peeked === 0 || (slots.bits(slot, CLIENT) & FIN_SEEN) !== 0;
    if (count < guest.atLeast && !isAll) return;
    const step = guest.reception.step(s.io.bytes.subarray(guest.consumed, count), s.now);
    switch (step.type) {
      case "read":
        if (isAll) {
          cutShort(s, slot, guest);
          return;
        }
        slots.setClaim(slot, guest.reception.claim); // where the thread dies
        guest.atLeast = guest.consumed + step.atLeast;
        if (guest.atLeast > count + 1) setLowWater(s, slot, guest, guest.atLeast);
        return;
      case "consume":
        guest.consumed += step.length;
        guest.atLeast = 0;
        break;
      case "refused":
        dismissed(s, slot, guest);
        turnAway(s, slot, step.answer);
        return;
      case "decided":
        dismissed(s, slot, guest);
        slots.setClaim(slot, step.claim);
        if (guest.consumed === 0 || libc.recv(fd, s.ioStart, guest.consumed, 0) === guest.consumed) {
          admit(s, guest.part, slot, step);
        } else {
          leave(s, slot, true); // it has been reset since
        }
        return;
    }
  }
}

function cutShort(s: Shard, slot: number, guest: Guest): void {
  const { answer } = guest.reception.cutShort();
  dismissed(s, slot, guest);
  turnAway(s, slot, answer);
}

function admit(s: Shard, part: EdgePart, slot: number, { client, facts, route }: Decided): void {
  const { slots } = s;
  if (client !== null) slots.setClient(slot, client);
  if (!tellNothing(facts)) slots.tell(slot, facts);
  lead(s, part, slot, route);
}

/** `route`: negative where there is none for it. */
function lead(s: Shard, part: EdgePart, slot: number, route: number): void {
  const pool = part.pools[route] ?? NO_POOL;
  if (pool === NO_POOL) refuseHere(s, part, slot, NO_ROUTE);
  else serve(s, slot, pool);
}

/** From here on it is that pool's. */
function serve(s: Shard, slot: number, number: number): void {
  const { slots } = s;
  if (!s.orders.pools.has(number)) {
    leave(s, slot, true); // it is gone, though a listener leads there: its owner has not waited for that
    return;
  }
  const { lifecycle } = partNumber(s, number);
  slots.admit(slot, number, s.now);
  lifecycle.accepted(slot);
  if (lifecycle.stopping) s.windUpAt = Math.min(s.windUpAt, lifecycle.abortAt);
  noticeLimit(s, Math.max(slots.fd(slot, CLIENT), slots.fd(slot, TARGET)));
}

/** For what only the engine knows. */
function refuseHere(s: Shard, part: EdgePart, slot: number, refusal: number): void {
  part.edge.refuse(refusal);
  turnAway(s, slot, part.edge.answerTo(refusal));
}
