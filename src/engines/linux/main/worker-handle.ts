/**
 * The main thread's side of one worker thread: what it shares with it, its start, its records, its commands, and what there is
 * to do when it dies.
 */
import type { OpenConnection } from "../../../proxy/open.ts";
import type { RemovalCause } from "../../../proxy/outcome.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import { FREE } from "../../../proxy/states.ts";
import type { Cancel, Clock } from "../../../util/clock.ts";
import { deferred } from "../../../util/deferred.ts";
import { messageOf } from "../../../util/errors.ts";
import type { NamedConnection } from "../shared/connection-id.ts";
import { FactsMemory } from "../shared/facts-memory.ts";
import { DONE, Mailbox, RUNNING, STOPPED_ACCEPTING, wake } from "../shared/mailbox.ts";
import type { Bridge, EdgeData, ListenerData, Order, PoolData } from "../shared/orders.ts";
import { Slots } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { failureOf } from "../sys/errno.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { LINGER_SIZE, putLinger } from "../sys/reset.ts";
import { closePipe } from "../worker/pipe.ts";
import type { ShardOptions, WorkerMessage } from "../worker/shard.ts";
import type { Thread, Threads } from "../worker/thread.ts";
import { crashAtExit, leaveAtExit } from "./at-exit.ts";
import { cleanUp } from "./dead-worker.ts";
import { isOpen, type Life, openConnections } from "./open.ts";
import { type Named, recordOfSlot, type TimedRecord } from "./records.ts";

/** ms before a thread that died right after its start is started again: a fault that repeats must not become a busy loop. */
const RESTART_MS = 1_000;
/** What an eventfd is written with. */
const ONE_SIZE = 8;

/** What a thread begins with, as there is at that time. */
export interface Present {
  readonly pools: readonly PoolData[];
  readonly edges: readonly EdgeData[];
  readonly listeners: readonly ListenerData[];
  readonly bridge: Bridge | null;
}

/** What all workers of an engine have in common. */
export interface WorkerHandleParts {
  readonly libc: Libc;
  readonly clock: Clock;
  readonly threads: Threads;
  readonly present: () => Present;
  readonly named: Named;
  /** Whether others may be given a connection of that service: not once they have said that they get none. */
  readonly mayPassOn: (service: number) => boolean;
  /** Gives back what a connection that came by a listener's service held of its limits. */
  readonly release: (edge: number, claim: number) => void;
  /** A thread has died, whose number can be used again when its permits, waiters and counts are taken out of all pools. */
  readonly recover: (worker: number) => void;
  readonly options: ShardOptions;
  /** Per worker, a power of two. */
  readonly slots: number;
  /** A worker has put something into its mailbox: there may be records to read. */
  readonly onNotice: () => void;
  /** Takes the records of connections that died with their worker. */
  readonly onRecord: (record: CloseRecord) => void;
  readonly onWarning: (kind: string, message: string, cause?: unknown) => void;
  /** A worker has died: the permits and waiters of its connections are gone, and others may go on. */
  readonly onRecovered: () => void;
}

export class WorkerHandle {
  readonly index: number;
  readonly mailbox: Mailbox;
  readonly eventfd: number;
  readonly #parts: WorkerHandleParts;
  /** ONE_SIZE bytes: 1. */
  readonly #one: Pointer;
  readonly #linger: Pointer;
  #peers: readonly WorkerHandle[] = [];
  #slots: Slots;
  #epoll = -1;
  #worker: Thread | null = null;
  #startedAt = 0;
  #epoch = 0;
  /** It has accepted once: a thread that dies before that fails the start, one that dies later is replaced. */
  #ran = false;
  /** The timer of a dead worker's successor. */
  #respawning: Cancel | null = null;
  /** The shortest time that `close()` was given; null before that. */
  #closeWithin: number | null = null;
  /** What waits for orders that were not carried out yet, by their serials. */
  readonly #orders = new Map<number, () => void>();
  #serials = 0;
  readonly #running = deferred<void>();
  readonly #stopped = deferred<void>();
  readonly #done = deferred<void>();

  /** Throws a NetError when there is no descriptor left. */
  constructor(index: number, parts: WorkerHandleParts) {
    const { libc, slots } = parts;
    this.index = index;
    this.#parts = parts;
    this.mailbox = Mailbox.create(slots);
    this.#slots = Slots.create(slots);
    const memory = libc.alloc(ONE_SIZE + LINGER_SIZE);
    memory.bytes[0] = 1;
    putLinger(new DataView(memory.bytes.buffer), ONE_SIZE);
    this.#one = memory.at(0);
    this.#linger = memory.at(ONE_SIZE);
    this.eventfd = libc.eventfd(0, abi.EFD_NONBLOCK | abi.EFD_CLOEXEC);
    if (this.eventfd < 0) throw failureOf(libc.errno[0]!, "cannot make an eventfd");
  }

