/**
 * The course of a connection up to its relay: admission, the queue, the pick, the connect, and the next target when one
 * failed. Every pick made here ends in exactly one `failed` or `release` of the pool, every permit in one `leave`.
 */

import { ADMITTED, ALL_FULL, REFUSED } from "../../../pool/pool.ts";
import { PERMIT, QUEUED, RELAYING, ROW } from "../../../proxy/lifecycle.ts";
import {
  BY_CLIENT,
  CONNECT_FAILED,
  IN_CONNECT,
  IN_QUEUE,
  IN_RELAY,
  NO_TARGETS,
  outcome,
  QUEUE_FULL,
  QUEUE_TIMEOUT,
  RESET,
  STOPPING,
  UNDECIDED,
} from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import * as abi from "../sys/abi.ts";
import { closeConnection, closeEnd, releaseRow } from "./close.ts";
import { connectError, dialRow } from "./dial.ts";
import { startRelay } from "./relay.ts";
import type { Shard } from "./shard.ts";
import { bitsOf, listUnreported } from "./socket-io.ts";
import { clientGone, introduce, unavailable } from "./unavailable.ts";

const NONE_TRIED: readonly number[] = [];

/** A connection that was just accepted. */
export function admit(s: Shard, slot: number): void {
  if (s.closing) {
    unavailable(s, slot, STOPPING);
    return;
  }
  const entered = s.pool.enter(s.ticket(slot));
  if (entered === ADMITTED) {
    s.slots.addHold(slot, PERMIT);
    next(s, slot);
  } else if (entered === REFUSED) {
    unavailable(s, slot, QUEUE_FULL);
  } else {
    enqueue(s, slot, entered);
  }
}

/** For one that has a permit: a target that it has not tried yet. */
function next(s: Shard, slot: number): void {
  go(s, slot, pick(s, slot));
}

function pick(s: Shard, slot: number): number {
  return s.pool.pick(s.slots.clientKey(slot), s.tried.get(slot) ?? NONE_TRIED, s.now);
}

/** On to what `pick` gave. */
function go(s: Shard, slot: number, picked: number): void {
  const { slots } = s;
  for (let row = picked; ; row = pick(s, slot)) {
    if (row < 0) {
      noRow(s, slot, row);
      return;
    }
    slots.setRow(slot, row);
    slots.addHold(slot, ROW);
    slots.setPhase(slot, IN_CONNECT);
    const errno = dialRow(s, slot, row);
    if (errno === 0) return;
    if (!mayRetry(s, slot, errno)) return;
  }
}

function noRow(s: Shard, slot: number, why: number): void {
  if (why === ALL_FULL && !s.closing) {
    waitForRoom(s, slot);
    return;
  }
  const failed = s.slots.requeues(slot) > 0;
  unavailable(s, slot, why === ALL_FULL ? STOPPING : failed ? CONNECT_FAILED : NO_TARGETS);
}

/** Every target is full: to the queue's end, without the permit. */
function waitForRoom(s: Shard, slot: number): void {
  s.slots.dropHold(slot, PERMIT);
  s.roomFreed = true;
  const waiter = s.pool.wait(s.ticket(slot), false);
  if (waiter !== REFUSED) {
    enqueue(s, slot, waiter);
    return;
  }
  // A pool without a queue has none that could be full: what is missing then is a target.
  unavailable(s, slot, s.pool.options.queue === 0 ? NO_TARGETS : QUEUE_FULL);
}

function enqueue(s: Shard, slot: number, waiter: number): void {
  const { slots } = s;
  slots.setState(slot, QUEUED);
  slots.setPhase(slot, IN_QUEUE);
  slots.setWaiter(slot, waiter);
  slots.setSince(slot, s.now);
  s.waiting++;
  s.timers.set(slot, s.now + s.options.queueTimeout);
}

/** The connection does not wait any more; whether it was granted or has left is the caller's affair. */
function dequeue(s: Shard, slot: number): void {
  s.waiting--;
  s.slots.addQueuedMs(slot, s.now - s.slots.since(slot));
  s.timers.clear(slot);
}

/** Takes a connection out of the queue. If it has been granted already, the grant arrives later and its permit is given back then. */
function leaveQueue(s: Shard, slot: number): void {
  s.pool.cancel(s.slots.waiter(slot));
  dequeue(s, slot);
}

/** A waiter's turn has come: it has a permit. False: this pass over the queue has come round to the same connection. */
export function onGrant(s: Shard, ticket: number): boolean {
  if (s.isForeign(ticket)) return true; // its permit was taken back when its thread died
  const slot = s.slotOf(ticket);
  if (slot < 0 || s.slots.state(slot) !== QUEUED) {
    s.pool.leave();
    s.roomFreed = true;
    return true;
  }
  const row = pick(s, slot);
  if (row === ALL_FULL && !s.closing) return stayQueued(s, slot);
  dequeue(s, slot);
  s.slots.addHold(slot, PERMIT);
  go(s, slot, row);
  return true;
}

