/** Accepting connections, and leaving them to the kernel while there is no room for them. */

import { ADMITTED } from "../../../edge/reception.ts";
import { scarce } from "../../../proxy/connect-failure.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { RECEIVING } from "../shared/early-states.ts";
import { KEPT_ALIVE, UNDELAYED, WRITABLE } from "../shared/ends.ts";
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import { edgeOfService, NO_POOL } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import { codeOfErrno } from "../sys/errno.ts";
import { closeWithReset } from "../sys/reset.ts";
import { decodePeer } from "../sys/sockaddr.ts";
import { partNumber, servedPart } from "./attach.ts";
import type { EdgePart } from "./edge-part.ts";
import { edgeNumber, plainPool, servedEdge } from "./edges.ts";
import { giveUpGuest } from "./guests.ts";
import { handOver, receiverOf, tellShare } from "./hand-over.ts";
import type { WorkerListener } from "./listener.ts";
import type { PoolPart } from "./pool-part.ts";
import { welcome } from "./reception.ts";
import { leave, turnAway } from "./refusal.ts";
import { LISTENER_EVENT, type Shard } from "./shard.ts";
import { descriptorFree, giveWay, nearLimit, noticeLimit } from "./shortage.ts";

/** The client's end at first. Linux passes the listener's TCP_NODELAY and SO_KEEPALIVE on to what it accepts; Unix sockets have neither. */
const FRESH = WRITABLE | UNDELAYED | KEPT_ALIVE;
/** Connections taken per event: enough to empty a burst's backlog in a few turns, few enough that other events have their turn. */
const MOST_AT_ONCE = 64;
/** ms after which accepting is tried again though none of these connections has ended: other descriptors may have been closed. */
const RETRY_MS = 100;

export function startAccepting(s: Shard): void {
  if (s.accepting) return;
  s.accepting = true;
  s.acceptAgainAt = Number.POSITIVE_INFINITY;
  watchListeners(s);
  tellShare(s);
}

/** Of those that are not watched, as they are new, or have been left alone while this thread accepted nothing. */
export function watchListeners(s: Shard): void {
  while (s.accepting && s.unwatched.length > 0) {
    const listener = s.unwatched.at(-1)!;
    if (s.watchAs(listener.fd, listener.events, LISTENER_EVENT + listener.number, 0) < 0) {
      outOf(s, s.libc.errno[0]!);
      return;
    }
    listener.isWatched = true;
    s.unwatched.pop();
  }
}

/** It is not watched any more, and is not to be. */
export function forgetListener(s: Shard, listener: WorkerListener): void {
  if (listener.isWatched) unwatch(s, listener);
  else s.unwatched.splice(s.unwatched.indexOf(listener), 1);
  s.listeners[listener.number] = undefined;
}

function unwatch(s: Shard, listener: WorkerListener): void {
  listener.isWatched = false;
  s.libc.epoll_ctl(s.epoll, abi.EPOLL_CTL_DEL, listener.fd, s.small.event);
}

/**
 * Until a connection ends, or a while has passed. A listener is left alone when it has something for a thread that accepts nothing, and
 * would wake it without end: there may be many others.
 */
function pauseAccepting(s: Shard): void {
  s.accepting = false;
  s.acceptAgainAt = s.now + RETRY_MS;
  tellShare(s);
}

/** After a pause. */
export function tryAccepting(s: Shard): void {
  if (s.mailbox.state >= STOPPED_ACCEPTING) return;
  if (!descriptorFree(s)) {
    s.acceptAgainAt = s.now + RETRY_MS;
    makeRoom(s);
    return;
  }
  startAccepting(s);
  takeFromInbox(s); // what it had no slot for
}

/** A listener has something. */
export function onListenerEvent(s: Shard, number: number): void {
  const listener = s.listeners[number];
  if (listener === undefined || !listener.isWatched) return; // it was closed, or left alone, earlier in this batch
  if (s.accepting) {
    acceptFrom(s, listener);
  } else {
    unwatch(s, listener);
    s.unwatched.push(listener);
  }
}

