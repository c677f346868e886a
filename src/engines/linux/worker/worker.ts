/** The entry of a worker thread: runs its loop until the engine closes or something throws. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi";
import type { PostedOrder } from "../shared/orders.ts";
import { Loop } from "./loop.ts";
import { Shard, type WorkerData, type WorkerMessage } from "./shard.ts";

/** As thread.ts starts it. */
interface Start {
  readonly data: WorkerData;
  readonly orders: MessagePort;
}

function main({ data, orders }: Start): void {
  const post = (message: WorkerMessage) => parentPort!.postMessage(message);
  const receive = () => (receiveMessageOnPort(orders)?.message ?? null) as PostedOrder | null;
  try {
    const libc = openLibc();
    if (libc === null) throw new Error("no foreign functions in this thread");
    new Loop(new Shard(data, libc, post, receive), data.listeners).run();
  } catch (error) {
    post({ type: "died", error }); // posted rather than thrown: some runtimes print what a thread throws, or end the process
  }
}

main(workerData as Start);
