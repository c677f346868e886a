/**
 * Seam 3: the life of a pool's connections, from accept to their ends, once for both engines. It decides; an engine does. Events come in
 * as calls (`accepted`, `connected`, `clientReset`, `timedOut` …); what is to happen goes out over two interfaces: the Store
 * keeps what is known of each connection, the Io dials, relays, answers, closes and arms timers. It is synchronous, reads no
 * clock of its own and waits for nothing.
 *
 *     accepted ─► LOOKING_UP? ─► permit? ─► pick ─► CONNECTING ─► RELAYING ─► ENDED
 *                                  │ no      │ may wait  │ failed: pick again
 *                                  ▼         ▼           ▼ no attempt left
 *                                QUEUED ◄────┘        ANSWERING ─► LINGERING ─► ENDED
 *                                  └─ timed out, stopping ──▲
 *
 * A relay of which one end fails is DELIVERING what that end had sent before, and ENDED after that.
 *
 * Invariants: every pick ends in exactly one `failed` or `release` of the pool, and every permit in one `leave`; a connection
 * holds a permit exactly while it is CONNECTING, RELAYING or DELIVERING, and a row in those states alone; `ended` is called once.
 */
import { ADMITTED, MAY_WAIT, NO_TARGET, REFUSED, type SharedPool } from "../pool/pool.ts";
import { scarce } from "./connect-failure.ts";
import { checkDelivery } from "./delivery.ts";
import { releasePermit, releaseRow } from "./holds.ts";
import { checkIdle } from "./idle.ts";
import type { Io } from "./io.ts";
import { LookingUp } from "./looking-up.ts";
import { Observer } from "./observer.ts";
import type { LifecycleOptions } from "./options.ts";
import {
  BY_BALANCER,
  BY_CLIENT,
  CONNECT_FAILED,
  IDLE,
  IN_CONNECT,
  IN_QUEUE,
  IN_RELAY,
  IN_UNAVAILABLE,
  NO_TARGETS,
  outcome,
  QUEUE_FULL,
  QUEUE_TIMEOUT,
  RESET,
  SHUTDOWN,
  STOPPING,
  UNDECIDED,
} from "./outcome.ts";
import { hasWaited, patience, waitsForMore } from "./patience.ts";
import { CLIENT, TARGET } from "./record.ts";
import { ANSWERING, CONNECTING, DELIVERING, isWaiting, LINGERING, PERMIT, QUEUED, RELAYING, ROW } from "./states.ts";
import type { Store } from "./store.ts";
import { ANSWER_MS, LAST_ANSWERS_MS, LINGER_MS } from "./unavailable.ts";

export class Lifecycle<C, F> {
  readonly #pool: SharedPool;
  readonly #store: Store<C, F>;
  readonly #io: Io<C, F>;
  readonly observer: Observer<C, F>;
  readonly lookingUp: LookingUp<C, F>;
  /** They may change: what is armed from then on goes by the new ones. */
  options: LifecycleOptions;
  /** Connections that are not over. */
  open = 0;
  /** Connections in the queue, or looked up. */
  waiting = 0;
  /** A permit, a target or room on a target may have become free. The engine then serves the queue, and clears this. */
  roomFreed = false;
  stopping = false;
  /** When what is served is dropped; after that, when what is being answered is. */
  abortAt = Number.POSITIVE_INFINITY;
  #servedAborted = false;
  #pass = 0;

  constructor(pool: SharedPool, store: Store<C, F>, io: Io<C, F>, options: LifecycleOptions) {
    this.#pool = pool;
    this.#store = store;
    this.#io = io;
    this.lookingUp = new LookingUp(pool, store, io, (c) => {
      this.#stopWaiting(c);
      this.#enter(c);
    });
    this.observer = new Observer(pool, store, io, (c) => this.moveOn(c));
    this.options = options;
  }

