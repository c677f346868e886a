/**
 * The course of a connection up to its relay: admission, the queue, the pick, the connect, and the next target when one
 * failed. Every pick made here ends in exactly one `failed` or `release` of the pool, every place in one `leave`.
 */
import { ADMITTED, ALL_FULL, type Grant, REFUSED } from "../../../pool/pool.ts";
import { ring } from "../shared/mailbox.ts";
import {
  ACCEPTED_AT,
  BITS,
  BY_CLIENT,
  CLIENT,
  CONNECT_FAILED,
  CONNECT_MS,
  FAILURE,
  HAS_PLACE,
  HAS_ROW,
  HOLDS,
  IN_CONNECT,
  IN_QUEUE,
  IN_RELAY,
  MOVED_AT,
  NO_TARGETS,
  outcome,
  PASS,
  PHASE,
  QUEUE_FULL,
  QUEUE_TIMEOUT,
  QUEUED,
  QUEUED_MS,
  REASON,
  RELAYING,
  REQUEUES,
  RESET,
  ROW,
  SINCE,
  STATE,
  STOPPING,
  STRIDE,
  TARGET,
  WAITER,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { closeEnd, finish, giveRowBack, keyOf } from "./close.ts";
import { connectError, dialRow } from "./dial.ts";
import { startRelay } from "./relay.ts";
import type { Shard } from "./shard.ts";
import { bitsOf, markDirty } from "./socket-io.ts";
import { clientGone, introduce, unavailable } from "./unavailable.ts";

/** In FAILURE: the connect time-out, which has no errno. */
export const TIMED_OUT = -1;

const NONE_TRIED: readonly number[] = [];

/** A connection that was just accepted. */
export function admit(s: Shard, slot: number): void {
  if (s.closing) {
    unavailable(s, slot, STOPPING);
    return;
  }
  const entered = s.pool.enter(s.ticket(slot));
  if (entered === ADMITTED) {
    s.words[slot * STRIDE + HOLDS] = HAS_PLACE;
    next(s, slot);
  } else if (entered === REFUSED) {
    unavailable(s, slot, QUEUE_FULL);
  } else {
    enqueue(s, slot, entered);
  }
}

/** For one that holds a place: a target that it has not tried yet. */
function next(s: Shard, slot: number): void {
  go(s, slot, pick(s, slot));
}

function pick(s: Shard, slot: number): number {
  return s.pool.pick(keyOf(s, slot), s.tried.get(slot) ?? NONE_TRIED, s.now);
}

/** On to what `pick` gave. */
function go(s: Shard, slot: number, picked: number): void {
  const { words } = s;
  const at = slot * STRIDE;
  for (let row = picked; ; row = pick(s, slot)) {
    if (row < 0) {
      noRow(s, slot, row);
      return;
    }
    words[at + ROW] = row;
    words[at + HOLDS]! |= HAS_ROW;
    words[at + PHASE] = IN_CONNECT;
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
  const failed = s.words[slot * STRIDE + REQUEUES]! > 0;
  unavailable(s, slot, why === ALL_FULL ? STOPPING : failed ? CONNECT_FAILED : NO_TARGETS);
}

/** Every target is full: to the queue's end, without the place. */
function waitForRoom(s: Shard, slot: number): void {
  s.words[slot * STRIDE + HOLDS]! &= ~HAS_PLACE;
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
  const at = slot * STRIDE;
  s.words[at + STATE] = QUEUED;
  s.words[at + PHASE] = IN_QUEUE;
  s.doubles[(at >> 1) + WAITER] = waiter;
  s.doubles[(at >> 1) + SINCE] = s.now;
  s.waiting++;
  s.wheel.set(slot, s.now + s.options.queueTimeout);
}

/** The connection does not wait any more; whether it was granted or has left is the caller's affair. */
function dequeue(s: Shard, slot: number): void {
  const half = (slot * STRIDE) >> 1;
  s.waiting--;
  s.doubles[half + QUEUED_MS]! += s.now - s.doubles[half + SINCE]!;
  s.wheel.clear(slot);
}

/** Takes a connection out of the queue. If it has been granted already, the grant arrives later and its place is given back then. */
function leaveQueue(s: Shard, slot: number): void {
  s.pool.cancel(s.doubles[((slot * STRIDE) >> 1) + WAITER]!);
  dequeue(s, slot);
}

/** A waiter's turn has come: it holds a place. False: this pass over the queue has come round to the same connection. */
export function onGrant(s: Shard, ticket: number): boolean {
  if (s.isForeign(ticket)) return true; // its place was taken back when its thread died
  const slot = s.slotOf(ticket);
  const at = slot * STRIDE;
  if (slot < 0 || s.words[at + STATE] !== QUEUED) {
    s.pool.leave();
    s.roomFreed = true;
    return true;
  }
  const row = pick(s, slot);
  if (row === ALL_FULL && !s.closing) return stayQueued(s, slot);
  dequeue(s, slot);
  s.words[at + HOLDS] = HAS_PLACE;
  go(s, slot, row);
  return true;
}

/**
 * It has tried all that have room, or another thread's connection took the room it was granted for: it waits on, with the
 * deadline that it has. Returns what onGrant() does.
 */
function stayQueued(s: Shard, slot: number): boolean {
  const at = slot * STRIDE;
  const waiter = s.pool.wait(s.ticket(slot), !s.tried.has(slot));
  s.roomFreed = true;
  if (waiter === REFUSED) {
    dequeue(s, slot);
    unavailable(s, slot, QUEUE_FULL);
    return true;
  }
  s.doubles[(at >> 1) + WAITER] = waiter;
  const before = s.words[at + PASS];
  s.words[at + PASS] = s.passes;
  return before !== s.passes;
}

/** Continues those whose turn it is, here and in other threads. What becomes free meanwhile is seen by the next grant(). */
export function pumpQueue(s: Shard): void {
  s.passes = (s.passes + 1) | 0;
  s.turnstile.serve(s.pool, s.ownGrant, s.foreignGrant);
  s.roomFreed = false;
}

/** Another thread has granted a turn to a connection of this one, and handed the queue over. */
export function takeGrant(s: Shard, ticket: number): void {
  s.passes = (s.passes + 1) | 0;
  onGrant(s, ticket);
  s.turnstile.goOn(s.pool, s.ownGrant, s.foreignGrant);
  s.roomFreed = false;
}

/** For Shard.foreignGrant. */
export function passGrant(s: Shard, grant: Grant): void {
  const peer = s.peers.get(grant.worker);
  if (peer === undefined) throw new Error(`the queue names worker ${grant.worker}, whom nobody knows`);
  peer.channel.grant(grant.ticket);
  if (peer.channel.mustWake()) ring(s.libc, peer.eventfd, s.small.one);
}

/** Nobody waits any more. */
export function stopQueue(s: Shard): void {
  for (let slot = 0; slot < s.span && s.waiting > 0; slot++) {
    if (s.words[slot * STRIDE + STATE] !== QUEUED) continue;
    leaveQueue(s, slot);
    unavailable(s, slot, STOPPING);
  }
}

/** An event of a client that is not served yet. A FIN is no leaving: it may have said all it has to say. */
export function onEarlyEvent(s: Shard, slot: number, events: number): void {
  const at = slot * STRIDE;
  s.words[at + BITS + CLIENT]! |= bitsOf(events);
  if ((events & abi.EPOLLERR) === 0) return;
  if (s.words[at + REASON] !== 0) {
    clientGone(s, slot);
    return;
  }
  if (s.words[at + STATE] === QUEUED) leaveQueue(s, slot);
  finish(s, slot, outcome(BY_CLIENT, RESET), true);
}

/** An event of the target while it is being connected to. */
export function onConnectEvent(s: Shard, slot: number, events: number): void {
  const error = events & (abi.EPOLLERR | abi.EPOLLHUP) ? connectError(s, slot) : 0;
  if (error !== 0) {
    connectFailed(s, slot, error);
    return;
  }
  if ((events & abi.EPOLLOUT) === 0) return;
  const { words, doubles } = s;
  const at = slot * STRIDE;
  const half = at >> 1;
  words[at + BITS + TARGET]! |= bitsOf(events);
  words[at + STATE] = RELAYING;
  doubles[half + MOVED_AT] = s.now;
  if (words[at + REASON] !== 0) {
    introduce(s, slot);
  } else {
    words[at + PHASE] = IN_RELAY;
    doubles[half + CONNECT_MS] = s.now - doubles[half + ACCEPTED_AT]!;
    s.pool.connected(words[at + ROW]!, s.now - doubles[half + SINCE]!);
    if (s.options.idleTimeout > 0) s.wheel.set(slot, s.now + s.options.idleTimeout);
    else s.wheel.clear(slot);
    markDirty(s, slot);
  }
  startRelay(s, slot);
}

/** The connect under way has failed, or has taken too long. */
export function connectFailed(s: Shard, slot: number, error: number): void {
  closeEnd(s, slot, TARGET, false);
  s.wheel.clear(slot);
  if (s.words[slot * STRIDE + REASON] !== 0) finish(s, slot, 0, true);
  else if (mayRetry(s, slot, error)) next(s, slot);
}

/** Takes the connection off the target that could not be had. False: it was the last; the client has its answer. */
function mayRetry(s: Shard, slot: number, error: number): boolean {
  const { words } = s;
  const at = slot * STRIDE;
  const row = words[at + ROW]!;
  words[at + FAILURE] = error;
  words[at + REQUEUES]!++;
  const tried = s.tried.get(slot);
  if (tried === undefined) s.tried.set(slot, [row]);
  else tried.push(row);
  if (isOwnFault(error)) {
    s.warn(`connect ${error}`, `cannot connect to targets: out of ${scarce(error)}`);
    giveRowBack(s, slot);
  } else {
    words[at + HOLDS]! &= ~HAS_ROW;
    s.pool.failed(row, s.now);
  }
  s.roomFreed = true;
  if (words[at + REQUEUES]! <= s.options.requeue) return true;
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