/** The last look at a listener: clients that are connected already are not cut off. */
export function acceptRest(s: Shard, listener: WorkerListener): void {
  if (!s.accepting) tryAccepting(s);
  for (listener.budget = MOST_AT_ONCE; listener.budget === MOST_AT_ONCE && s.accepting; ) acceptFrom(s, listener);
}

/**
 * Takes what a listener has. How many calls are made follows from the last turns: one that finds the backlog empty is a call for
 * nothing, so after a turn that reached the end fewer are made, and after one that did not, more.
 */
function acceptFrom(s: Shard, listener: WorkerListener): void {
  const edge = listener.service < 0 ? servedEdge(s, listener) : null;
  const part = edge === null ? servedPart(s, listener) : null;
  s.shares.refresh(s.open, s.mailbox.recordsPushed, s.now);
  for (let i = 0; i < listener.budget; i++) {
    if (!descriptorFree(s)) {
      outOf(s, abi.EMFILE);
      return;
    }
    const slot = s.slots.take();
    if (slot < 0) {
      outOfSlots(s);
      return;
    }
    // Before it is accepted: from then on it must be found if this thread dies.
    const receiver = s.open < s.shares.limit ? null : receiverOf(s, part?.lifecycle.stopping ?? s.stopping, listener);
    const fd = acceptOne(s, listener.fd);
    if (fd < 0) {
      s.slots.giveBack(slot);
      listener.budget = Math.max(1, listener.budget >> 1);
      return;
    }
    if (edge !== null && isRefused(s, edge, listener.place, slot, fd)) {
      if (!s.accepting) return; // it could not be watched
      continue;
    }
    if (receiver !== null && handOver(s, listener.service, listener.place, fd, receiver)) s.slots.giveBack(slot);
    else if (!(part === null ? ask(s, edge!, listener.place, slot, fd) : takeIn(s, part, listener.place, slot, fd)))
      return;
  }
  listener.budget = Math.min(MOST_AT_ONCE, listener.budget * 2);
}

/**
 * Takes in what this thread has accepted at that place or was given, from the client whose sockaddr is in `small`. False: it could not, and accepts
 * none for now.
 */
function takeIn(s: Shard, part: PoolPart, place: number, slot: number, fd: number): boolean {
  const { lifecycle } = part;
  s.open++;
  s.slots.begin(slot, part.number, place, fd, FRESH, s.small.addressBytes, s.now);
  if (s.watch(fd, slot, CLIENT) < 0) {
    const errno = s.libc.errno[0]!;
    lifecycle.acceptFailed(slot); // no event would ever come for it
    outOf(s, errno);
    return false;
  }
  lifecycle.accepted(slot);
  if (lifecycle.stopping) s.windUpAt = Math.min(s.windUpAt, lifecycle.abortAt);
  tellShare(s);
  noticeLimit(s, Math.max(fd, s.slots.fd(slot, TARGET)));
  return true;
}

/** The peer of what was just accepted may not come: it has been turned away, or is going to be. */
function isRefused(s: Shard, part: EdgePart, place: number, slot: number, fd: number): boolean {
  const { edge } = part;
  const { peer } = s.lobby;
  decodePeer(s.small.addressBytes, peer, 0);
  const refusal = edge.admitPeer(peer, 0);
  if (refusal === ADMITTED) return false;
  const answer = edge.answerTo(refusal);
  if (answer.type === "reset" || answer.type === "close") {
    s.slots.giveBack(slot);
    if (answer.type === "reset") closeWithReset(s.libc, fd, s.small.linger);
    else s.libc.close(fd);
  } else if (watchGuest(s, part, NO_POOL, place, slot, fd)) {
    turnAway(s, slot, answer);
    tellShare(s);
    noticeLimit(s, fd);
  }
  return true;
}

/** Takes in one of whom its listener wants to know something; the same as takeIn(). */
function ask(s: Shard, part: EdgePart, place: number, slot: number, fd: number): boolean {
  const pool = plainPool(s, part);
  if (!watchGuest(s, part, pool, place, slot, fd)) return false;
  welcome(s, part, slot);
  tellShare(s);
  noticeLimit(s, fd);
  return true;
}

