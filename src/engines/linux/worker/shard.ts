/**
 * The state and the resources of one worker thread, which all its other files work on: descriptors, slots, buffers and the time.
 * Epoll set, eventfd and listeners are the main thread's, which closes them; what is accepted, dialled or piped is this one's.
 */

import { probingOf } from "../../../net/keepalive.ts";
import { type PoolHandle, SharedPool } from "../../../pool/pool.ts";
import type { Lifecycle } from "../../../proxy/lifecycle.ts";
import type { LifecycleOptions } from "../../../proxy/options.ts";
import { Mailbox } from "../shared/mailbox.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";
import { Fifo } from "./fifo.ts";
import { Pipe } from "./pipe.ts";
import { type Peer, Shares } from "./shares.ts";
import { SlotStore } from "./slot-store.ts";
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
  /** As in EngineOptions. */
  readonly keepalive: number;
  /** As in Capacity. */
  readonly descriptorCeiling: number;
  readonly dialCeiling: number;
}

export interface PeerData {
  readonly index: number;
  readonly mailbox: SharedArrayBuffer;
  readonly eventfd: number;
  readonly listeners: readonly number[];
}

/** What the main thread hands a worker, all of it plain or shared memory. */
export interface WorkerData {
  /** 1…; the pool's number of this thread. */
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly pool: PoolHandle;
  readonly slots: SharedArrayBuffer;
  readonly epoll: number;
  readonly listeners: readonly number[];
  /** All workers, this one included. */
  readonly peers: readonly PeerData[];
  readonly options: ShardOptions;
}

/** To the main thread: a notice that there is something to read in the mailbox, a warning, or why the thread ends. */
export type WorkerMessage =
  | { readonly type: "notice" }
  | { readonly type: "warning"; readonly kind: string; readonly message: string }
  | { readonly type: "died"; readonly error: unknown };

const NOTICE: WorkerMessage = { type: "notice" };

/** What is watched for at a connection's end. */
const ALL_EDGES = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLRDHUP | abi.EPOLLPRI | abi.EPOLLET;

export class Shard {
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
  /** Who of them has room. */
  readonly shares: Shares;
  readonly options: ShardOptions;
  /** Tells the main thread that there is something to read in the mailbox. */
  readonly notifyMain: () => void;
  /** Something an operator should know; `kind` groups repetitions. */
  readonly warn: (kind: string, message: string) => void;
  /** The policy, which all steps report to. Set by the loop at its start. */
  lifecycle!: Lifecycle<number, number>;
  readonly timers: TimerWheel;
  readonly addresses: TargetAddresses;
  readonly writeBuffers: WriteBufferPool;
  readonly pipe: Pipe;

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
  /** False while descriptors or slots are short, and once the thread has stopped accepting. */
  accepting = false;
  /** Open connections from which on descriptors may be short: see accept.ts. */
  tightFrom = Number.POSITIVE_INFINITY;
  /** When to try again to accept, after descriptors were short. */
  acceptAgainAt = Number.POSITIVE_INFINITY;
  /** When to stop accepting, once the engine closes. */
  acceptUntil = Number.POSITIVE_INFINITY;
  /** Records were pushed in this turn. */
  recordsPushed = false;
  /** Directions (2 * slot + end) that have more to move than they could so far. */
  readonly busy = new Fifo();
  /** When a small message was last moved. */
  messageAt = Number.NEGATIVE_INFINITY;
  /** Connections with bytes that the pool has not been told of. */
  unreported: number[] = [];
  /** Commands of the main thread that were carried out. */
  commandsSeen = 0;
  /** The next position in the ring of drops. */
  dropsTaken = 0;

  /** `post` tells the main thread. */
  constructor(data: WorkerData, libc: Libc, post: (message: WorkerMessage) => void) {
    const { index, options } = data;
    this.index = index;
    this.libc = libc;
    this.peers = peersOf(data);
    const { mailbox, eventfd } = this.peers.get(index)!;
    this.mailbox = mailbox;
    this.eventfd = eventfd;
    this.pool = SharedPool.attach(data.pool, index);
    this.slots = new SlotStore(data.slots, options.requeue, mailbox, data.epoch);
    this.epoll = data.epoll;
    this.listeners = data.listeners;
    this.options = options;
    this.notifyMain = () => post(NOTICE);
    this.warn = (kind, message) => post({ type: "warning", kind, message });
    this.now = libc.now();
    this.timers = new TimerWheel(this.slots, this.now);
    this.addresses = new TargetAddresses(libc, this.pool);
    this.writeBuffers = new WriteBufferPool(libc, BUFFER_BYTES);
    this.pipe = new Pipe(libc, mailbox.pipe);
    this.io = libc.alloc(BUFFER_BYTES);
    this.ioStart = this.io.at(0);
    this.text = options.text === null ? null : copyOf(libc, options.text);
    const layout = abi.EPOLL_EVENT[process.arch]!;
    const events = libc.alloc(BATCH * layout.size);
    this.events = new Int32Array(events.bytes.buffer);
    this.eventsStart = events.at(0);
    this.eventWords = layout.size / 4;
    this.dataWord = layout.data / 4;
    this.small = new SmallArguments(libc, layout, probingOf(this.options.keepalive));
    this.shares = new Shares(
      mailbox.inbox,
      [...this.peers.values()].filter((peer) => peer.mailbox !== mailbox),
      libc,
      this.small,
    );
  }

  /** Watches a connection's end; reports come edge-triggered, once per change, for as long as the descriptor is open. */
  watch(fd: number, slot: number, end: number): number {
    return this.watchAs(fd, ALL_EDGES, 2 * slot + end, this.slots.generation(slot, end));
  }

  /** Has the kernel report once more what holds at a connection's end, and every change after that. */
  watchAnew(fd: number, slot: number, end: number): void {
    this.small.setEvent(ALL_EDGES, 2 * slot + end, this.slots.generation(slot, end));
    this.libc.epoll_ctl(this.epoll, abi.EPOLL_CTL_MOD, fd, this.small.event);
  }

  watchAs(fd: number, events: number, low: number, high: number): number {
    this.small.setEvent(events, low, high);
    return this.libc.epoll_ctl(this.epoll, abi.EPOLL_CTL_ADD, fd, this.small.event);
  }
}

function peersOf({ peers }: WorkerData): ReadonlyMap<number, Peer> {
  return new Map(
    peers.map(({ index, mailbox, eventfd, listeners }) => [
      index,
      { mailbox: new Mailbox(mailbox), eventfd, listeners },
    ]),
  );
}

function copyOf(libc: Libc, bytes: Uint8Array): NativeMemory {
  const memory = libc.alloc(Math.max(1, bytes.length));
  memory.bytes.set(bytes);
  return memory;
}
