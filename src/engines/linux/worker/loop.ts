/** The loop of a worker thread: sleeps in the kernel until there is something to do, and never returns before the engine has closed. */

import { DONE, RUNNING, STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import { now } from "../shared/now.ts";
import {
  ANSWERING,
  BITS,
  BY_BALANCER,
  CONNECTING,
  DIRTY,
  FD,
  GENERATION,
  IDLE,
  KEPT_ALIVE,
  LINGERING,
  MOVED_AT,
  MOVED_IN,
  MOVED_OUT,
  outcome,
  QUEUED,
  REASON,
  RELAYING,
  ROW,
  SHUTDOWN,
  STATE,
  STRIDE,
  TARGET,
  TOLD_IN,
  TOLD_OUT,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { acceptFrom, acceptRest, startAccepting, tryAccepting } from "./accept.ts";
import { finish } from "./close.ts";
import {
  connectFailed,
  onConnectEvent,
  onEarlyEvent,
  pumpQueue,
  queueTimedOut,
  stopQueue,
  TIMED_OUT,
  takeGrant,
} from "./course.ts";
import { onRelayEvent, pumpAgain } from "./relay.ts";
import { BATCH, LISTENER_EVENT, type Shard, WAKE_EVENT } from "./shard.ts";
import { onAnswerEvent, onDrop } from "./unavailable.ts";

/** ms between two reports to the pool of what long connections have moved. */
const NEWS_MS = 1_000;
/** ms between two looks at the queue without a cause: whoever has tried the only target with room was passed over then. */
const QUEUE_MS = 100;
/** ms that answers under way get after the close time-out: enough for a text in a socket's buffer, and nobody waits long for it. */
const LAST_WORDS_MS = 1_000;

export function run(s: Shard): void {
  let newsAt = s.now + NEWS_MS;
  const expireOne = (slot: number) => expire(s, slot);
  if (s.watchAs(s.eventfd, abi.EPOLLIN, WAKE_EVENT, 0) < 0) throw new Error(`epoll_ctl: errno ${s.libc.errno[0]}`);
  startAccepting(s);
  s.channel.state = RUNNING;
  s.tell();
  while (!(s.closing && s.open === 0)) {
    waitForEvents(s, newsAt);
    takeNotes(s);
    if (s.again.length > 0) pumpAgain(s);
    s.wheel.advance(s.now, expireOne);
    if (s.dirty.length > 0 && s.now >= newsAt) newsAt = tellNews(s);
    if (s.channel.orders !== s.ordersSeen) obey(s);
    if (s.now >= s.abortAt) abortAll(s);
    if (!s.accepting && (s.recordsPushed || s.now >= s.acceptAgainAt)) tryAccepting(s);
    if ((s.roomFreed || s.waiting > 0) && s.pool.waiting > 0) pumpQueue(s);
    s.roomFreed = false;
    if (s.recordsPushed) tellRecords(s);
  }
  s.channel.state = DONE;
  s.tell();
}

function waitForEvents(s: Shard, newsAt: number): void {
  const { channel, events, libc } = s;
  let timeout = timeUntilDue(s, newsAt);
  if (timeout !== 0) {
    channel.fallAsleep();
    // Looked at once more: whoever came before we said that we sleep has not written the eventfd.
    if (channel.hasNote(s.notesTaken) || channel.orders !== s.ordersSeen) timeout = 0;
  }
  const count = libc.epoll_wait(s.epoll, s.eventsStart, BATCH, timeout);
  const errno = libc.errno[0];
  if (timeout !== 0) channel.awake();
  if (count < 0 && errno !== abi.EINTR) throw new Error(`epoll_wait failed with errno ${errno}`);
  s.now = now();
  for (let i = 0, at = 0; i < count; i++, at += s.eventWords) {
    onEvent(s, events[at]!, events[at + s.dataWord]!, events[at + s.dataWord + 1]!);
  }
}

/** ms that the thread may sleep; -1 without end. */
function timeUntilDue(s: Shard, newsAt: number): number {
  if (s.again.length > 0) return 0;
  let due = Math.min(s.acceptAgainAt, s.abortAt);
  if (s.dirty.length > 0) due = Math.min(due, newsAt);
  if (s.waiting > 0) due = Math.min(due, s.now + QUEUE_MS);
  const timer = s.wheel.untilNext(s.now);
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
  const at = slot * STRIDE;
  const { words } = s;
  if (words[at + GENERATION + end] !== generation) return; // for a descriptor that was closed earlier in this batch
  const state = words[at + STATE];
  if (state === RELAYING) onRelayEvent(s, slot, end, events);
  else if (end === TARGET) onConnectEvent(s, slot, events);
  else if (state === ANSWERING || state === LINGERING) onAnswerEvent(s, slot, events);
  else onEarlyEvent(s, slot, events);
}

function onOwnEvent(s: Shard, low: number): void {
  if (low === WAKE_EVENT) s.libc.read(s.eventfd, s.small.counter, 8);
  else if (s.accepting) acceptFrom(s, s.listeners[low - LISTENER_EVENT]!);
}

function takeNotes(s: Shard): void {
  for (let note = s.channel.takeNote(s.notesTaken); note !== 0; note = s.channel.takeNote(s.notesTaken)) {
    s.notesTaken = (s.notesTaken + 1) | 0;
    if (note > 0) takeGrant(s, note - 1);
    else onDrop(s, -1 - note);
  }
}

function expire(s: Shard, slot: number): void {
  const at = slot * STRIDE;
  const state = s.words[at + STATE];
  if (state === QUEUED) queueTimedOut(s, slot);
  else if (state === CONNECTING) connectFailed(s, slot, TIMED_OUT);
  else if (state !== RELAYING || s.words[at + REASON] !== 0) finish(s, slot, 0, true);
  else expireRelay(s, slot);
}

/** The timer of a relay is not moved with every byte: it looks, when it is due, whether it should have been. */
function expireRelay(s: Shard, slot: number): void {
  const due = s.doubles[((slot * STRIDE) >> 1) + MOVED_AT]! + s.options.idleTimeout;
  if (due > s.now) s.wheel.set(slot, due);
  else finish(s, slot, outcome(BY_BALANCER, IDLE), true);
}

/** Tells the pool what connections have moved that go on; returns when to do so next. */
function tellNews(s: Shard): number {
  const { words, doubles } = s;
  const dirty = s.dirty;
  s.dirty = [];
  for (const slot of dirty) {
    const at = slot * STRIDE;
    const half = at >> 1;
    words[at + DIRTY] = 0;
    if (words[at + STATE] !== RELAYING || words[at + REASON] !== 0) continue;
    keepAlive(s, slot);
    const bytesIn = doubles[half + MOVED_IN]! - doubles[half + TOLD_IN]!;
    const bytesOut = doubles[half + MOVED_OUT]! - doubles[half + TOLD_OUT]!;
    if (bytesIn + bytesOut === 0) continue;
    s.pool.addBytes(words[at + ROW]!, bytesIn, bytesOut);
    doubles[half + TOLD_IN] = doubles[half + MOVED_IN]!;
    doubles[half + TOLD_OUT] = doubles[half + MOVED_OUT]!;
  }
  return s.now + NEWS_MS;
}

/** Keepalive matters to connections that stay: those that are over by the first report are spared the call. */
function keepAlive(s: Shard, slot: number): void {
  const at = slot * STRIDE + TARGET;
  if (s.words[at + BITS]! & KEPT_ALIVE) return;
  s.words[at + BITS]! |= KEPT_ALIVE;
  s.libc.setsockopt(s.words[at + FD]!, abi.SOL_SOCKET, abi.SO_KEEPALIVE, s.small.one, 4);
}

function obey(s: Shard): void {
  const { channel } = s;
  s.ordersSeen = channel.orders;
  if (channel.crashOrdered) throw new Error("told to die");
  if (!s.closing) {
    s.closing = true;
    acceptRest(s);
    channel.state = STOPPED_ACCEPTING;
    stopQueue(s);
    s.tell();
  }
  if (!s.servedAborted) s.abortAt = Math.min(s.abortAt, s.now + channel.closeWithin);
}

/** The close time-out has come: what is served is dropped, and a moment later what is being answered. */
function abortAll(s: Shard): void {
  for (let slot = 0; slot < s.span; slot++) {
    const at = slot * STRIDE;
    const state = s.words[at + STATE]!;
    if (state < CONNECTING || state > LINGERING) continue;
    if (s.servedAborted || s.words[at + REASON] === 0) finish(s, slot, outcome(BY_BALANCER, SHUTDOWN), true);
  }
  s.servedAborted = true;
  s.abortAt = s.now + LAST_WORDS_MS;
}

function tellRecords(s: Shard): void {
  s.recordsPushed = false;
  if (s.channel.mustTell()) s.tell();
}
