/** The loop of a worker thread: sleeps in the kernel until there is something to do, and never returns before the engine has closed. */

import { ANSWERING, CONNECTING, LINGERING, QUEUED, RELAYING } from "../../../proxy/lifecycle.ts";
import { BY_BALANCER, IDLE, outcome, SHUTDOWN, UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { KEPT_ALIVE } from "../shared/end-bits.ts";
import { DONE, RUNNING, STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import { now, TIMED_OUT } from "../shared/slot-layout.ts";
import * as abi from "../sys/abi.ts";
import { acceptFrom, acceptRest, startAccepting, tryAccepting } from "./accept.ts";
import { closeConnection } from "./close.ts";
import {
  connectFailed,
  onConnectEvent,
  onEarlyEvent,
  onGrant,
  pumpQueue,
  queueTimedOut,
  stopQueue,
  takeGrant,
} from "./course.ts";
import { continueRelays, onRelayEvent } from "./relay.ts";
import { BATCH, LISTENER_EVENT, type Shard, WAKE_EVENT } from "./shard.ts";
import { onAnswerEvent, onDrop } from "./unavailable.ts";

/** ms between two reports to the pool of what long connections have moved. */
const REPORT_MS = 1_000;
/** ms between two passes over the queue without a cause: one that has tried the only target with room was passed over then. */
const QUEUE_MS = 100;
/** ms that answers under way get after the close time-out: enough for a text in a socket's buffer, short for a caller of close(). */
const LAST_ANSWERS_MS = 1_000;

export function run(s: Shard): void {
  let reportAt = s.now + REPORT_MS;
  const expireOne = (slot: number) => expire(s, slot);
  s.ownGrant = (ticket) => onGrant(s, ticket);
  if (s.watchAs(s.eventfd, abi.EPOLLIN, WAKE_EVENT, 0) < 0) throw new Error(`epoll_ctl: errno ${s.libc.errno[0]}`);
  startAccepting(s);
  s.mailbox.state = RUNNING;
  s.notifyMain();
  while (!(s.closing && s.open === 0)) {
    waitForEvents(s, reportAt);
    takeMessages(s);
    if (s.again.length > 0) continueRelays(s);
    s.timers.advance(s.now, expireOne);
    if (s.unreported.length > 0 && s.now >= reportAt) reportAt = reportBytes(s);
    if (s.mailbox.commands !== s.commandsSeen) runCommand(s);
    if (s.now >= s.abortAt) abortAll(s);
    if (!s.accepting && (s.recordsPushed || s.now >= s.acceptAgainAt)) tryAccepting(s);
    if ((s.roomFreed || s.waiting > 0) && s.pool.waiting > 0) pumpQueue(s);
    s.roomFreed = false;
    if (s.recordsPushed) notifyOfRecords(s);
  }
  s.mailbox.state = DONE;
  s.notifyMain();
}

function waitForEvents(s: Shard, reportAt: number): void {
  const { mailbox, events, libc } = s;
  let timeout = timeUntilDue(s, reportAt);
  if (timeout !== 0) {
    mailbox.fallAsleep();
    // Looked at once more: what came before we said that we sleep has not been announced through the eventfd.
    if (mailbox.hasMessage(s.messagesTaken) || mailbox.commands !== s.commandsSeen) timeout = 0;
  }
  const count = libc.epoll_wait(s.epoll, s.eventsStart, BATCH, timeout);
  const errno = libc.errno[0];
  if (timeout !== 0) mailbox.awake();
  if (count < 0 && errno !== abi.EINTR) throw new Error(`epoll_wait failed with errno ${errno}`);
  s.now = now();
  for (let i = 0, at = 0; i < count; i++, at += s.eventWords) {
    onEvent(s, events[at]!, events[at + s.dataWord]!, events[at + s.dataWord + 1]!);
  }
}

/** ms that the thread may sleep; -1 without end. */
function timeUntilDue(s: Shard, reportAt: number): number {
  if (s.again.length > 0) return 0;
  let due = Math.min(s.acceptAgainAt, s.abortAt);
  if (s.unreported.length > 0) due = Math.min(due, reportAt);
  if (s.waiting > 0) due = Math.min(due, s.now + QUEUE_MS);
  const timer = s.timers.untilNext(s.now);
  if (timer >= 0) due = Math.min(due, s.now + timer);
  return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(due - s.now));
}

function onEvent(s: Shard, events: number, low: number, generation: number): void {
  if (low >= LISTENER_EVENT) {
    onOwnEvent(s, low);
    return;
  }
  const slot = low >> 1;
  const end = low & 1;
  const { slots } = s;
  if (slots.generation(slot, end) !== generation) return; // for a descriptor that was closed earlier in this batch
  const state = slots.state(slot);
  if (state === RELAYING) onRelayEvent(s, slot, end, events);
  else if (end === TARGET) onConnectEvent(s, slot, events);
  else if (state === ANSWERING || state === LINGERING) onAnswerEvent(s, slot, events);
  else onEarlyEvent(s, slot, events);
}

function onOwnEvent(s: Shard, low: number): void {
  if (low === WAKE_EVENT) s.libc.read(s.eventfd, s.small.counter, 8);
  else if (s.accepting) acceptFrom(s, s.listeners[low - LISTENER_EVENT]!);
}

function takeMessages(s: Shard): void {
  for (;;) {
    const message = s.mailbox.takeMessage(s.messagesTaken);
    if (message === 0) return;
    s.messagesTaken = (s.messagesTaken + 1) | 0;
    if (message > 0) takeGrant(s, message - 1);
    else onDrop(s, -1 - message);
  }
}

function expire(s: Shard, slot: number): void {
  const state = s.slots.state(slot);
  if (state === QUEUED) queueTimedOut(s, slot);
  else if (state === CONNECTING) connectFailed(s, slot, TIMED_OUT);
  else if (state !== RELAYING || s.slots.reason(slot) !== 0) closeConnection(s, slot, UNDECIDED, true);
  else expireRelay(s, slot);
}

/** The timer of a relay is not moved with every byte: it looks, when it is due, whether it should have been. */
function expireRelay(s: Shard, slot: number): void {
  const due = s.slots.movedAt(slot) + s.options.idleTimeout;
  if (due > s.now) s.timers.set(slot, due);
  else closeConnection(s, slot, outcome(BY_BALANCER, IDLE), true);
}

/** Tells the pool what connections have moved that go on; returns when to do so next. */
function reportBytes(s: Shard): number {
  const { slots, unreported } = s;
  s.unreported = [];
  for (const slot of unreported) {
    slots.setListed(slot, false);
    if (slots.state(slot) !== RELAYING || slots.reason(slot) !== 0) continue;
    keepAlive(s, slot);
    const bytesIn = slots.unreported(slot, CLIENT);
    const bytesOut = slots.unreported(slot, TARGET);
    if (bytesIn + bytesOut === 0) continue;
    s.pool.addBytes(slots.row(slot), bytesIn, bytesOut);
    slots.setReported(slot);
  }
  return s.now + REPORT_MS;
}

/** Keepalive matters to connections that stay: those that are over by the first report are spared the call. */
function keepAlive(s: Shard, slot: number): void {
  const { slots } = s;
  if (slots.bits(slot, TARGET) & KEPT_ALIVE) return;
  slots.addBits(slot, TARGET, KEPT_ALIVE);
  s.libc.setsockopt(slots.fd(slot, TARGET), abi.SOL_SOCKET, abi.SO_KEEPALIVE, s.small.one, 4);
}

function runCommand(s: Shard): void {
  const { mailbox } = s;
  s.commandsSeen = mailbox.commands;
  if (mailbox.crashCommanded) throw new Error("told to die");
  if (!s.closing) {
    s.closing = true;
    acceptRest(s);
    mailbox.state = STOPPED_ACCEPTING;
    stopQueue(s);
    s.notifyMain();
  }
  if (!s.servedAborted) s.abortAt = Math.min(s.abortAt, s.now + mailbox.closeWithin);
}

/** The close time-out has come: what is served is dropped, and a moment later what is being answered. */
function abortAll(s: Shard): void {
  for (let slot = 0; slot < s.span; slot++) {
    const state = s.slots.state(slot);
    if (state < CONNECTING || state > LINGERING) continue;
    if (s.servedAborted || s.slots.reason(slot) === 0) closeConnection(s, slot, outcome(BY_BALANCER, SHUTDOWN), true);
  }
  s.servedAborted = true;
  s.abortAt = s.now + LAST_ANSWERS_MS;
}

function notifyOfRecords(s: Shard): void {
  s.recordsPushed = false;
  if (s.mailbox.mustNotify()) s.notifyMain();
}