  /** A new connection. */
  accepted(c: C): void {
    this.open++;
    if (this.stopping) this.#unavailable(c, STOPPING);
    else if (this.#pool.lookUps.ms > 0 && this.lookingUp.begin(c)) this.waiting++;
    else this.#enter(c);
  }

  /** Those who were looked up go on. */
  lookedUp(): void {
    this.lookingUp.goOn();
  }

  #enter(c: C): void {
    const entered = this.#pool.enter(this.#store.ticket(c));
    if (entered === ADMITTED) {
      this.#store.addHold(c, PERMIT);
      this.#serve(c, this.#pick(c));
    } else if (entered === REFUSED) {
      this.#unavailable(c, QUEUE_FULL);
    } else {
      this.#enqueue(c, entered);
    }
  }

  /** A connection that could not be taken in: the engine would never be told of its events. */
  acceptFailed(c: C): void {
    this.open++;
    this.abort(c);
  }

  /** Drops a connection with which the engine cannot go on, or that an operator ends (KILLED), whatever state it is in. */
  abort(c: C, cause = RESET): void {
    this.#drop(c, outcome(BY_BALANCER, cause)); // one that is answered keeps the reason for that
  }

  /** One that is CONNECTING, of whose client nothing has been read yet, gives its target up, which has not failed it, and picks again. */
  moveOn(c: C): void {
    this.#io.undial(c);
    this.#releaseRow(c);
    this.#serve(c, this.#pick(c));
  }

  /** The connection to its target stands. */
  connected(c: C): void {
    const now = this.#io.now();
    const { idleTimeout } = this.options;
    this.#store.setState(c, RELAYING);
    this.#store.setPhase(c, IN_RELAY);
    this.#store.setMovedAt(c, now);
    this.#store.setConnectMs(c, now - this.#store.acceptedAt(c) - this.#store.queuedMs(c));
    this.#pool.connected(this.#store.row(c), now - this.#store.since(c));
    if (idleTimeout > 0) this.#io.arm(c, now + idleTimeout);
    else this.#io.disarm(c);
    this.#io.relay(c);
  }

