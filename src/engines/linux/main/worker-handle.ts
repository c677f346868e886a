/**
 * The main thread's side of one worker thread: what it shares with it, its start, its records, its commands, and what there is
 * to do when it dies.
 */
import type { Pool } from "../../../pool/pool.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import { FREE } from "../../../proxy/states.ts";
import type { Cancel, Clock } from "../../../util/clock.ts";
import { deferred } from "../../../util/deferred.ts";
import { messageOf } from "../../../util/errors.ts";
import { DONE, Mailbox, RUNNING, STOPPED_ACCEPTING, wake } from "../shared/mailbox.ts";
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
import { recordOfSlot, type TimedRecord } from "./records.ts";

/** ms before a thread that died right after its start is started again: a fault that repeats must not become a busy loop. */
const RESTART_MS = 1_000;
/** What an eventfd is written with. */
const ONE_SIZE = 8;

/** What all workers of an engine have in common. */
export interface WorkerHandleParts {
  readonly libc: Libc;
  readonly clock: Clock;
  readonly threads: Threads;
  readonly pool: Pool;
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
  readonly listeners: readonly number[];
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
  readonly #running = deferred<void>();
  readonly #stopped = deferred<void>();
  readonly #done = deferred<void>();

  /** Throws a NetError when there is no descriptor left. */
  constructor(index: number, listeners: readonly number[], parts: WorkerHandleParts) {
    const { libc, options, slots } = parts;
    this.index = index;
    this.#parts = parts;
    this.listeners = listeners;
    this.mailbox = Mailbox.create(slots);
    this.#slots = Slots.create(slots, options.requeue);
    const memory = libc.alloc(ONE_SIZE + LINGER_SIZE);
    memory.bytes[0] = 1;
    putLinger(new DataView(memory.bytes.buffer), ONE_SIZE);
    this.#one = memory.at(0);
    this.#linger = memory.at(ONE_SIZE);
    this.eventfd = libc.eventfd(0, abi.EFD_NONBLOCK | abi.EFD_CLOEXEC);
    if (this.eventfd < 0) throw failureOf(libc.errno[0]!, "cannot make an eventfd");
  }

  /** Settles once the worker accepts. `peers` are all handles, this one included. */
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

  /** Gives it a connection that a dead worker was given; false: it takes none. */
  takeOver(fd: number, address: Uint8Array): boolean {
    if (!this.mailbox.inbox.put(0, fd, address)) return false;
    this.mailbox.announce();
    return true;
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

  get #closing(): boolean {
    return this.#closeWithin !== null;
  }

  #wake(): void {
    wake(this.mailbox, this.#parts.libc, this.eventfd, this.#one);
  }

  #spawn(): void {
    const { clock, libc, options, pool, threads } = this.#parts;
    this.#epoll = libc.epoll_create1(abi.EPOLL_CLOEXEC);
    if (this.#epoll < 0) {
      this.#cannotSpawn(failureOf(libc.errno[0]!, "cannot make an epoll set"));
      return;
    }
    this.#startedAt = clock.now();
    const worker = threads.start({
      index: this.index,
      epoch: this.#epoch++,
      pool: pool.handle,
      slots: this.#slots.buffer,
      epoll: this.#epoll,
      listeners: this.listeners,
      peers: this.#peers.map(({ index, mailbox: { buffer }, eventfd, listeners }) => ({
        index,
        mailbox: buffer,
        eventfd,
        listeners,
      })),
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
    else if (message.type === "died") this.#died(this.#worker!, message.error);
    else this.#readMailbox();
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
    const { libc, pool } = this.#parts;
    const slots = this.#slots;
    const now = libc.now();
    for (let slot = mailbox.nextRecord(); slot >= 0; slot = mailbox.nextRecord()) {
      into.push(recordOfSlot(slots, slot, pool, now));
      slots.setState(slot, FREE);
      mailbox.recycle();
    }
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = null;
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
    const { clock, libc, onRecord, onRecovered, onWarning, options, pool, slots } = this.#parts;
    pool.recover(this.index);
    const { mailbox } = this;
    const others = this.#peers.filter((peer) => peer !== this);
    const passOn = (fd: number, address: Uint8Array) => others.some((peer) => peer.takeOver(fd, address));
    const dropped = cleanUp({ libc, linger: this.#linger, mailbox, passOn, pool, slots: this.#slots }, onRecord);
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
    this.#slots = Slots.create(slots, options.requeue);
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
