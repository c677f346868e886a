/**
 * The state and the resources of one worker thread, which all its other files work on: descriptors, slots, buffers and the time.
 * The main thread owns the descriptors; this one only uses them.
 */

import type { Grant, Pool } from "../../../pool/pool.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { type Mailbox, wake } from "../shared/mailbox.ts";
import type { QueueBaton } from "../shared/queue-baton.ts";
import { now } from "../shared/slot-layout.ts";
import type { Slots } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";
import { PipePool } from "./pipe-pool.ts";
import { TargetAddresses } from "./target-addresses.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { WriteBufferPool } from "./write-buffer.ts";

/** Bytes of the one buffer that all connections of a thread are moved through. */
export const BUFFER_BYTES = 64 * 1024;
/** Events taken from the kernel at once. */
export const BATCH = 256;

/** Events that are no connection's: low data words from here on. Slots stay below. */
export const LISTENER_EVENT = 0x4000_0000;
export const WAKE_EVENT = 0x7fff_ffff;

/** At most 2^20 slots, so that a ticket (slot, 7 bits of generation, 3 of epoch) and an event's low word (slot and end) stay below 2^30. */
export const MAX_SLOTS = 1 << 20;
const TICKET_GENERATIONS = 1 << 7;
const TICKET_EPOCHS = 1 << 3;

/** What the thread is told at its start; ms as in EngineOptions. */
export interface ShardOptions {
  readonly requeue: number;
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly queueTimeout: number;
  /** Sent to those who get no target; null: they are closed. */
  readonly text: Uint8Array | null;
  /** Where the main thread takes connections for the handler form of `unavailable`, and the secret that opens it. */
  readonly handler: { readonly port: number; readonly secret: Uint8Array } | null;
  /** Descriptors from this number on are left to the rest of the process: no accepting while they are reached. */
  readonly descriptorCeiling: number;
}

/** How another thread is reached. */
export interface Peer {
  readonly mailbox: Mailbox;
  readonly eventfd: number;
}

export interface ShardParts {
  /** 1…; the pool's number of this thread. */
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly libc: Libc;
  readonly pool: Pool;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
  readonly epoll: number;
  readonly eventfd: number;
  readonly listeners: readonly number[];
  /** By worker number; this thread's own included. */
  readonly peers: ReadonlyMap<number, Peer>;
  readonly options: ShardOptions;
  readonly queueBaton: QueueBaton;
  /** Tells the main thread that there is something to read in the mailbox. */
  readonly notifyMain: () => void;
  /** Something an operator should know; `kind` groups repetitions. */
  readonly warn: (kind: string, message: string) => void;
}

export class Shard {
  readonly index: number;
  readonly epoch: number;
  readonly libc: Libc;
  readonly pool: Pool;
  readonly slots: Slots;
  readonly mailbox: Mailbox;
  readonly epoll: number;
  readonly eventfd: number;
  readonly listeners: readonly number[];
  readonly peers: ReadonlyMap<number, Peer>;
  readonly options: ShardOptions;
  readonly notifyMain: () => void;
  readonly warn: (kind: string, message: string) => void;
  readonly queueBaton: QueueBaton;
  /**
   * Continues a connection of this thread whose turn in the queue has come, as QueueBaton wants it. Set by the loop at its
   * start. Functions that are made once, so that serving the queue allocates nothing.
   */
  ownGrant: (ticket: number) => boolean = () => {
    throw new Error("a grant before the loop runs");
  };
  readonly foreignGrant = (grant: Grant) => this.#passGrant(grant);

  readonly timers: TimerWheel;
  readonly addresses: TargetAddresses;
  readonly writeBuffers: WriteBufferPool;
  readonly pipes: PipePool;