  /** The dial under way has failed. */
  connectFailed(c: C, failure: F): void {
    if (this.#targetFailed(c, failure)) this.#serve(c, this.#pick(c));
  }

  /** The client's connection was lost, whatever it waits for. Not while it is relayed: `end` tells that. */
  clientReset(c: C): void {
    // A client that is lost while it is answered has lost nothing more than the answer; the record keeps the reason.
    this.#drop(c, outcome(BY_CLIENT, RESET));
  }

  /** The client has sent a FIN, and nothing before it: it may be gone, or wait for a server that speaks first. */
  clientSilent(c: C): void {
    if (this.#store.state(c) === QUEUED) this.#pool.silent(this.#store.waiter(c));
  }

  /**
   * A waiter that was silent has lost its place to a newcomer (`SharedPool.takeLost`), and is told in its stead; or is dropped, where a
   * newcomer needs its descriptor.
   */
  lostPlace(c: C, isDropped: boolean): void {
    this.#stopWaiting(c);
    if (isDropped) this.end(c, outcome(BY_BALANCER, QUEUE_FULL), true);
    else this.#unavailable(c, QUEUE_FULL);
  }

  /** The answer has been given, and our FIN sent. */
  answered(c: C): void {
    this.#store.setState(c, LINGERING);
    this.#io.arm(c, this.#io.now() + LINGER_MS);
  }

  /** The connection's timer has come. */
  timedOut(c: C): void {
    const state = this.#store.state(c);
    if (isWaiting(state)) {
      this.#leaveQueue(c);
      if (state !== QUEUED) this.#enter(c);
      else this.#unavailable(c, this.#pool.awaitsTarget ? this.#lackOfTarget(c) : QUEUE_TIMEOUT);
    } else if (state === CONNECTING) {
      this.#io.undial(c);
      this.connectFailed(c, this.#io.timeoutFailure());
    } else if (state === RELAYING) {
      if (checkIdle(this.#store, this.#io, c, this.options.idleTimeout)) this.end(c, outcome(BY_BALANCER, IDLE), true);
    } else if (state === DELIVERING) {
      if (checkDelivery(this.#store, this.#io, c)) this.end(c, UNDECIDED, true);
    } else {
      this.end(c, UNDECIDED, true); // it does not take its answer, or gives none
    }
  }

  /** A waiter's turn has come. False: this pass over the queue has come round to the same connection. */
  granted(c: C): boolean {
    const row = this.#pool.pickGranted(
      this.#store.ticket(c),
      this.#store.clientKey(c),
      this.#store.tried(c),
      this.#io.now(),
    );
    // It has tried all that have room, or another thread's connection took the room: it waits on, with the deadline it has.
    if (row === MAY_WAIT) return this.#store.passOver(c, this.#pass);
    this.#stopWaiting(c);
    this.#store.addHold(c, PERMIT);
    this.#serve(c, row);
    return true;
  }

  /** Before the queue is served from its head. */
  beginPass(): void {
    this.#pass = (this.#pass + 1) | 0;
  }

  /** Tells the pool what a relay that goes on has moved. False: nothing since the last time. */
  reportBytes(c: C): boolean {
    const bytesIn = this.#store.unreported(c, CLIENT);
    const bytesOut = this.#store.unreported(c, TARGET);
    if (bytesIn + bytesOut === 0) return false;
    this.#pool.addBytes(this.#store.row(c), bytesIn, bytesOut);
    this.#store.setReported(c);
    return true;
  }

  /**
   * One end of a relay has failed, as `how` says. A reset overtakes everything that waits in front of it, so it is passed on only
   * after what that end had sent before has reached the other. The other direction is void.
   */
  endLost(c: C, how: number): void {
    this.observer.ended(c, how); // what is still delivered may take long
    this.#store.setOutcome(c, how);
    this.#store.setState(c, DELIVERING);
    this.#store.setSince(c, this.#io.now());
    if (checkDelivery(this.#store, this.#io, c)) this.end(c, UNDECIDED, true);
  }

  /**
   * Ends a connection as `how` says, unless that was decided before; once, whatever state it is in but those of waiting. `reset`: both
   * peers are sent a reset rather than a FIN.
   */
  end(c: C, how: number, reset: boolean): void {
    this.#io.disarm(c);
    this.#io.close(c, reset);
    this.observer.ended(c, how);
    this.#releaseRow(c);
    this.#releasePermit(c);
    this.#store.end(c, how, this.#io.now());
    this.open--;
    this.#io.ended(c);
  }

  /**
   * Those in the queue and those to come are told "stopping"; what is served may go on for `timeout` ms, and with it who was
   * only looked up, if there is room. A later call may shorten the time.
   */
  stop(timeout: number): void {
    if (!this.stopping) this.lookingUp.endAll();
    const waiting = this.stopping ? 0 : this.waiting;
    this.stopping = true;
    if (waiting > 0) {
      this.#store.each((c) => {
        if (this.#store.state(c) !== QUEUED) return;
        this.#leaveQueue(c);
        this.#unavailable(c, STOPPING);
      }, this.#pool);
    }
    if (!this.#servedAborted) this.abortAt = Math.min(this.abortAt, this.#io.now() + timeout);
  }

  /** At or after `abortAt`: drops what is served, and a moment later what is being answered. */
  abortDue(): void {
    // Decided before anything ends: a listener that is told of an end may close again, and come through here.
    const answersToo = this.#servedAborted;
    this.#servedAborted = true;
    this.abortAt = this.#io.now() + LAST_ANSWERS_MS;
    if (this.open === 0) return;
    this.#store.each((c) => {
      const state = this.#store.state(c);
      if (answersToo || state === CONNECTING || state === RELAYING || state === DELIVERING) {
        this.end(c, outcome(BY_BALANCER, SHUTDOWN), true);
      }
    }, this.#pool);
  }

  /** Something for those who wait may have become free. */
  freeRoom(): void {
    if (!this.roomFreed) this.#io.roomFreed();
    this.roomFreed = true;
  }

  #drop(c: C, how: number): void {
    if (isWaiting(this.#store.state(c))) this.#leaveQueue(c);
    this.end(c, how, true);
  }

  #pick(c: C): number {
    return this.#pool.pick(this.#store.clientKey(c), this.#store.tried(c), this.#io.now());
  }

  /** On to what a pick gave, for a connection that holds a permit. */
  #serve(c: C, picked: number): void {
    for (let row = picked; ; row = this.#pick(c)) {
      if (row < 0) {
        this.#noTarget(c, row);
        return;
      }
      const now = this.#io.now();
      this.#store.setRow(c, row, this.#pool.incarnation(row));
      this.#store.addHold(c, ROW);
      this.#store.setPhase(c, IN_CONNECT);
      this.#store.setState(c, CONNECTING);
      this.#store.setSince(c, now);
      this.#io.arm(c, now + this.options.connectTimeout);
      this.observer.begun(c);
      const failure = this.#io.dial(c, row);
      if (failure === null || !this.#targetFailed(c, failure)) return;
    }
  }

  /** Takes the connection off the target that could not be had. False: it was the last one; the client waits for another, or has its answer. */
  #targetFailed(c: C, failure: F): boolean {
    const row = this.#store.row(c);
    const code = this.#io.codeOf(failure);
    const lack = scarce(code);
    this.#store.addTried(c, row, this.#pool.incarnation(row), failure);
    if (lack !== null) {
      this.#io.warn(`connect ${code}`, `cannot connect to targets: out of ${lack}`, failure);
      this.#releaseRow(c);
    } else {
      this.#store.dropHold(c, ROW);
      this.#pool.failed(row, this.#store.clientKey(c), this.#io.now(), code);
    }
    this.freeRoom();
    const attempts = this.#store.tried(c).length;
    if (attempts <= this.options.requeue) return true;
    this.#noTarget(c, waitsForMore(this.#pool, attempts) ? MAY_WAIT : NO_TARGET);
    return false;
  }

  #noTarget(c: C, why: number): void {
    const mayWait = why === MAY_WAIT && !hasWaited(this.#pool, this.options, this.#store.queuedMs(c));
    if (mayWait && !this.stopping) this.#waitForTarget(c);
    else this.#unavailable(c, mayWait ? STOPPING : this.#lackOfTarget(c));
  }

  #lackOfTarget(c: C): number {
    return this.#store.tried(c).length > 0 ? CONNECT_FAILED : NO_TARGETS;
  }

  /** No target can take it yet: to the queue's end, without the permit. */
  #waitForTarget(c: C): void {
    this.#store.dropHold(c, PERMIT); // wait() gives it back
    this.freeRoom();
    const waiter = this.#pool.wait(this.#store.ticket(c));
    if (waiter !== REFUSED) this.#enqueue(c, waiter);
    // A pool without a queue has none that could be full: what is missing then is a target.
    else this.#unavailable(c, this.#pool.options.queue === 0 ? this.#lackOfTarget(c) : QUEUE_FULL);
  }

  #enqueue(c: C, waiter: number): void {
    const now = this.#io.now();
    this.#store.setState(c, QUEUED);
    this.#store.setPhase(c, IN_QUEUE);
    this.#store.setWaiter(c, waiter);
    this.#store.setSince(c, now);
    this.waiting++;
    this.#io.arm(c, now + patience(this.#pool, this.options));
    this.#io.queued(c);
  }

  /** Takes a connection out of what it waits in, also one whose turn has come. */
  #leaveQueue(c: C): void {
    this.#stopWaiting(c);
    if (this.lookingUp.leave(c)) return;
    this.#pool.cancel(this.#store.waiter(c));
    this.freeRoom(); // it may have been at the head, with nothing for it but something for the next
  }

  /** It does not wait any more. What comes next, and its timer with that, is the caller's to say. */
  #stopWaiting(c: C): void {
    this.waiting--;
    this.#store.addQueuedMs(c, this.#io.now() - this.#store.since(c));
  }

  /** It gets no target. It holds no row, and does not wait. */
  #unavailable(c: C, reason: number): void {
    this.#releasePermit(c);
    this.#store.setPhase(c, IN_UNAVAILABLE);
    this.#store.setState(c, ANSWERING);
    this.#store.setOutcome(c, outcome(BY_BALANCER, reason));
    this.#io.arm(c, this.#io.now() + ANSWER_MS);
    this.#io.answer(c, reason);
  }

  #releaseRow(c: C): void {
    if (releaseRow(this.#pool, this.#store, c, this.#io.now())) this.freeRoom();
  }

  #releasePermit(c: C): void {
    if (releasePermit(this.#pool, this.#store, c)) this.freeRoom();
  }
}