/**
 * It has tried all that have room, or another thread's connection took the room it was granted for: it waits on, with the
 * deadline that it has. Returns what onGrant() does.
 */
function stayQueued(s: Shard, slot: number): boolean {
  const waiter = s.pool.wait(s.ticket(slot), !s.tried.has(slot));
  s.roomFreed = true;
  if (waiter === REFUSED) {
    dequeue(s, slot);
    unavailable(s, slot, QUEUE_FULL);
    return true;
  }
  s.slots.setWaiter(slot, waiter);
  return s.slots.passOver(slot, s.passes);
}

/** Continues those whose turn it is, here and in other threads. What becomes free meanwhile is seen by the next grant(). */
export function pumpQueue(s: Shard): void {
  s.passes = (s.passes + 1) | 0;
  s.queueBaton.serve(s.pool, s.ownGrant, s.foreignGrant);
  s.roomFreed = false;
}

/** Another thread has granted a turn to a connection of this one, and handed the baton over. */
export function takeGrant(s: Shard, ticket: number): void {
  s.passes = (s.passes + 1) | 0;
  onGrant(s, ticket);
  s.queueBaton.goOn(s.pool, s.ownGrant, s.foreignGrant);
  s.roomFreed = false;
}

/** Ends all waiting. */
export function stopQueue(s: Shard): void {
  for (let slot = 0; slot < s.span && s.waiting > 0; slot++) {
    if (s.slots.state(slot) !== QUEUED) continue;
    leaveQueue(s, slot);
    unavailable(s, slot, STOPPING);
  }
}

/** An event of a client that is not served yet. Its FIN ends nothing: a client may finish sending and still wait for its answer. */
export function onEarlyEvent(s: Shard, slot: number, events: number): void {
  const { slots } = s;
  slots.addBits(slot, CLIENT, bitsOf(events));
  if ((events & abi.EPOLLERR) === 0) return;
  if (slots.reason(slot) !== 0) {
    clientGone(s, slot);
    return;
  }
  if (slots.state(slot) === QUEUED) leaveQueue(s, slot);
  closeConnection(s, slot, outcome(BY_CLIENT, RESET), true);
}

/** An event of the target while it is being connected to. */
export function onConnectEvent(s: Shard, slot: number, events: number): void {
  const error = events & (abi.EPOLLERR | abi.EPOLLHUP) ? connectError(s, slot) : 0;
  if (error !== 0) {
    connectFailed(s, slot, error);
    return;
  }
  if ((events & abi.EPOLLOUT) === 0) return;
  const { slots } = s;
  slots.addBits(slot, TARGET, bitsOf(events));
  slots.setState(slot, RELAYING);
  slots.setMovedAt(slot, s.now);
  if (slots.reason(slot) !== 0) {
    introduce(s, slot);
  } else {
    slots.setPhase(slot, IN_RELAY);
    slots.setConnectMs(slot, s.now - slots.acceptedAt(slot));
    s.pool.connected(slots.row(slot), s.now - slots.since(slot));
    if (s.options.idleTimeout > 0) s.timers.set(slot, s.now + s.options.idleTimeout);
    else s.timers.clear(slot);
    listUnreported(s, slot);
  }
  startRelay(s, slot);
}

/** The connect under way has failed, or has taken too long. */
export function connectFailed(s: Shard, slot: number, error: number): void {
  closeEnd(s, slot, TARGET, false);
  s.timers.clear(slot);
  if (s.slots.reason(slot) !== 0) closeConnection(s, slot, UNDECIDED, true);
  else if (mayRetry(s, slot, error)) next(s, slot);
}

/** Takes the connection off the target that could not be had. False: it was the last; the client has its answer. */
function mayRetry(s: Shard, slot: number, error: number): boolean {
  const { slots } = s;
  const row = slots.row(slot);
  slots.addFailure(slot, error);
  const tried = s.tried.get(slot);
  if (tried === undefined) s.tried.set(slot, [row]);
  else tried.push(row);
  if (isOwnFault(error)) {
    s.warn(`connect ${error}`, `cannot connect to targets: out of ${scarce(error)}`);
    releaseRow(s, slot);
  } else {
    slots.dropHold(slot, ROW);
    s.pool.failed(row, s.now);
  }
  s.roomFreed = true;
  if (slots.requeues(slot) <= s.options.requeue) return true;
  unavailable(s, slot, CONNECT_FAILED);
  return false;
}

/** Failures that say nothing about the target: this process or host has run out of something. */
function isOwnFault(error: number): boolean {
  return error === abi.EMFILE || error === abi.ENFILE || error === abi.EADDRNOTAVAIL || error === abi.ENOBUFS;
}

function scarce(error: number): string {
  if (error === abi.EADDRNOTAVAIL) return "local ports towards that target";
  return error === abi.ENOBUFS ? "memory for sockets" : "file descriptors (raise the limit: ulimit -n)";
}

/** The queue time-out of a connection that waits. */
export function queueTimedOut(s: Shard, slot: number): void {
  leaveQueue(s, slot);
  unavailable(s, slot, QUEUE_TIMEOUT);
}
