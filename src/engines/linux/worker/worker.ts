/** The entry of a worker thread: puts its shard together and runs the loop until the engine closes or something breaks. */
import { parentPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi";
import { Pool, type PoolShared } from "../../../pool/pool.ts";
import { Channel } from "../shared/mailbox.ts";
import { Turnstile } from "../shared/queue-baton.ts";
import { Slots } from "../shared/slots.ts";
import { run } from "./loop.ts";
import { Shard, type ShardOptions } from "./shard.ts";

/** What the thread gets from its maker, all of it plain or shared memory. */
export interface WorkerData {
  readonly index: number;
  /** Threads that had this number before. */
  readonly epoch: number;
  readonly pool: PoolShared;
  readonly slots: SharedArrayBuffer;
  readonly epoll: number;
  readonly listeners: readonly number[];
  /** All workers, this one included. */
  readonly peers: readonly { readonly index: number; readonly channel: SharedArrayBuffer; readonly eventfd: number }[];
  readonly turnstile: SharedArrayBuffer;
  readonly options: ShardOptions;
}

/** What it says: that there is something to read in the channel, a warning, or its last words. */
export type WorkerMessage =
  | { readonly type: "look" }
  | { readonly type: "warning"; readonly kind: string; readonly message: string }
  | { readonly type: "died"; readonly error: unknown };

const LOOK: WorkerMessage = { type: "look" };

function main(data: WorkerData): void {
  const say = (message: WorkerMessage) => parentPort!.postMessage(message);
  try {
    const libc = openLibc();
    if (libc === null) throw new Error("no foreign functions in this thread");
    const slots = new Slots(data.slots);
    const peers = new Map(
      data.peers.map(({ index, channel, eventfd }) => [
        index,
        { channel: new Channel(channel, slots.capacity), eventfd },
      ]),
    );
    const { channel, eventfd } = peers.get(data.index)!;
    run(
      new Shard({
        index: data.index,
        epoch: data.epoch,
        libc,
        pool: Pool.attach(data.pool, data.index),
        slots,
        channel,
        epoll: data.epoll,
        eventfd,
        listeners: data.listeners,
        peers,
        options: data.options,
        turnstile: new Turnstile(data.turnstile, data.index),
        tell: () => say(LOOK),
        warn: (kind, message) => say({ type: "warning", kind, message }),
      }),
    );
  } catch (error) {
    say({ type: "died", error }); // said rather than thrown: some runtimes print what a thread throws, or end the process
  }
}

main(workerData as WorkerData);
