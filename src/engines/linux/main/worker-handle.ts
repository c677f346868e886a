/**
 * The main thread's side of one worker thread: what it shares with it, its start, its records, its orders, and what there is
 * to do when it dies.
 */
import type { Worker } from "node:worker_threads";
import type { Pool } from "../../../pool/pool.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import { messageOf } from "../../../util/errors.ts";
import { Channel, DONE, RUNNING, ring, STOPPED_ACCEPTING } from "../shared/mailbox.ts";
import type { Turnstile } from "../shared/queue-baton.ts";
import { ACCEPTED_AT, CLIENT, ENDED, FD, FREE, SINCE, Slots, STATE, STRIDE, TARGET } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import { failureOf } from "../sys/errno.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { closePipe } from "../worker/pipe-pool.ts";
import type { ShardOptions } from "../worker/shard.ts";
import { startThread } from "../worker/thread.ts";
import type { WorkerMessage } from "../worker/worker.ts";
import { hasEnded, stopAtExit } from "./at-exit.ts";
import { recordOf, type TimedRecord } from "./records.ts";

/** ms before a thread is started again that died right after its start: a fault that repeats must not become a busy loop. */
const RESTART_MS = 1_000;

/** What all workers of an engine have in common. */
export interface HostParts {
  readonly libc: Libc;
  readonly pool: Pool;
  readonly options: ShardOptions;
  readonly turnstile: Turnstile;
  /** Slots per worker, a power of two. */
  readonly capacity: number;
  /** There may be records to read. */
  readonly onNews: () => void;
  /** Of connections that died with their worker. */
  readonly onRecord: (record: CloseRecord) => void;
  readonly onWarning: (kind: string, message: string, cause?: unknown) => void;
  /** A worker died: its places and waiters are gone, others may go on. */
  readonly onRecovered: () => void;
}

export class Host {
  readonly index: number;
  readonly channel: Channel;
  readonly eventfd: number;
  readonly #parts: HostParts;
  readonly #one: Pointer;
  readonly #listeners: readonly number[];
  #peers: readonly Host[] = [];
  #slots: Slots;
  #epoll = -1;
  #worker: Worker | null = null;
  #startedAt = 0;
  #epoch = 0;
  /** It has accepted once: a thread that dies before that fails the start, one that dies later is replaced. */
  #ran = false;
  /** The last timer that held a dead worker's successor back. */
  #respawning: ReturnType<typeof setTimeout> | undefined;
  #closeWithin = Number.POSITIVE_INFINITY;
  readonly #running = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();

  /** Throws a NetError when there is no descriptor left. */
  constructor(index: number, listeners: readonly number[], parts: HostParts) {
    const { libc, capacity } = parts;
    this.index = index;
    this.#parts = parts;
    this.#listeners = listeners;
    this.channel = Channel.create(capacity);
    this.#slots = Slots.create(capacity);
    const one = libc.alloc(8);
    one.bytes[0] = 1;
    this.#one = one.at(0);
    this.eventfd = libc.eventfd(0, abi.EFD_NONBLOCK | abi.EFD_CLOEXEC);
    if (this.eventfd < 0) throw failureOf(libc.errno[0]!, "cannot make an eventfd");
  }

  get slots(): Slots {
    return this.#slots;
  }

  /** Settles once the worker accepts. `peers` are all hosts, this one included. */
  start(peers: readonly Host[]): Promise<void> {
    this.#peers = peers;
    stopAtExit(this);
    this.#spawn();
    return this.#running.promise;
  }

  /** Hands the worker a grant of the queue. */
  grant(ticket: number): void {
    this.channel.grant(ticket);
    this.#wake();
  }

  /** Resets a connection that a handler has dropped. */
  drop(ticket: number): void {
    this.channel.drop(ticket);
    this.#wake();
  }