  /** Settles once the worker runs. `peers` are all handles, this one included. */
  start(peers: readonly WorkerHandle[]): Promise<void> {
    this.#peers = peers;
    crashAtExit(this);
    this.#spawn();
    return this.#running.promise;
  }

  /**
   * It is the turn of one of its waiters, or there is something in its inbox. The eventfd is written even if it does not say that
   * it sleeps: a thread may have died that was about to wake it.
   */
  wakeAnyway(): void {
    this.#parts.libc.write(this.eventfd, this.#one, ONE_SIZE);
  }

  /** Connections of some pool were looked up, maybe of its own. */
  lookedUp(): void {
    if (this.#worker !== null && this.mailbox.waiting > 0) this.#wake();
  }

  /** Its slots have a place for what is known of clients, from now on. */
  reserveFacts(): void {
    if (this.#slots.facts !== null) return;
    this.#slots.facts = FactsMemory.create(this.#slots.capacity);
    this.order({ type: "facts", facts: this.#slots.facts.buffer });
  }

  /** Gives it a connection that a dead worker was given; false: it takes none. */
  takeOver(service: number, place: number, fd: number, address: Uint8Array): boolean {
    if (!this.mailbox.inbox.put(0, service, place, fd, address)) return false;
    this.mailbox.announce();
    return true;
  }

  /** Has its thread carry something out. One that is yet to start begins with what there is then. */
  order(order: Order): void {
    this.#post(order, 0);
  }

  /** The same. Settles when it is done, or has become needless as the thread has ended. */
  carryOut(order: Order): Promise<void> {
    const { promise, resolve } = deferred<void>();
    const serial = ++this.#serials;
    this.#orders.set(serial, resolve);
    if (!this.#post(order, serial)) this.#settleOrders();
    return promise;
  }

  /** Once all workers are done: until then any may wake any other. */
  release(): void {
    this.#parts.libc.close(this.eventfd);
  }

  /** Resets a connection that a handler has dropped. */
  drop(ticket: number): void {
    this.mailbox.drop(ticket);
    this.#wake();
  }

  connections(): IterableIterator<OpenConnection> {
    return openConnections(this.#life);
  }

  /** Takes those of them off their targets that are open; gives how many they are. */
  end(connections: readonly NamedConnection[], cause: RemovalCause): number {
    if (this.#worker === null) return 0; // a dead one has none
    const life = this.#life;
    const open = connections.filter((each) => isOpen(life, each)).map(({ at }) => at);
    if (open.length > 0) this.order({ type: "end", connections: open, cause });
    return open.length;
  }

  /** Of the thread; null: it does not run, or its system does not say. */
  get tid(): number | null {
    return this.mailbox.tid || null;
  }

  /** Has it close, and accept for `acceptWithin` ms until it does; a later call may shorten both times. */
  close(timeout: number, acceptWithin = 0): void {
    this.#closeWithin = Math.min(this.#closeWithin ?? timeout, timeout);
    if (this.#worker !== null) {
      this.mailbox.close(this.#closeWithin, acceptWithin);
      this.#wake();
    } else if (this.mailbox.state !== DONE) {
      this.#respawning?.();
      this.#giveUp();
    }
  }

  /** Settles when it no longer accepts. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Settles when its last connection is over and its last record read. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The worker throws at its next turn: for the process's end, and for tests of a worker's death. */
  crash(): void {
    this.mailbox.crash();
    this.#wake();
  }

  /** False: there is no thread. */
  #post(order: Order, serial: number): boolean {
    if (this.#worker === null) return false;
    this.#worker.post({ order, serial });
    this.mailbox.announceOrder();
    this.#wake();
    return true;
  }

  /** There is no thread any more that could carry them out. */
  #settleOrders(): void {
    for (const resolve of this.#orders.values()) resolve();
    this.#orders.clear();
  }

  get #life(): Life {
    const { index, mailbox } = this;
    const { libc, named } = this.#parts;
    const slots = this.#slots;
    const epoch = this.#epoch;
    return { index, epoch, mailbox, slots, named, now: libc.now, isCurrent: () => slots === this.#slots };
  }

  get #closing(): boolean {
    return this.#closeWithin !== null;
  }

  #wake(): void {
    wake(this.mailbox, this.#parts.libc, this.eventfd, this.#one);
  }

  #spawn(): void {
    const { clock, libc, options, present, threads } = this.#parts;
    this.#epoll = libc.epoll_create1(abi.EPOLL_CLOEXEC);
    if (this.#epoll < 0) {
      this.#cannotSpawn(failureOf(libc.errno[0]!, "cannot make an epoll set"));
      return;
    }
    this.#startedAt = clock.now();
    const worker = threads.start({
      index: this.index,
      epoch: this.#epoch++,
      ...present(),
      slots: this.#slots.buffer,
      facts: this.#slots.facts?.buffer ?? null,
      epoll: this.#epoll,
      peers: this.#peers.map(({ index, mailbox: { buffer }, eventfd }) => ({ index, mailbox: buffer, eventfd })),
      options,
    });
    this.#worker = worker;
    worker.on("message", (message: WorkerMessage) => {
      if (worker === this.#worker) this.#onMessage(message);
    });
    worker.on("error", (error) => this.#died(worker, error));
    worker.on("exit", () => this.#died(worker, new Error("the thread has ended")));
    this.mailbox.requestNotice();
  }

  /** A start fails with it; a dead worker's successor is tried again, as what is missing may come back. */
  #cannotSpawn(error: Error): void {
    if (!this.#ran) {
      this.#running.reject(error);
      return;
    }
    this.#parts.onWarning("spawn", `worker thread ${this.index} cannot be started again yet: ${error.message}`, error);
    this.#spawnLater();
  }

  #spawnLater(): void {
    this.#respawning = this.#parts.clock.after(RESTART_MS, () => this.#spawn());
  }

  #onMessage(message: WorkerMessage): void {
    if (message.type === "warning") this.#parts.onWarning(message.kind, message.message);
    else if (message.type === "lookUpWanted") this.#parts.named.poolOf(message.pool)?.lookUps.onWanted();
    else if (message.type === "served") this.#parts.named.poolOf(message.pool)?.lookUps.onServed();
    else if (message.type === "done") this.#carriedOut(message.serial);
    else if (message.type === "died") this.#died(this.#worker!, message.error);
    else this.#readMailbox();
  }

  /** What has come before it is read first: it may be the last that there is to know of a pool. */
  #carriedOut(serial: number): void {
    this.#parts.onNotice();
    this.#orders.get(serial)?.();
    this.#orders.delete(serial);
  }

  #readMailbox(): void {
    const { state } = this.mailbox;
    if (state >= RUNNING) {
      this.#ran = true;
      this.#running.resolve();
    }
    if (state >= STOPPED_ACCEPTING) this.#stopped.resolve();
    this.#parts.onNotice();
    if (state === DONE) this.#end();
  }

  /** Puts the records of connections that have ended into `into`, with the times at which they did. */
  takeRecords(into: TimedRecord[]): void {
    const { mailbox } = this;
    const { libc, named } = this.#parts;
    const slots = this.#slots;
    const now = libc.now();
    for (let slot = mailbox.nextRecord(); slot >= 0; slot = mailbox.nextRecord()) {
      into.push(recordOfSlot(slots, slot, named, now));
      slots.setState(slot, FREE);
      mailbox.recycle();
    }
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#settleOrders();
    leaveAtExit(this);
    closePipe(this.#parts.libc, this.mailbox.pipe);
    this.#parts.libc.close(this.#epoll);
    // Its loop has ended, and nothing waits for the thread: how terminate() settles makes no difference.
    Promise.resolve(worker?.terminate()).then(
      () => this.#done.resolve(),
      () => this.#done.resolve(),
    );
  }

  #died(worker: Thread, error: unknown): void {
    if (worker !== this.#worker) return; // of a thread that has been replaced, or was terminated here
    this.#worker = null;
    worker.terminate();
    this.#parts.onNotice();
    const { clock, libc, named, onRecord, onRecovered, onWarning, recover, release } = this.#parts;
    recover(this.index);
    const { mailbox } = this;
    const others = this.#peers.filter((peer) => peer !== this);
    const passOn = (service: number, place: number, fd: number, address: Uint8Array) =>
      this.#parts.mayPassOn(service) && others.some((peer) => peer.takeOver(service, place, fd, address));
    const slots = this.#slots;
    const dropped = cleanUp({ libc, linger: this.#linger, mailbox, named, passOn, release, slots }, onRecord);
    this.#settleOrders();
    for (const peer of others) peer.wakeAnyway(); // it may have put something into an inbox
    const young = this.mailbox.state < RUNNING || clock.now() - this.#startedAt < RESTART_MS;
    onWarning("worker", `worker thread ${this.index} has died with ${dropped} connections: ${messageOf(error)}`, error);
    this.#running.reject(error); // has no effect once it ran
    libc.close(this.#epoll);
    onRecovered();
    if (this.#closing || !this.#ran) {
      this.#giveUp();
      return;
    }
    this.mailbox.reset();
    this.#slots = Slots.create(slots.capacity);
    if (slots.facts !== null) this.#slots.facts = FactsMemory.create(slots.capacity);
    if (young) this.#spawnLater();
    else this.#spawn();
  }

  /** There is no thread, and there will be none. */
  #giveUp(): void {
    this.mailbox.state = DONE;
    leaveAtExit(this);
    this.#stopped.resolve();
    this.#done.resolve();
  }
}
