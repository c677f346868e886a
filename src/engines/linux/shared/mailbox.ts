/**
 * What a worker and the main thread tell each other while the worker never leaves its loop: words in shared memory, a ring of
 * connections that have ended (worker → main thread), a ring of connections to be dropped (main thread → worker), and an inbox for
 * those that other workers hand over. An eventfd wakes the worker from epoll_wait, for what stands here or in the pool's memory;
 * any thread may write it, and does so only when the worker has said that it sleeps.
 *
 * A slot that has ended stays in the ring of records until the main thread has read it, and is used anew only then; so the
 * ring, as long as there are slots, can never be full.
 */
import type { Libc, Pointer } from "../sys/libc.ts";
import { INBOX_WORDS, Inbox } from "./inbox.ts";

// Words of the header, each on a cache line of its own where two threads write.
const SLEEPING = 0;
const RECORDS_PUSHED = 16;
const RECORDS_READ = 32;
/** 1: the main thread wants to be notified of the next record. */
const NOTICE_REQUESTED = 33;
const DROPS_SENT = 48;
/** Counts the main thread's commands, and the connections that were put into the inbox: a look at one word tells of all. */
const COMMANDS = 64;
/** Plus one; 0: it has not been told to close. */
const CLOSE_WITHIN = 65;
const CRASH = 66;
const ACCEPT_WITHIN = 67;
/** Counts what was posted: see orders.ts. */
const ORDERS = 68;
/** The worker's progress: RUNNING … */
const STATE = 80;
/** Slots below this have been used. */
const SPAN = 81;
/** The worker's connections that wait in a queue, or are asked what they want: each is going to need a descriptor for its target. */
const WAITING = 82;
/** The thread's number in the system; 0: not known. */
const TID = 83;
/** Ends of the worker's pipe: in shared memory, so that they can be closed after its death. */
const PIPE = 96;
const INBOX = 112;
const HEADER_WORDS = INBOX + INBOX_WORDS;

// Values of SLEEPING.
const AWAKE = 0;
const ASLEEP = 1;
/** Somebody has written the eventfd. */
const WOKEN = 2;

/** A worker's progress, in order; 0 until it runs. */
export const RUNNING = 1;
/** No longer accepts: the listeners may be closed. */
export const STOPPED_ACCEPTING = 2;
/** Its last connection is over and its loop has ended. */
export const DONE = 3;

/** The longest time that a word holds stands for no limit: 24 days. */
const FOREVER = 0x7fff_ffff;

export class Mailbox {
  readonly buffer: SharedArrayBuffer;
  /** Read end and write end of the worker's pipe, each plus one; 0 while there is none. */
  readonly pipe: Int32Array;
  /** Connections from other workers. */
  readonly inbox: Inbox;
  readonly #words: Int32Array;
  readonly #records: Int32Array;
  /** Tickets, each plus one. */
  readonly #drops: Int32Array;
  readonly #mask: number;

  constructor(buffer: SharedArrayBuffer) {
    const capacity = (buffer.byteLength / 4 - HEADER_WORDS) / 2;
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, HEADER_WORDS);
    this.pipe = this.#words.subarray(PIPE, PIPE + 2);
    this.inbox = new Inbox(this.#words.subarray(INBOX, INBOX + INBOX_WORDS));
    this.#records = new Int32Array(buffer, HEADER_WORDS * 4, capacity);
    this.#drops = new Int32Array(buffer, (HEADER_WORDS + capacity) * 4, capacity);
    this.#mask = capacity - 1;
  }

  /** `capacity` is a power of two: the worker's slots. */
  static create(capacity: number): Mailbox {
    return new Mailbox(new SharedArrayBuffer((HEADER_WORDS + 2 * capacity) * 4));
  }

  // Worker: sleeping.

