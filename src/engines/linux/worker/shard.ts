/**
 * The state and the resources of one worker thread, which all its other files work on: descriptors, slots, buffers and the time.
 * Epoll set, eventfd and listeners are the main thread's, which closes them; what is accepted, dialled or piped is this one's.
 */

import type { Lifecycle } from "../../../proxy/lifecycle.ts";
import { FactsMemory } from "../shared/facts-memory.ts";
import { Mailbox } from "../shared/mailbox.ts";
import type { Bridge, EdgeData, ListenerData, PoolData, PostedOrder } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";
import { Fifo } from "./fifo.ts";
import type { WorkerListener } from "./listener.ts";
import { Lobby } from "./lobby.ts";
import { OrderBox } from "./order-box.ts";
import { Pipe } from "./pipe.ts";
import type { PoolPart, RelayWatch, TargetSockets } from "./pool-part.ts";
import { type Peer, Shares } from "./shares.ts";
import { SlotStore } from "./slot-store.ts";
import { SmallArguments } from "./small-arguments.ts";
import { AddressMemory } from "./target-addresses.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { WriteBufferPool } from "./write-buffer.ts";

/** Bytes of the one buffer that all connections of a thread are moved through. */
export const BUFFER_BYTES = 64 * 1024;
/** Events taken from the kernel at once. */
export const BATCH = 256;

/** Events that are no connection's: low data words from here on. Slots stay below. A listener's is this plus its number. */
export const LISTENER_EVENT = 0x4000_0000;
export const WAKE_EVENT = 0x7fff_ffff;

/** As in Capacity. */
export interface ShardOptions {
  readonly descriptorCeiling: number;
  readonly dialCeiling: number;
}

export interface PeerData {
  readonly index: number;
  readonly mailbox: SharedArrayBuffer;
  readonly eventfd: number;
}

/** What the main thread hands a worker at its start, all of it plain or shared memory. What changes later comes as orders. */
export interface WorkerData {
  /** 1…; what the pools call this thread. */
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly slots: SharedArrayBuffer;
  readonly epoll: number;
  readonly pools: readonly PoolData[];
  readonly edges: readonly EdgeData[];
  readonly listeners: readonly ListenerData[];
  /** As the order "facts"; null: no listener asks for anything. */
  readonly facts: SharedArrayBuffer | null;
  readonly bridge: Bridge | null;
  /** All workers, this one included. */
  readonly peers: readonly PeerData[];
  readonly options: ShardOptions;
}

/**
 * To the main thread: a notice that there is something to read in the mailbox, the number of a pool of which clients are to be looked up or were, a
 * warning, an order's serial, or why the thread ends.
 */
export type WorkerMessage =
  | { readonly type: "notice" }
  | { readonly type: "lookUpWanted" | "served"; readonly pool: number }
  | { readonly type: "warning"; readonly kind: string; readonly message: string }
  | { readonly type: "done"; readonly serial: number }
  | { readonly type: "died"; readonly error: unknown };

const NOTICE: WorkerMessage = { type: "notice" };

/** What is watched for at a connection's end. */
const ALL_EDGES = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLRDHUP | abi.EPOLLPRI | abi.EPOLLET;

export class Shard {
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly libc: Libc;
  readonly slots: SlotStore;
  readonly mailbox: Mailbox;
  readonly epoll: number;
  readonly eventfd: number;
  /** What the main thread has told of, and wants. */
  readonly orders: OrderBox;
  /** By number; undefined: there is none, or it has had no connection here. */
  readonly parts: (PoolPart | undefined)[] = [];
  /** Connections that are no pool's yet. */
  readonly lobby: Lobby;
  /** By number. */
  readonly listeners: (WorkerListener | undefined)[] = [];
  /** By worker number; this thread's own included. */
  readonly peers: ReadonlyMap<number, Peer>;
  /** Who of them has room. */
  readonly shares: Shares;
  readonly options: ShardOptions;
  /** Tells the main thread that there is something to read in the mailbox. */
  readonly notifyMain: () => void;
  /** Clients of the pool of that number are to be looked up, or were and have gone on. */
  readonly tellOfLookUps: (what: "lookUpWanted" | "served", pool: number) => void;
  /** Something an operator should know; `kind` groups repetitions. */
  readonly warn: (kind: string, message: string) => void;
  /** An order was carried out. */
  readonly done: (serial: number) => void;
  readonly timers: TimerWheel;
  readonly addressMemory: AddressMemory;
  readonly writeBuffers: WriteBufferPool;
  readonly pipe: Pipe;

