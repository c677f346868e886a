/** What the threads of threads.test.ts do. `workerData` says which job, on which pool, as which worker. */
import { parentPort, workerData } from "node:worker_threads";
import { Lock } from "../../src/pool/lock.ts";
import { ADMITTED, ALL_FULL, Pool, type PoolShared, REFUSED } from "../../src/pool/pool.ts";
import { view } from "../../src/pool/table.ts";
import { client } from "./helpers.ts";

export interface Work {
  readonly job: "hammer" | "places" | "die" | "wait";
  readonly shared: PoolShared;
  readonly worker: number;
  readonly rounds: number;
}

/** What a hammering thread saw. */
export interface Tally {
  readonly picked: number;
  readonly refused: number;
  /** Times a limit was seen exceeded. */
  readonly exceeded: number;
}

const { job, shared, worker, rounds } = workerData as Work;
const pool = Pool.attach(shared, worker);
const memory = view(shared.options, shared.buffer);

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
      const most = memory.maxConnections[row]!;
      if (most > 0 && Atomics.load(memory.active, row) > most) exceeded++;
      pool.connected(row, 1);
      open.push(row);
    } else if (row === ALL_FULL) refused++;
    if (open.length > i % 4) pool.release(open.shift()!, client(i % 1000), 1, 2, i);
  }
  for (const row of open) pool.release(row, client(0), 1, 2, rounds);
  return { picked, refused, exceeded };
}

/** Takes and gives back places; there is no queue, so it is admitted or refused. */
function places(): Tally {
  let picked = 0;
  let refused = 0;
  let exceeded = 0;
  for (let i = 0; i < rounds; i++) {
    const result = pool.enter(i);
    if (result === REFUSED) refused++;
    if (result !== ADMITTED) continue;
    picked++;
    if (pool.active > shared.options.concurrency) exceeded++;
    pool.leave();
  }
  return { picked, refused, exceeded };
}

/** Holds connections, a place and a waiter, then takes the lock, spoils what one can be in the middle of, and never frees it. */
function die(): null {
  for (let i = 0; i < rounds; i++) pool.pick(client(i), [], i);
  pool.enter(1);
  pool.enter(2);
  new Lock(memory.header, worker, null).take();
  memory.active[0]! += 100;
  memory.orderNodes.fill(-1);
  memory.header[22] = -1; // TAIL
  return null;
}

/** Waits for a place. */
function wait(): number {
  return pool.enter(77);
}

const result = { hammer, places, die, wait }[job]();
// Stays alive until it is terminated, like an engine's thread.
parentPort!.on("message", () => {});
parentPort!.postMessage(result);
