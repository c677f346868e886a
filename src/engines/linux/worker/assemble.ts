/** Puts a worker's parts together, from what the main thread hands it. */
import { type PoolHandle, SharedPool } from "../../../pool/pool.ts";
import { Mailbox } from "../shared/mailbox.ts";
import { QueueBaton } from "../shared/queue-baton.ts";
import { Slots } from "../shared/slots.ts";
import type { Libc } from "../sys/libc.ts";
import { Loop } from "./loop.ts";
import { Shard, type ShardOptions } from "./shard.ts";
import { SlotStore } from "./slot-store.ts";

/** What the main thread hands a worker, all of it plain or shared memory. */
export interface WorkerData {
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly pool: PoolHandle;
  readonly slots: SharedArrayBuffer;
  readonly epoll: number;
  readonly listeners: readonly number[];
  /** All workers, this one included. */
  readonly peers: readonly { readonly index: number; readonly mailbox: SharedArrayBuffer; readonly eventfd: number }[];
  readonly queueBaton: SharedArrayBuffer;
  readonly options: ShardOptions;
}

/** To the main thread: a notice that there is something to read in the mailbox, a warning, or why the thread ends. */
export type WorkerMessage =
  | { readonly type: "notice" }
  | { readonly type: "warning"; readonly kind: string; readonly message: string }
  | { readonly type: "died"; readonly error: unknown };

const NOTICE: WorkerMessage = { type: "notice" };

/** The loop of a worker, ready to run. `post` tells the main thread. */
export function assemble(data: WorkerData, libc: Libc, post: (message: WorkerMessage) => void): Loop {
  const { capacity } = new Slots(data.slots);
  const peers = new Map(
    data.peers.map(({ index, mailbox, eventfd }) => [index, { mailbox: new Mailbox(mailbox, capacity), eventfd }]),
  );
  const { mailbox, eventfd } = peers.get(data.index)!;
  const shard = new Shard({
    index: data.index,
    libc,
    pool: SharedPool.attach(data.pool, data.index),
    slots: new SlotStore(data.slots, mailbox, data.epoch),
    mailbox,
    epoll: data.epoll,
    eventfd,
    listeners: data.listeners,
    peers,
    options: data.options,
    queueBaton: new QueueBaton(data.queueBaton, data.index),
    notifyMain: () => post(NOTICE),
    warn: (kind, message) => post({ type: "warning", kind, message }),
  });
  return new Loop(shard);
}