  /** Received bytes on their way; nothing stays in it from one step to the next. */
  readonly io: NativeMemory;
  readonly ioStart: Pointer;
  /** The batch of events, as words; `eventWords` per event, its data at `dataWord`. */
  readonly events: Int32Array;
  readonly eventsStart: Pointer;
  readonly eventWords: number;
  readonly dataWord: number;
  /** Small arguments of calls, at fixed places. */
  readonly small: SmallArguments;

  /** The time of this turn of the loop. */
  now: number;
  /** Connections that are not over, in all pools. */
  open = 0;
  /** False while descriptors or slots are short, and once the thread has stopped accepting. */
  accepting = false;
  /** Listeners that are not in the epoll set: see accept.ts. */
  readonly unwatched: WorkerListener[] = [];
  /** Open connections from which on descriptors may be short: see shortage.ts. */
  tightFrom = Number.POSITIVE_INFINITY;
  /** When to try again to accept, after descriptors were short. */
  acceptAgainAt = Number.POSITIVE_INFINITY;
  /** The engine closes. */
  stopping = false;
  /** When to stop accepting then. */
  acceptUntil = Number.POSITIVE_INFINITY;
  /** When something ends: see wind-up.ts. */
  windUpAt = Number.POSITIVE_INFINITY;
  /** Pools that are to be forgotten, and the serials of the orders that say so. */
  readonly leaving: { readonly number: number; readonly serial: number }[] = [];
  /** Pools with waiters of this thread, and perhaps some that had. */
  readonly queued: PoolPart[] = [];
  /** Pools in which room may have become free in this turn. */
  readonly freed: PoolPart[] = [];
  /** Pools whose targets are looked at, and when that is due: looks.ts. */
  looking: PoolPart[] = [];
  lookAt = Number.POSITIVE_INFINITY;
  /** One for each limit that a pool has. */
  deadPaths: readonly RelayWatch[] = [];
  /** By what is wished. */
  readonly targetSockets = new Map<string, TargetSockets>();
  /** Where handlers take connections. */
  bridge: Bridge | null;
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

  /** `post` tells the main thread, and `receive` takes what that has posted. */
  constructor(data: WorkerData, libc: Libc, post: (message: WorkerMessage) => void, receive: () => PostedOrder | null) {
    const { index } = data;
    this.index = index;
    this.epoch = data.epoch;
    this.libc = libc;
    this.peers = peersOf(data);
    const { mailbox, eventfd } = this.peers.get(index)!;
    this.mailbox = mailbox;
    this.eventfd = eventfd;
    this.orders = new OrderBox(data.pools, data.edges, receive);
    this.bridge = data.bridge;
    this.lobby = new Lobby(data.peers.length);
    this.slots = new SlotStore(data.slots, this.parts, mailbox, data.epoch);
    if (data.facts !== null) this.slots.facts = new FactsMemory(data.facts);
    this.epoll = data.epoll;
    this.options = data.options;
    this.notifyMain = () => post(NOTICE);
    this.done = (serial) => {
      if (serial > 0) post({ type: "done", serial });
    };
    this.tellOfLookUps = (type, pool) => post({ type, pool });
    this.warn = (kind, message) => post({ type: "warning", kind, message });
    this.now = libc.now();
    this.timers = new TimerWheel(this.slots, this.now);
    this.addressMemory = new AddressMemory(libc);
    this.writeBuffers = new WriteBufferPool(libc, BUFFER_BYTES);
    this.pipe = new Pipe(libc, mailbox.pipe);
    this.io = libc.alloc(BUFFER_BYTES);
    this.ioStart = this.io.at(0);
    const layout = abi.EPOLL_EVENT[process.arch]!;
    const events = libc.alloc(BATCH * layout.size);
    this.events = new Int32Array(events.bytes.buffer);
    this.eventsStart = events.at(0);
    this.eventWords = layout.size / 4;
    this.dataWord = layout.data / 4;
    this.small = new SmallArguments(libc, layout);
    this.shares = new Shares(
      mailbox.inbox,
      [...this.peers.values()].filter((peer) => peer.mailbox !== mailbox),
      libc,
      this.small,
    );
  }

  /** The pool of a connection. */
  partOf(slot: number): PoolPart {
    return this.parts[this.slots.poolOf(slot)]!;
  }

  /** The policy, which all steps of a connection report to. */
  lifecycleOf(slot: number): Lifecycle<number, number> {
    return this.parts[this.slots.poolOf(slot)]!.lifecycle;
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
    peers.map(({ index, mailbox, eventfd }) => [index, { index, mailbox: new Mailbox(mailbox), eventfd }]),
  );
}