  /** From here on others must write the eventfd. What came before this is seen by looking once more after it. */
  fallAsleep(): void {
    Atomics.store(this.#words, SLEEPING, ASLEEP);
  }

  awake(): void {
    Atomics.store(this.#words, SLEEPING, AWAKE);
  }

  /** It has nothing to do, or has not come round to what it was woken for. */
  get asleep(): boolean {
    return Atomics.load(this.#words, SLEEPING) !== AWAKE;
  }

  /** True: the worker sleeps, and the caller has to write the eventfd. */
  mustWake(): boolean {
    const words = this.#words;
    return (
      Atomics.load(words, SLEEPING) === ASLEEP && Atomics.compareExchange(words, SLEEPING, ASLEEP, WOKEN) === ASLEEP
    );
  }

  // Records: worker → main thread.

  pushRecord(slot: number): void {
    const pushed = this.#words[RECORDS_PUSHED]!;
    this.#records[pushed & this.#mask] = slot;
    Atomics.store(this.#words, RECORDS_PUSHED, (pushed + 1) | 0);
  }

  /** Worker: how many so far. */
  get recordsPushed(): number {
    return this.#words[RECORDS_PUSHED]!;
  }

  /** True: the main thread has requested a notice of records, and the caller has to give it. */
  mustNotify(): boolean {
    return (
      Atomics.load(this.#words, NOTICE_REQUESTED) === 1 && Atomics.exchange(this.#words, NOTICE_REQUESTED, 0) === 1
    );
  }

  /** Main thread: the next slot that has ended, or -1. The slot is the worker's again after `recycle()`. */
  nextRecord(): number {
    const read = this.#words[RECORDS_READ]!;
    return read === Atomics.load(this.#words, RECORDS_PUSHED) ? -1 : this.#records[read & this.#mask]!;
  }

  /** Main thread: it has read that slot's record. */
  recycle(): void {
    Atomics.store(this.#words, RECORDS_READ, (this.#words[RECORDS_READ]! + 1) | 0);
  }

  /** Main thread: requests a notice of the next record. True: there is one already, and no notice will come. */
  requestNotice(): boolean {
    Atomics.store(this.#words, NOTICE_REQUESTED, 1);
    return this.nextRecord() >= 0 && this.mustNotify();
  }

  /** Worker: hands back the slots whose records were read since `from`; returns where to begin the next time. */
  reclaim(from: number, free: number[]): number {
    const read = Atomics.load(this.#words, RECORDS_READ);
    for (; from !== read; from = (from + 1) | 0) free.push(this.#records[from & this.#mask]!);
    return from;
  }

  // Drops: main thread → worker.

  /**
   * The connection is to be reset: the handler that answers it has dropped it. The ring has room, since a worker has fewer
   * connections than slots.
   */
  drop(ticket: number): void {
    const sent = this.#words[DROPS_SENT]!;
    this.#words[DROPS_SENT] = (sent + 1) | 0;
    Atomics.store(this.#drops, sent & this.#mask, ticket + 1);
  }

  hasDrop(position: number): boolean {
    return Atomics.load(this.#drops, position & this.#mask) !== 0;
  }

  /** Worker: the ticket at `position`, or -1 when there is none yet. */
  takeDrop(position: number): number {
    const drop = Atomics.load(this.#drops, position & this.#mask);
    if (drop !== 0) Atomics.store(this.#drops, position & this.#mask, 0);
    return drop - 1;
  }

  // Commands: main thread → worker; any thread → worker for the inbox.

  /** Something was put into the inbox. */
  announce(): void {
    Atomics.add(this.#words, COMMANDS, 1);
  }

  /** An order was posted. */
  announceOrder(): void {
    Atomics.add(this.#words, ORDERS, 1);
    this.announce();
  }

  /** Orders that were posted, to whoever has this worker's number. */
  get orders(): number {
    return Atomics.load(this.#words, ORDERS);
  }

  /** Close: accept for so many ms yet, and drop what is still served after `within` ms. */
  close(within: number, acceptWithin: number): void {
    Atomics.store(this.#words, ACCEPT_WITHIN, acceptWithin);
    Atomics.store(this.#words, CLOSE_WITHIN, Math.min(within + 1, FOREVER));
    Atomics.add(this.#words, COMMANDS, 1);
  }

  /** The worker throws at its next turn, and drops everything with that. */
  crash(): void {
    Atomics.store(this.#words, CRASH, 1);
    Atomics.add(this.#words, COMMANDS, 1);
  }

  get commands(): number {
    return Atomics.load(this.#words, COMMANDS);
  }

  get closeCommanded(): boolean {
    return Atomics.load(this.#words, CLOSE_WITHIN) !== 0;
  }

  get closeWithin(): number {
    const within = Atomics.load(this.#words, CLOSE_WITHIN);
    return within === FOREVER ? Number.POSITIVE_INFINITY : within - 1;
  }

  get acceptWithin(): number {
    return Atomics.load(this.#words, ACCEPT_WITHIN);
  }

  get crashCommanded(): boolean {
    return Atomics.load(this.#words, CRASH) === 1;
  }

  // Progress of the worker.

  get state(): number {
    return Atomics.load(this.#words, STATE);
  }

  set state(state: number) {
    Atomics.store(this.#words, STATE, state);
    Atomics.notify(this.#words, STATE);
  }

  /** Blocks this thread until the worker has come so far, or `ms` have passed. */
  waitFor(state: number, ms: number): void {
    const deadline = performance.now() + ms;
    for (let seen = this.state; seen < state; seen = this.state) {
      const left = deadline - performance.now();
      if (left <= 0 || Atomics.wait(this.#words, STATE, seen, left) === "timed-out") return;
    }
  }

  get tid(): number {
    return Atomics.load(this.#words, TID);
  }

  set tid(tid: number) {
    Atomics.store(this.#words, TID, tid);
  }

  get span(): number {
    return Atomics.load(this.#words, SPAN);
  }

  set span(span: number) {
    Atomics.store(this.#words, SPAN, span);
  }

  /** At the end of a turn exactly, within one at most: shortage.ts asks, and who wakes those that were looked up. */
  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  set waiting(waiting: number) {
    this.#words[WAITING] = waiting;
  }

  /** Main thread, while the worker does not run: as new. */
  reset(): void {
    this.#words.fill(0);
    this.#records.fill(0);
    this.#drops.fill(0);
  }
}

/**
 * Wakes the worker if it sleeps: after its mailbox has been written, by any thread. `one` points to eight bytes: 1,
 * little-endian.
 */
export function wake(mailbox: Mailbox, libc: Libc, eventfd: number, one: Pointer): void {
  if (mailbox.mustWake()) libc.write(eventfd, one, 8); // fails only when the counter is full: then it is readable as it is
}