  /** Orders it to close; a later call may shorten the time. */
  close(timeout: number): void {
    this.#closeWithin = Math.min(this.#closeWithin, timeout);
    if (this.#worker !== null) {
      this.channel.order(this.#closeWithin);
      this.#wake();
    } else if (this.channel.state !== DONE) {
      clearTimeout(this.#respawning);
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
    this.channel.crash();
    this.#wake();
  }

  get #closing(): boolean {
    return this.#closeWithin !== Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    if (this.channel.mustWake()) ring(this.#parts.libc, this.eventfd, this.#one);
  }

  #spawn(): void {
    const { libc, options, pool, turnstile } = this.#parts;
    this.#epoll = libc.epoll_create1(abi.EPOLL_CLOEXEC);
    if (this.#epoll < 0) {
      this.#cannotSpawn(failureOf(libc.errno[0]!, "cannot make an epoll set"));
      return;
    }
    this.#startedAt = performance.now();
    const worker = startThread({
      index: this.index,
      epoch: this.#epoch++,
      pool: pool.shared,
      slots: this.#slots.buffer,
      epoll: this.#epoll,
      listeners: this.#listeners,
      peers: this.#peers.map(({ index, channel, eventfd }) => ({ index, channel: channel.buffer, eventfd })),
      options,
      turnstile: turnstile.buffer,
    });
    this.#worker = worker;
    worker.on("message", (message: WorkerMessage) => {
      if (worker === this.#worker) this.#hear(message);
    });
    worker.on("error", (error) => this.#died(worker, error));
    worker.on("exit", () => this.#died(worker, new Error("the thread has ended")));
    this.channel.listen();
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
    this.#respawning = setTimeout(() => this.#spawn(), RESTART_MS);
  }

  #hear(message: WorkerMessage): void {
    if (message.type === "warning") this.#parts.onWarning(message.kind, message.message);
    else if (message.type === "died") this.#died(this.#worker!, message.error);
    else this.#look();
  }

  #look(): void {
    const { state } = this.channel;
    if (state >= RUNNING) {
      this.#ran = true;
      this.#running.resolve();
    }
    if (state >= STOPPED_ACCEPTING) this.#stopped.resolve();
    this.#parts.onNews();
    if (state === DONE) this.#end();
  }

  /** Puts the records of connections that have ended into `into`, with the times at which they did. */
  takeRecords(into: TimedRecord[]): void {
    const { channel } = this;
    for (let slot = channel.next(); slot >= 0; slot = channel.next()) {
      const at = slot * STRIDE;
      const endedAt = this.#slots.doubles[(at >> 1) + ACCEPTED_AT]! + this.#slots.doubles[(at >> 1) + SINCE]!;
      into.push({ endedAt, record: recordOf(this.#slots, slot, this.#parts.pool) });
      this.#slots.words[at + STATE] = FREE;
      channel.recycle();
    }
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = null;
    hasEnded(this);
    this.#parts.libc.close(this.#epoll);
    this.#parts.libc.close(this.eventfd);
    // Its loop has ended, and nothing waits for it: what terminate() resolves to, or whether, makes no difference.
    Promise.resolve(worker?.terminate()).then(
      () => this.#done.resolve(),
      () => this.#done.resolve(),
    );
  }

  #died(worker: Worker, error: unknown): void {
    if (worker !== this.#worker) return; // an old one's last sound, or the end we have asked for
    this.#worker = null;
    worker.terminate();
    this.#parts.onNews();
    const { onRecovered, onWarning, pool } = this.#parts;
    pool.recover(this.index);
    this.#parts.turnstile.reset();
    const dropped = this.#dropAll();
    const young = this.channel.state < RUNNING || performance.now() - this.#startedAt < RESTART_MS;
    onWarning("worker", `worker thread ${this.index} has died with ${dropped} connections: ${messageOf(error)}`, error);
    this.#running.reject(error); // has no effect once it ran
    this.#parts.libc.close(this.#epoll);
    onRecovered();
    if (this.#closing || !this.#ran) {
      this.#giveUp();
      return;
    }
    this.channel.reset();
    this.#slots = Slots.create(this.#parts.capacity);
    if (young) this.#spawnLater();
    else this.#spawn();
  }

  /** There is no worker, and there will be none. */
  #giveUp(): void {
    this.channel.state = DONE;
    hasEnded(this);
    this.#stopped.resolve();
    this.#parts.libc.close(this.eventfd);
    this.#done.resolve();
  }

  /** Closes and reports what a dead worker had open; returns how many connections that were. */
  #dropAll(): number {
    const { libc, onRecord, pool } = this.#parts;
    const { words } = this.#slots;
    let dropped = 0;
    for (let slot = 0; slot < this.channel.span; slot++) {
      const at = slot * STRIDE;
      const state = words[at + STATE]!;
      if (state === FREE) continue;
      for (const end of [CLIENT, TARGET]) if (words[at + FD + end]! >= 0) libc.close(words[at + FD + end]!);
      if (state !== ENDED) dropped++;
      onRecord(recordOf(this.#slots, slot, pool));
    }
    for (let pipe = 0; 2 * pipe < this.channel.pipes.length; pipe++) closePipe(libc, this.channel.pipes, pipe);
    return dropped;
  }
}
