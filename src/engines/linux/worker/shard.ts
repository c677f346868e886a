/**
 * The state and the resources of one worker thread, which all its other files work on: descriptors, slots, buffers and the time.
 * The main thread owns the descriptors; this one only uses them.
 */

import type { SharedPool } from "../../../pool/pool.ts";
import type { Lifecycle } from "../../../proxy/lifecycle.ts";
import type { LifecycleOptions } from "../../../proxy/options.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import type { QueueBaton } from "../shared/queue-baton.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";
import { PipePool } from "./pipe-pool.ts";
import type { SlotStore } from "./slot-store.ts";
import { SmallArguments } from "./small-arguments.ts";
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

/** What the thread is told at its start; ms as in EngineOptions. */
export interface ShardOptions extends LifecycleOptions {
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
  readonly libc: Libc;
  readonly pool: SharedPool;
  readonly slots: SlotStore;
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
  readonly libc: Libc;
  readonly pool: SharedPool;
  readonly slots: SlotStore;
  readonly mailbox: Mailbox;
  readonly epoll: number;
  readonly eventfd: number;
  readonly listeners: readonly number[];
  readonly peers: ReadonlyMap<number, Peer>;
  readonly options: ShardOptions;
  readonly notifyMain: () => void;
  readonly warn: (kind: string, message: string) => void;
  readonly queueBaton: QueueBaton;
  /** The policy, which all steps report to. Set by the loop at its start. */
  lifecycle!: Lifecycle<number, number>;
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

  /** The time of this turn of the loop. */
  now: number;
  /** accept() calls per event at most: see accept.ts. */
  acceptBudget = 1;
  /** False while descriptors or slots are short, and once the engine closes. */
  accepting = false;
  /** Open connections from which on descriptors may be short: see accept.ts. */
  tightFrom = Number.POSITIVE_INFINITY;
  /** When to try again to accept, after descriptors were short. */
  acceptAgainAt = Number.POSITIVE_INFINITY;
  /** Records were pushed in this turn. */
  recordsPushed = false;
  /** Bytes that each direction may move in this turn: see relay.ts. */
  share = 0;
  /** Directions (2 * slot + end) that used up their share and go on after the other events. */
  again: number[] = [];
  /** Connections with bytes that the pool has not been told of. */
  unreported: number[] = [];
  /** Commands of the main thread that were carried out. */
  commandsSeen = 0;
  /** The next position in the ring of messages. */
  messagesTaken = 0;

  constructor(parts: ShardParts) {
    const { libc, slots } = parts;
    const layout = abi.EPOLL_EVENT[process.arch]!;
    this.index = parts.index;
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
    this.now = libc.now();
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

function copyOf(libc: Libc, bytes: Uint8Array): NativeMemory {
  const memory = libc.alloc(Math.max(1, bytes.length));
  memory.bytes.set(bytes);
  return memory;
}