  /** Received bytes on their way; nothing stays in it from one step to the next. */
  readonly io: NativeMemory;
  readonly ioStart: Pointer;
  /** The unavailable text. */
  readonly text: NativeMemory | null;
  /** The batch of events, as words; `eventWords` per event, its data at `dataWord`. */
  readonly events: Int32Array;
  readonly eventsStart: Pointer;
  readonly eventWords: number;
  readonly dataWord: number;
  /** Small arguments of calls, at fixed places. */
  readonly small: SmallArguments;
  /** Rows that have failed, for the few connections that have any. */
  readonly tried = new Map<number, number[]>();

  /** The time of this turn of the loop. */
  now: number;
  /** Connections that are not over. */
  open = 0;
  /** Connections in the queue. */
  waiting = 0;
  closing = false;
  /** When what is served is dropped; after that, when what is being answered is. */
  abortAt = Number.POSITIVE_INFINITY;
  servedAborted = false;
  /** accept() calls per event at most: see accept.ts. */
  acceptBudget = 1;
  /** False while descriptors or slots are short, and once the engine closes. */
  accepting = false;
  /** Open connections from which on descriptors may be short: see accept.ts. */
  tightFrom = Number.POSITIVE_INFINITY;
  /** When to try again to accept, after descriptors were short. */
  acceptAgainAt = Number.POSITIVE_INFINITY;
  /** A permit or room on a target has become free: waiters may go on. */
  roomFreed = false;
  /** Records were pushed in this turn. */
  recordsPushed = false;
  /** The number of passes over the queue. */
  passes = 0;
  /** Directions (2 * slot + end) that used up their turn and go on after the other events. */
  again: number[] = [];
  /** Connections with bytes that the pool has not been told of. */
  unreported: number[] = [];
  /** Commands of the main thread that were carried out. */
  commandsSeen = 0;
  /** The next position in the ring of messages. */
  messagesTaken = 0;

  readonly #free: number[] = [];
  #reclaimed = 0;
  /** Slots from here on have never been used. */
  #unused = 0;

  constructor(parts: ShardParts) {
    const { libc, slots } = parts;
    const layout = abi.EPOLL_EVENT[process.arch]!;
    this.index = parts.index;
    this.epoch = parts.epoch;
    this.libc = libc;
    this.pool = parts.pool;
    this.slots = slots;
    this.mailbox = parts.mailbox;
    this.epoll = parts.epoll;
    this.eventfd = parts.eventfd;
    this.listeners = parts.listeners;
    this.peers = parts.peers;
    this.options = parts.options;
    this.queueBaton = parts.queueBaton;
    this.notifyMain = parts.notifyMain;
    this.warn = parts.warn;
    this.now = now();
    this.timers = new TimerWheel(slots, this.now);
    this.addresses = new TargetAddresses(libc, parts.pool);
    this.writeBuffers = new WriteBufferPool(libc, BUFFER_BYTES);
    this.pipes = new PipePool(libc, parts.mailbox.pipes);
    this.io = libc.alloc(BUFFER_BYTES);
    this.ioStart = this.io.at(0);
    this.text = parts.options.text === null ? null : copyOf(libc, parts.options.text);
    const events = libc.alloc(BATCH * layout.size);
    this.events = new Int32Array(events.bytes.buffer);
    this.eventsStart = events.at(0);
    this.eventWords = layout.size / 4;
    this.dataWord = layout.data / 4;
    this.small = new SmallArguments(libc, layout);
  }

  /** Slots that may be in use are below this. */
  get span(): number {
    return this.#unused;
  }

