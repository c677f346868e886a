/** What ends at a time of its own: listeners that are closed, pools that are removed, and at last the engine. */
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import { edgeOfService } from "../shared/orders.ts";
import { acceptRest, closeInbox, forgetListener, takeFromInbox } from "./accept.ts";
import { forgetEdges, isOnItsWay, retireEdge } from "./edges.ts";
import { tellShare } from "./hand-over.ts";
import type { PoolPart } from "./pool-part.ts";
import { ALL, dropGuests, moveGuests } from "./reception.ts";
import type { Shard } from "./shard.ts";

/** Accept there for `within` ms yet. `serial`: of the order. */
export function closeListener(s: Shard, number: number, within: number, serial: number): void {
  const listener = s.listeners[number];
  if (listener === undefined) {
    s.done(serial); // the engine has closed, and all listeners with it
    return;
  }
  listener.closeAt = s.now + within;
  listener.serial = serial;
  s.windUpAt = Math.min(s.windUpAt, listener.closeAt);
}

/** None of its connections waits or is handed over from now on; what is served may go on for `timeout` ms. */
export function stopPool(s: Shard, number: number, timeout: number): void {
  const data = s.orders.pools.get(number);
  if (data === undefined) return; // forgotten: this shortens a time that is over
  s.orders.pools.set(number, { ...data, stopWithin: timeout });
  const part = s.parts[number];
  if (part !== undefined) stopPart(s, part, timeout);
}

/** No thread hands over its connections any more: it is forgotten as soon as there is none. */
export function forgetPool(s: Shard, number: number, serial: number): void {
  const part = s.parts[number];
  if (part !== undefined) part.isLeaving = true;
  s.leaving.push({ number, serial });
  takeFromInbox(s);
  s.windUpAt = s.now;
}

/** A listener has another service in place of that one; null: none. */
export function retire(s: Shard, number: number, service: number | null, serial: number): void {
  const isGone = service === null || (service < 0 && !s.orders.edges.has(edgeOfService(service))); // closed meanwhile
  if (isGone) dropGuests(s, number);
  else moveGuests(s, number, service);
  retireEdge(s, number, serial);
}

/** Accept for so long yet as the mailbox says, then no more; what is served may go on for as long as that says. */
export function stopAll(s: Shard): void {
  const { closeWithin, acceptWithin, state } = s.mailbox;
  s.stopping = true;
  for (const part of s.parts) if (part !== undefined) stopPart(s, part, closeWithin);
  if (state < STOPPED_ACCEPTING) s.acceptUntil = Math.min(s.acceptUntil, s.now + acceptWithin);
  s.windUpAt = Math.min(s.windUpAt, s.acceptUntil);
}

function stopPart(s: Shard, { lifecycle }: PoolPart, timeout: number): void {
  lifecycle.stop(timeout);
  s.windUpAt = Math.min(s.windUpAt, lifecycle.abortAt);
  tellShare(s);
}

/** At or after `windUpAt`: does what is due, and says when there is more. */
export function windUp(s: Shard): void {
  s.windUpAt = Number.POSITIVE_INFINITY;
  if (s.now >= s.acceptUntil) stopAccepting(s);
  else closeListeners(s);
  abortDue(s);
  if (s.leaving.length > 0) forgetPools(s);
  if (s.lobby.retiring.length + s.lobby.leaving.length > 0) forgetEdges(s);
  s.windUpAt = Math.min(s.windUpAt, s.acceptUntil);
}

function stopAccepting(s: Shard): void {
  for (const listener of s.listeners) if (listener !== undefined) acceptRest(s, listener);
  for (const listener of s.listeners) {
    if (listener === undefined) continue;
    forgetListener(s, listener);
    s.done(listener.serial);
  }
  closeInbox(s);
  dropGuests(s, ALL);
  s.acceptUntil = Number.POSITIVE_INFINITY;
  s.mailbox.state = STOPPED_ACCEPTING;
  s.notifyMain();
}

function closeListeners(s: Shard): void {
  for (const listener of s.listeners) {
    if (listener === undefined || listener.closeAt === Number.POSITIVE_INFINITY) continue;
    if (s.now < listener.closeAt) {
      s.windUpAt = Math.min(s.windUpAt, listener.closeAt);
      continue;
    }
    acceptRest(s, listener);
    forgetListener(s, listener);
    s.done(listener.serial);
  }
}

function abortDue(s: Shard): void {
  for (const part of s.parts) {
    if (part === undefined || !part.lifecycle.stopping || part.lifecycle.open === 0) continue;
    if (s.now >= part.lifecycle.abortAt) part.lifecycle.abortDue();
    s.windUpAt = Math.min(s.windUpAt, part.lifecycle.abortAt);
  }
}

function forgetPools(s: Shard): void {
  for (const { number, serial } of s.leaving.splice(0)) {
    if (isOnItsWay(s, number) || (s.parts[number]?.lifecycle.open ?? 0) > 0) {
      s.leaving.push({ number, serial }); // its last end brings it here
    } else {
      s.parts[number]?.addresses.giveBack();
      s.parts[number] = undefined;
      s.orders.pools.delete(number);
      s.done(serial);
    }
  }
}