/** `pool`: that it is going to be the connection of, if it is let in; NO_POOL: that has to be found out. */
function watchGuest(s: Shard, part: EdgePart, pool: number, place: number, slot: number, fd: number): boolean {
  s.open++;
  part.open++;
  s.slots.begin(slot, pool, place, fd, FRESH, s.small.addressBytes, s.now);
  s.slots.setEdge(slot, part.number);
  if (pool === NO_POOL) s.slots.setState(slot, RECEIVING);
  if (s.watch(fd, slot, CLIENT) === 0) return true;
  const errno = s.libc.errno[0]!;
  // No event would ever come for it.
  if (pool === NO_POOL) leave(s, slot, true);
  else partNumber(s, pool).lifecycle.acceptFailed(slot);
  outOf(s, errno);
  return false;
}

/** Takes in what others have handed over; what there is no slot for stays where it is until there is one. */
export function takeFromInbox(s: Shard): void {
  const { inbox, orders } = s.mailbox;
  if (orders !== s.orders.received) return; // one may be for a pool that they tell of; the loop comes here again when they have come
  for (;;) {
    const slot = s.slots.take();
    if (slot < 0) {
      if (inbox.pending > 0) outOfSlots(s);
      return;
    }
    const fd = inbox.take(s.small.addressBytes);
    if (fd < 0) {
      s.slots.giveBack(slot);
      return;
    }
    takeGiven(s, slot, fd);
  }
}

/** What was just taken out of the inbox. */
function takeGiven(s: Shard, slot: number, fd: number): void {
  const { place, service } = s.mailbox.inbox;
  if (service < 0) ask(s, edgeNumber(s, edgeOfService(service)), place, slot, fd);
  else takeIn(s, partNumber(s, service), place, slot, fd);
}

/** Nobody hands over any more; what has come so far is told that the balancer stops. */
export function closeInbox(s: Shard): void {
  const { inbox } = s.mailbox;
  const address = s.small.addressBytes;
  for (let fd = inbox.close(address); fd >= 0; fd = inbox.close(address)) {
    const slot = s.slots.take();
    if (slot >= 0) takeGiven(s, slot, fd);
    else s.libc.close(fd); // a client that waits in the backlog is lost then, too
  }
  s.accepting = false;
  s.acceptAgainAt = Number.POSITIVE_INFINITY;
  tellShare(s);
}

/** A descriptor, or -1 when there is none now. */
function acceptOne(s: Shard, listener: number): number {
  const { libc, small } = s;
  for (;;) {
    small.setLength(abi.SOCKADDR_MAX);
    const fd = libc.accept4(listener, small.address, small.length, abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    const errno = libc.errno[0]!;
    if (errno === abi.EAGAIN) return -1;
    if (scarce(codeOfErrno(errno)) !== null) {
      outOf(s, errno);
      return -1;
    }
    // Else that one connection was lost before it was taken (accept(2) passes on its network errors): the next one.
    if (errno === abi.EBADF || errno === abi.EINVAL) throw new Error(`a listener is gone (errno ${errno})`);
  }
}

/** Somebody loses the descriptor that a newcomer needs: who is no pool's yet, or who waits in silence. */
function makeRoom(s: Shard): void {
  if (!giveUpGuest(s)) giveWay(s);
}

function outOfSlots(s: Shard): void {
  s.warn("slots", "no new connections for now: the main thread is too busy to read the records of those that ended");
  pauseAccepting(s);
}

function outOf(s: Shard, errno: number): void {
  const code = codeOfErrno(errno);
  s.warn(
    `accept ${code}`,
    `no new connections until others end: out of ${scarce(code) ?? `something (errno ${errno})`}`,
  );
  pauseAccepting(s);
  if (code !== "EMFILE") return;
  nearLimit(s);
  makeRoom(s); // then accepting is tried again at once
}
