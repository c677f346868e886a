/** The loop of a worker thread: it sleeps in the kernel until there is something to do, and returns once the engine has closed. */
import { probingOf } from "../../../net/keepalive.ts";
import { UNDECIDED } from "../../../proxy/outcome.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { ANSWERING, DELIVERING, isWaiting, LINGERING, RELAYING } from "../../../proxy/states.ts";
import { isEarly, RECEIVING } from "../shared/early-states.ts";
import { KEPT_ALIVE, THROUGH_TLS } from "../shared/ends.ts";
import { DONE, RUNNING, STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import type { ListenerData, PoolTerms } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import { onListenerEvent, startAccepting, takeFromInbox, tryAccepting } from "./accept.ts";
import { connectError, isSelfConnected } from "./dial.ts";
import { listen as listenToTargets, look } from "./looks.ts";
import { carryOutOrders, listen } from "./orders.ts";
import { isGranted, noticeSilence, serveGranted, serveQueues } from "./queue.ts";
import { earlyTimedOut, onGuestEvent } from "./reception.ts";
import { onRefusedEvent } from "./refusal.ts";
import { onDeliveryEvent, onRelayEvent, serveBusy, startRelay } from "./relay.ts";
import { BATCH, LISTENER_EVENT, type Shard, WAKE_EVENT } from "./shard.ts";
import { BRIDGING, isRelayed } from "./slot-store.ts";
import { bitsOf, closeEnd } from "./socket-io.ts";
import { onBridgeEvent, unreachable } from "./tls-bridge.ts";
import { clientGone, introduce, onAnswerEvent, onDrop } from "./unavailable.ts";
import { stopAll, windUp } from "./wind-up.ts";

/** ms between two reports to the pool of what long connections have moved. */
const REPORT_MS = 1_000;
/** ms between two passes over a queue without a cause: one that has tried the only target with room was passed over then. */
const QUEUE_MS = 100;
/** ms by which a sleep and the turn before it take longer than they should when the process was stopped (SIGSTOP, a suspended machine). */
const STOPPED_MS = 1_000;
/** ms that those have to answer then to whom a turn in which it was stopped has just passed something on. */
const GRACE_MS = 1_000;

export class Loop {
  readonly #shard: Shard;
  readonly #listeners: readonly ListenerData[];
  readonly #expireOne: (slot: number) => void;
  #reportAt: number;
  /** Time-outs are not judged before this. */
  #judgeFrom = 0;

  /** `listeners`: to begin with. */
  constructor(shard: Shard, listeners: readonly ListenerData[]) {
    this.#shard = shard;
    this.#listeners = listeners;
    this.#expireOne = (slot) => {
      if (isEarly(shard.slots.state(slot))) earlyTimedOut(shard, slot);
      else shard.lifecycleOf(slot).timedOut(slot);
    };
    this.#reportAt = shard.now + REPORT_MS;
  }

  run(): void {
    this.start();
    while (!this.done) this.turn();
    this.finish();
  }

  start(): void {
    const s = this.#shard;
    if (s.watchAs(s.eventfd, abi.EPOLLIN, WAKE_EVENT, 0) < 0) throw new Error(`epoll_ctl: errno ${s.libc.errno[0]}`);
    s.mailbox.tid = Math.max(0, s.libc.syscall(abi.SYS_GETTID[process.arch]!));
    s.mailbox.inbox.open();
    for (const listener of this.#listeners) listen(s, listener);
    startAccepting(s);
    s.mailbox.state = RUNNING;
    s.notifyMain();
  }

  get done(): boolean {
    const { mailbox, open, stopping } = this.#shard;
    return stopping && open === 0 && mailbox.state >= STOPPED_ACCEPTING;
  }

  finish(): void {
    this.#shard.mailbox.state = DONE;
    this.#shard.notifyMain();
  }

  /** One sleep, and everything that has come up by its end. */
  turn(): void {
    const s = this.#shard;
    this.#waitForEvents();
    this.#takeDrops();
    if (s.queued.length > 0) serveGranted(s);
    if (!s.busy.empty) serveBusy(s);
    if (s.timers.reaches(s.now) && s.now >= this.#judgeFrom) this.#judgeTimeouts();
    if (s.now >= s.lookAt) look(s);
    if (s.unreported.length > 0 && s.now >= this.#reportAt) this.#reportBytes();
    for (const paths of s.deadPaths) if (s.now >= paths.dueAt) paths.look();
    if (s.now >= s.writeBuffers.giveBackAt) s.writeBuffers.giveBack(s.now);
    if (s.mailbox.commands !== s.commandsSeen) this.#runCommand();
    if (s.now >= s.windUpAt) windUp(s);
    if (s.queued.length + s.freed.length > 0) serveQueues(s);
    if (!s.accepting && (s.recordsPushed || s.now >= s.acceptAgainAt)) {
      tryAccepting(s);
      serveQueues(s);
    }
    if (s.recordsPushed) {
      s.recordsPushed = false;
      if (s.mailbox.mustNotify()) s.notifyMain();
    }
  }

  #waitForEvents(): void {
    const s = this.#shard;
    const { mailbox, now: before } = s;
    let timeout = this.#timeUntilDue();
    if (timeout !== 0) {
      mailbox.fallAsleep();
      // Looked at once more: what came before we said that we sleep has not been announced through the eventfd.
      if (mailbox.hasDrop(s.dropsTaken) || mailbox.commands !== s.commandsSeen || isGranted(s)) timeout = 0;
    }
    this.#takeEvents(timeout);
    if (timeout >= 0 && s.now - before > timeout + STOPPED_MS) this.#wasStopped(before);
  }

  /**
   * What the turn that began at `before` has heard and set bears that time, though the stop may have come in its middle: nobody is
   * judged by that at once. Only once, so that a thread which is this slow does judge.
   */
  #wasStopped(before: number): void {
    if (before >= this.#judgeFrom) this.#judgeFrom = this.#shard.now + GRACE_MS;
  }

  /** Returns how many there were; -1 when a signal came instead. */
  #takeEvents(timeout: number): number {
    const s = this.#shard;
    const { events, libc } = s;
    const count = libc.epoll_wait(s.epoll, s.eventsStart, BATCH, timeout);
    const errno = libc.errno[0];
    if (timeout !== 0) s.mailbox.awake();
    if (count < 0 && errno !== abi.EINTR) throw new Error(`epoll_wait failed with errno ${errno}`);
    s.now = libc.now();
    s.mailbox.inbox.events = count;
    for (let i = 0, at = 0; i < count; i++, at += s.eventWords) {
      this.#onEvent(events[at]!, events[at + s.dataWord]!, events[at + s.dataWord + 1]!);
    }
    return count;
  }

  /**
   * What has happened by now is heard before time-outs are judged: after a full batch, a signal, or a stop of the process
   * (SIGSTOP, a suspended machine) the kernel has events that are older than the time-outs, and would be held against
   * connections that did their part in time. Every watched descriptor comes up once in so many rounds.
   */
  #judgeTimeouts(): void {
    const s = this.#shard;
    const { now: judged } = s;
    const rounds = 2 + Math.ceil((2 * this.#shard.open) / BATCH);
    for (let i = 0; i < rounds; i++) {
      const count = this.#takeEvents(0);
      if (count >= 0 && count < BATCH) break;
    }
    s.timers.advance(judged, this.#expireOne);
  }

  /** ms that the thread may sleep; -1 without end. */
  #timeUntilDue(): number {
    const s = this.#shard;
    if (!s.busy.empty) return 0;
    let due = Math.min(s.acceptAgainAt, s.windUpAt, s.writeBuffers.giveBackAt, s.lookAt);
    for (const paths of s.deadPaths) due = Math.min(due, paths.dueAt);
    if (s.unreported.length > 0) due = Math.min(due, this.#reportAt);
    if (s.queued.length > 0) due = Math.min(due, s.now + QUEUE_MS);
    const timer = s.timers.untilNext(s.now);
    if (timer >= 0) due = Math.min(due, Math.max(s.now + timer, this.#judgeFrom));
    return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(due - s.now));
  }

  #onEvent(events: number, low: number, generation: number): void {
    const s = this.#shard;
    if (low >= LISTENER_EVENT) {
      if (low === WAKE_EVENT) s.libc.read(s.eventfd, s.small.counter, 8);
      else onListenerEvent(s, low - LISTENER_EVENT);
      return;
    }
    const slot = low >> 1;
    const end = low & 1;
    if (s.slots.generation(slot, end) !== generation) return; // for a descriptor that was closed earlier in this batch
    const state = s.slots.state(slot);
    if (isRelayed(state)) onRelayEvent(s, slot, end, events);
    else if (state === DELIVERING) onDeliveryEvent(s, slot, end, events);
    else if (end === TARGET) this.#onConnectEvent(slot, state, events);
    else if (state === ANSWERING || state === LINGERING) onAnswerEvent(s, slot, events);
    else if (state === RECEIVING) onGuestEvent(s, slot, events);
    else if (isEarly(state)) onRefusedEvent(s, slot, state, events);
    else this.#onEarlyEvent(slot, state, events);
  }

  /** An event of a client that is not served yet. A FIN does not count as leaving: the client may have said all it has to say. */
  #onEarlyEvent(slot: number, state: number, events: number): void {
    const s = this.#shard;
    s.slots.addBits(slot, CLIENT, bitsOf(events));
    if ((events & abi.EPOLLERR) === 0) {
      if (isWaiting(state)) noticeSilence(s, s.partOf(slot), slot);
      return;
    }
    if (state === BRIDGING) clientGone(s, slot);
    else s.lifecycleOf(slot).clientReset(slot);
  }

  /** An event of the target, or of the handler, while it is being connected to. */
  #onConnectEvent(slot: number, state: number, events: number): void {
    const s = this.#shard;
    const error = events & (abi.EPOLLERR | abi.EPOLLHUP) ? connectError(s, slot) : 0;
    const isThroughTls = (s.slots.bits(slot, TARGET) & THROUGH_TLS) !== 0;
    if (error !== 0) {
      closeEnd(s, slot, TARGET, false);
      if (state === BRIDGING) s.lifecycleOf(slot).end(slot, UNDECIDED, true);
      else s.lifecycleOf(slot).connectFailed(slot, isThroughTls ? unreachable(error) : error);
      return;
    }
    if ((events & abi.EPOLLOUT) === 0) return;
    s.slots.addBits(slot, TARGET, bitsOf(events));
    if (state === BRIDGING) {
      introduce(s, slot);
      startRelay(s, slot);
    } else if (isThroughTls) {
      onBridgeEvent(s, s.partOf(slot), slot);
    } else if (isSelfConnected(s, slot)) {
      closeEnd(s, slot, TARGET, true); // a FIN to itself would leave the port in TIME_WAIT
      s.lifecycleOf(slot).connectFailed(slot, abi.ECONNREFUSED);
    } else {
      s.lifecycleOf(slot).connected(slot);
    }
  }

  #takeDrops(): void {
    const s = this.#shard;
    for (let ticket = s.mailbox.takeDrop(s.dropsTaken); ticket >= 0; ticket = s.mailbox.takeDrop(s.dropsTaken)) {
      s.dropsTaken = (s.dropsTaken + 1) | 0;
      onDrop(s, ticket);
    }
  }

  /** Tells the pool what connections have moved that go on. */
  #reportBytes(): void {
    const s = this.#shard;
    const { slots, unreported } = s;
    listenToTargets(s);
    s.unreported = [];
    for (const slot of unreported) {
      slots.setListed(slot, false);
      if (slots.state(slot) !== RELAYING) continue;
      const part = s.partOf(slot);
      this.#keepAlive(slot, part.terms);
      part.deadPaths.watch(slot);
      part.lifecycle.reportBytes(slot);
    }
    this.#reportAt = s.now + REPORT_MS;
  }

  /** Keepalive matters to connections that stay: those that are over by the first report are spared the calls. */
  #keepAlive(slot: number, { keepalive, sockets }: PoolTerms): void {
    const { libc, slots, small } = this.#shard;
    if (slots.bits(slot, TARGET) & KEPT_ALIVE) return;
    slots.addBits(slot, TARGET, KEPT_ALIVE);
    if (keepalive === 0) return;
    small.setProbing(sockets?.keepaliveTimes ?? probingOf(keepalive));
    const fd = slots.fd(slot, TARGET);
    libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE, small.one, 4);
    libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, small.keepIdle, 4);
    libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_KEEPINTVL, small.keepInterval, 4);
    libc.setsockopt(fd, abi.IPPROTO_TCP, abi.TCP_KEEPCNT, small.keepCount, 4);
  }

  #runCommand(): void {
    const s = this.#shard;
    const { mailbox } = s;
    s.commandsSeen = mailbox.commands;
    if (mailbox.crashCommanded) throw new Error("told to die");
    if (mailbox.closeCommanded || mailbox.orders !== s.orders.received) s.now = s.libc.now(); // the turn may have begun before
    if (mailbox.orders !== s.orders.received) s.orders.receive();
    if (mailbox.closeCommanded) stopAll(s);
    takeFromInbox(s); // before the orders: one that stops a pool is for those who come after it
    carryOutOrders(s);
    if (mailbox.orders !== s.orders.received) s.commandsSeen--; // it was announced and is yet to come through
  }
}
