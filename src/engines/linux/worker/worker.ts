/** The entry of a worker thread: puts its shard together and runs the loop until the engine closes or something throws. */
import { parentPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi";
import { type PoolHandle, SharedPool } from "../../../pool/pool.ts";
import { Mailbox } from "../shared/mailbox.ts";
import { QueueBaton } from "../shared/queue-baton.ts";
import { Slots } from "../shared/slots.ts";
import { Loop } from "./loop.ts";
import { Shard, type ShardOptions } from "./shard.ts";
import { SlotStore } from "./slot-store.ts";

/** What the main thread hands it, all of it plain or shared memory. */
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

function main(data: WorkerData): void {
  const post = (message: WorkerMessage) => parentPort!.postMessage(message);
  try {
    const libc = openLibc();
    if (libc === null) throw new Error("no foreign functions in this thread");
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
    new Loop(shard).run();
  } catch (error) {
    post({ type: "died", error }); // posted rather than thrown: some runtimes print what a thread throws, or end the process
  }
}

main(workerData as WorkerData);
