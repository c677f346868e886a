/** The entry of a worker thread: runs its loop until the engine closes or something throws. */
import { parentPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi";
import { Loop } from "./loop.ts";
import { Shard, type WorkerData, type WorkerMessage } from "./shard.ts";

function main(data: WorkerData): void {
  const post = (message: WorkerMessage) => parentPort!.postMessage(message);
  try {
    const libc = openLibc();
    if (libc === null) throw new Error("no foreign functions in this thread");
    new Loop(new Shard(data, libc, post)).run();
  } catch (error) {
    post({ type: "died", error }); // posted rather than thrown: some runtimes print what a thread throws, or end the process
  }
}

main(workerData as WorkerData);
