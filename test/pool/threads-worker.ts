/** What the threads of threads.test.ts do. `workerData` says which job, on which pool, as which worker. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { leastconn } from "../../src/pool/algorithms/leastconn.ts";
import { TAIL } from "../../src/pool/header.ts";
import { Lock } from "../../src/pool/lock.ts";
import { layoutOf } from "../../src/pool/memory.ts";
import { ADMITTED, MAY_WAIT, type PoolHandle, REFUSED, SharedPool } from "../../src/pool/pool.ts";
import { client, memoryOf } from "./helpers.ts";

export interface Work {
  readonly job: "hammer" | "permits" | "die" | "wait";
  readonly handle: PoolHandle;
  readonly worker: number;
  readonly rounds: number;
  /** Where the handles come from that follow `handle`. */
  readonly handles: MessagePort;
}

/** What a hammering thread saw. */
export interface Tally {
  readonly picked: number;
  readonly refused: number;
  /** Times a limit was seen exceeded. */
  readonly exceeded: number;
}

const { job, handle, worker, rounds, handles } = workerData as Work;
let latest = handle;
const pool = SharedPool.attach(handle, worker, () => {
  for (let post = receiveMessageOnPort(handles); post !== undefined; post = receiveMessageOnPort(handles)) {
    latest = post.message;
  }
  return latest;
});
const layout = layoutOf(handle);

/** Picks and releases, with a few connections open at any time. */
function hammer(): Tally {
  const open: number[] = [];
  let picked = 0;
  let refused = 0;
  let exceeded = 0;
  for (let i = 0; i < rounds; i++) {
    const row = pool.pick(client(i % 1000), [], i);
    if (row >= 0) {
      picked++;
      const { maxConnections, active } = pool.handle === handle ? layout : layoutOf(pool.handle);
      const most = maxConnections[row]!;
      if (most > 0 && Atomics.load(active, row) > most) exceeded++;
      pool.connected(row, 1);
      open.push(row);
    } else if (row === MAY_WAIT) refused++;
    if (open.length > i % 4) pool.release(open.shift()!, client(i % 1000), 1, 2, i);
  }
  for (const row of open) pool.release(row, client(0), 1, 2, rounds);
  return { picked, refused, exceeded };
}

/** Takes permits and gives them back; there is no queue, so it is admitted or refused. */
function permits(): Tally {
  let picked = 0;
  let refused = 0;
  let exceeded = 0;
  for (let i = 0; i < rounds; i++) {
    const result = pool.enter(i);
    if (result === REFUSED) refused++;
    if (result !== ADMITTED) continue;
    picked++;
    if (pool.active > handle.options.concurrency) exceeded++;
    pool.leave();
  }
  return { picked, refused, exceeded };
}

/** Holds connections, a permit and a waiter, then takes the lock, leaves half done what can be, and never frees it. */
function die(): null {
  for (let i = 0; i < rounds; i++) pool.pick(client(i), [], i);
  pool.enter(1);
  pool.enter(2);
  new Lock(layout.header, worker, null).take();
  layout.active[0]! += 100;
  memoryOf(handle, leastconn).own.winners.fill(-1); // the pools of this job have this algorithm
  layout.header[TAIL] = -1;
  return null;
}

/** Waits for a permit. */
function wait(): number {
  return pool.enter(77);
}

const result = { hammer, permits, die, wait }[job]();
// Stays alive until it is terminated, like an engine's thread.
parentPort!.on("message", () => {});
parentPort!.postMessage(result);
