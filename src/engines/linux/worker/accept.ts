/** Accepting connections, and leaving them to the kernel while there is no room for them. */

import { scarce } from "../../../proxy/connect-failure.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { KEPT_ALIVE, UNDELAYED, WRITABLE } from "../shared/ends.ts";
import { STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import { codeOfErrno } from "../sys/errno.ts";
import { handOver, receiverOf, tellShare } from "./hand-over.ts";
import { LISTENER_EVENT, type Shard } from "./shard.ts";

/** The client's end at first. Linux passes the listener's TCP_NODELAY and SO_KEEPALIVE on to what it accepts. */
const ACCEPTED = WRITABLE | UNDELAYED | KEPT_ALIVE;
/** Connections taken per event: enough to empty a burst's backlog in a few turns, few enough that other events have their turn. */
const MOST_AT_ONCE = 64;
/** ms after which accepting is tried again though none of these connections has ended: other descriptors may have been closed. */
const RETRY_MS = 100;

export function startAccepting(s: Shard): void {
  if (s.accepting) return;
  s.accepting = true;
  s.acceptAgainAt = Number.POSITIVE_INFINITY;
  // Level-triggered: what one turn leaves is reported again by the next.
  for (const [i, fd] of s.listeners.entries()) {
    if (s.watchAs(fd, abi.EPOLLIN, LISTENER_EVENT + i, 0) === 0) continue;
    outOf(s, s.libc.errno[0]!); // watches none of them: one that is watched and not accepted from would wake the thread without end
    return;
  }
  tellShare(s);
}

function stopAccepting(s: Shard): void {
  s.accepting = false;
  tellShare(s);
  for (const fd of s.listeners) s.libc.epoll_ctl(s.epoll, abi.EPOLL_CTL_DEL, fd, s.small.event);
}

/** After a pause. */
export function tryAccepting(s: Shard): void {
  if (s.mailbox.state >= STOPPED_ACCEPTING) return;
  if (!descriptorFree(s)) {
    s.pool.giveWay();
    s.acceptAgainAt = s.now + RETRY_MS;
    return;
  }
  startAccepting(s);
  takeFromInbox(s); // what it had no slot for
}

/**
 * Whether the next descriptor is below the ceiling: the kernel gives the lowest that is free, so one taken for a moment tells. Each
 * that waits in the queue is going to need one more, for its target.
 * That is two calls, made only near the number of connections at which descriptors were short before.
 */
export function descriptorFree(s: Shard): boolean {
  if (s.lifecycle.open < s.tightFrom) return true;
  const probe = s.libc.eventfd(0, abi.EFD_CLOEXEC);
  if (probe >= 0) s.libc.close(probe);
  return probe >= 0 && probe + s.pool.waiting < s.options.descriptorCeiling;
}

/** The last look at the listeners: clients that are connected already are told that the balancer stops, not cut off. */
export function acceptRest(s: Shard): void {
  if (!s.accepting) tryAccepting(s);
  for (const fd of s.listeners) {
    for (s.acceptBudget = MOST_AT_ONCE; s.acceptBudget === MOST_AT_ONCE && s.accepting; ) acceptFrom(s, fd);
  }
  stopAccepting(s);
  s.acceptAgainAt = Number.POSITIVE_INFINITY;
  s.acceptUntil = Number.POSITIVE_INFINITY;
}

/** Until a connection ends, or a while has passed. */
function pauseAccepting(s: Shard): void {
  stopAccepting(s);
  s.acceptAgainAt = s.now + RETRY_MS;
}

/**
 * Takes what a listener has. How many calls are made follows from the last turns: one that finds the backlog empty is a call for
 * nothing, so after a turn that reached the end fewer are made, and after one that did not, more.
 */
export function acceptFrom(s: Shard, listener: number): void {
  s.shares.refresh(s.lifecycle.open, s.mailbox.recordsPushed, s.now);
  for (let i = 0; i < s.acceptBudget; i++) {
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
    const receiver = s.lifecycle.open < s.shares.limit ? null : receiverOf(s);
    const fd = acceptOne(s, listener);
    if (fd < 0) {
      s.slots.giveBack(slot);
      s.acceptBudget = Math.max(1, s.acceptBudget >> 1);
      return;
    }
    if (receiver !== null && handOver(s, fd, receiver)) s.slots.giveBack(slot);
    else if (!takeIn(s, slot, fd)) return;
  }
  s.acceptBudget = Math.min(MOST_AT_ONCE, s.acceptBudget * 2);
}

/**
 * Takes in what this thread has accepted or was given, from the client whose sockaddr is in `small`. False: it could not, and accepts
 * none for now.
 */
function takeIn(s: Shard, slot: number, fd: number): boolean {
  s.slots.begin(slot, fd, ACCEPTED, s.small.addressBytes, s.now);
  if (s.watch(fd, slot, CLIENT) < 0) {
    const errno = s.libc.errno[0]!;
    s.lifecycle.acceptFailed(slot); // no event would ever come for it
    outOf(s, errno);
    return false;
  }
  s.lifecycle.accepted(slot);
  tellShare(s);
  if (Math.max(fd, s.slots.fd(slot, TARGET)) + s.pool.waiting >= s.options.descriptorCeiling) nearLimit(s);
  return true;
}

/** Takes in what others have handed over; what there is no slot for stays where it is until there is one. */
export function takeFromInbox(s: Shard): void {
  for (;;) {
    const slot = s.slots.take();
    if (slot < 0) {
      if (s.mailbox.inbox.pending > 0) outOfSlots(s);
      return;
    }
    const fd = s.mailbox.inbox.take(s.small.addressBytes);
    if (fd < 0) {
      s.slots.giveBack(slot);
      return;
    }
    takeIn(s, slot, fd);
  }
}

/** Nobody hands over any more; what has come so far is told that the balancer stops. */
export function closeInbox(s: Shard): void {
  const { inbox } = s.mailbox;
  const address = s.small.addressBytes;
  for (let fd = inbox.close(address); fd >= 0; fd = inbox.close(address)) {
    const slot = s.slots.take();
    if (slot >= 0) takeIn(s, slot, fd);
    else s.libc.close(fd); // a client that waits in the backlog is lost then, too
  }
  s.acceptAgainAt = Number.POSITIVE_INFINITY;
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

/** From an eighth fewer connections on, each accept is preceded by descriptorFree(). */
function nearLimit(s: Shard): void {
  s.tightFrom = Math.min(s.tightFrom, s.lifecycle.open - (s.lifecycle.open >> 3));
}

function outOfSlots(s: Shard): void {
  s.warn("slots", "no new connections for now: the main thread is too busy to read the records of those that ended");
  pauseAccepting(s);
}

function outOf(s: Shard, errno: number): void {
  const code = codeOfErrno(errno);
  if (code === "EMFILE") {
    nearLimit(s);
    s.pool.giveWay();
  }
  s.warn(
    `accept ${code}`,
    `no new connections until others end: out of ${scarce(code) ?? `something (errno ${errno})`}`,
  );
  pauseAccepting(s);
}