  /** A slot that is not in use, or -1 while there is none. */
  takeSlot(): number {
    if (this.#free.length === 0) this.#reclaimed = this.mailbox.reclaim(this.#reclaimed, this.#free);
    if (this.#free.length > 0) return this.#free.pop()!;
    if (this.#unused === this.slots.capacity) return -1;
    this.mailbox.span = this.#unused + 1;
    return this.#unused++;
  }

  /** Gives back a slot that was taken and never used. */
  returnSlot(slot: number): void {
    this.#free.push(slot);
  }

  /** Names a connection in the pool's queue. */
  ticket(slot: number): number {
    const generation = this.slots.generation(slot, CLIENT) & (TICKET_GENERATIONS - 1);
    return (slot * TICKET_GENERATIONS + generation) * TICKET_EPOCHS + (this.epoch & (TICKET_EPOCHS - 1));
  }

  /** The slot of a ticket, or -1 when its connection is over. */
  slotOf(ticket: number): number {
    const slot = Math.floor(ticket / (TICKET_GENERATIONS * TICKET_EPOCHS));
    return slot < this.#unused && this.ticket(slot) === ticket ? slot : -1;
  }

  /** Whether a ticket is of a thread that had this one's number before it, and has died. */
  isForeign(ticket: number): boolean {
    return (ticket & (TICKET_EPOCHS - 1)) !== (this.epoch & (TICKET_EPOCHS - 1));
  }

  /** Tells another thread that a connection of its may go on. */
  #passGrant({ worker, ticket }: Grant): void {
    const peer = this.peers.get(worker);
    if (peer === undefined) throw new Error(`the queue names worker ${worker}, which does not exist`);
    peer.mailbox.grant(ticket);
    if (peer.mailbox.mustWake()) wake(this.libc, peer.eventfd, this.small.one);
  }

  /** Watches a connection's end; reports come edge-triggered, once per change, for as long as the descriptor is open. */
  watch(fd: number, slot: number, end: number): number {
    const all = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLRDHUP | abi.EPOLLPRI | abi.EPOLLET;
    return this.watchAs(fd, all, 2 * slot + end, this.slots.generation(slot, end));
  }

  watchAs(fd: number, events: number, low: number, high: number): number {
    this.small.setEvent(events, low, high);
    return this.libc.epoll_ctl(this.epoll, abi.EPOLL_CTL_ADD, fd, this.small.event);
  }
}

/** Memory for the arguments of calls that take a pointer to something small. */
class SmallArguments {
  readonly #view: DataView;
  readonly #layout: abi.EpollLayout;
  readonly event: Pointer;
  /** A sockaddr, to be filled by hand or by a call. */
  readonly address: Pointer;
  readonly addressBytes: Uint8Array;
  /** A socklen_t. */
  readonly length: Pointer;
  /** 1, as an int and as eight bytes. */
  readonly one: Pointer;
  /** struct linger { on: 1, seconds: 0 }: close() then sends a reset. */
  readonly linger: Pointer;
  /** An int for results. */
  readonly result: Pointer;
  /** Eight bytes to read an eventfd into. */
  readonly counter: Pointer;

  constructor(libc: Libc, layout: abi.EpollLayout) {
    const memory = libc.alloc(256);
    this.#view = new DataView(memory.bytes.buffer);
    this.#layout = layout;
    this.event = memory.at(0);
    this.length = memory.at(16);
    this.one = memory.at(24); // eight bytes, the upper four 0
    this.linger = memory.at(32);
    this.result = memory.at(40);
    this.counter = memory.at(48);
    this.address = memory.at(64);
    this.addressBytes = memory.bytes.subarray(64, 64 + abi.SOCKADDR_MAX);
    this.#view.setInt32(24, 1, true);
    this.#view.setInt32(32, 1, true);
  }

  setEvent(events: number, low: number, high: number): void {
    this.#view.setInt32(0, events, true);
    this.#view.setInt32(this.#layout.data, low, true);
    this.#view.setInt32(this.#layout.data + 4, high, true);
  }

  setLength(length: number): void {
    this.#view.setUint32(16, length, true);
  }

  getResult(): number {
    return this.#view.getInt32(40, true);
  }
}

function copyOf(libc: Libc, bytes: Uint8Array): NativeMemory {
  const memory = libc.alloc(Math.max(1, bytes.length));
  memory.bytes.set(bytes);
  return memory;
}
