/** One listener's limits, several threads: counts are exact to the connection, and a thread that dies spoils nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import {
  ClientLimits,
  ENGINE_THREADS,
  MAIN_THREAD,
  TLS_THREADS,
  TOO_MANY,
} from "../../../src/edge/access/client-limits.ts";
import { Lock } from "../../../src/pool/lock.ts";
import { amount } from "../../support/amount.ts";
import { clientLimits, wordsOf } from "../helpers.ts";
import type { Tally, Work } from "./threads-worker.ts";

const THREADS = 3;
const CLIENTS = 4;
const MOST = 3;
const ROUNDS = amount(40_000);

async function run(work: Work): Promise<Tally> {
  const thread = new Worker(new URL("./threads-worker.ts", import.meta.url), { workerData: work });
  const tally = await new Promise<Tally>((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
  });
  await thread.terminate();
  return tally;
}

/** All clients come from all threads at once; gives what the main thread has of the limits then. */
async function shared(firstThread: number, stays: boolean) {
  const data = clientLimits({ connections: MOST }, THREADS);
  const open = new Int32Array(new SharedArrayBuffer(4 * CLIENTS));
  const threads = Array.from({ length: THREADS }, (_, n) => firstThread + n);
  const tallies = await Promise.all(
    threads.map((thread) => run({ data, thread, rounds: ROUNDS, most: MOST, open, stays })),
  );
  return { data, main: new ClientLimits(data, MAIN_THREAD), open, tallies, threads };
}

/** How many more connections a client may have. */
function room(limits: ClientLimits, client: number): number {
  let count = 0;
  while (limits.enter(wordsOf(`10.0.0.${client}`), 0, 0) !== TOO_MANY) count++;
  return count;
}

describe("limits that threads share", () => {
  it("hold at any time, and what has ended is given back", async () => {
    const { main, open, tallies } = await shared(ENGINE_THREADS, false);
    for (const { entered, exceeded, refused } of tallies) assert.deepEqual([exceeded, entered + refused], [0, ROUNDS]);
    for (let client = 0; client < CLIENTS; client++) assert.deepEqual([open[client], room(main, client)], [0, MOST]);
  });

  it("get back what TLS threads held that have died", async () => {
    const { main, open, threads } = await shared(TLS_THREADS, true);
    assert.ok(open.some((count) => count > 0));
    for (const thread of threads) main.returnAll(thread);
    for (let client = 0; client < CLIENTS; client++) assert.equal(room(main, client), MOST);
  });

  it("are free again when a thread has died that held their lock", () => {
    const data = clientLimits({ connections: MOST });
    new Lock(new Int32Array(data.buffer), ENGINE_THREADS, null).take();
    const main = new ClientLimits(data, MAIN_THREAD);
    main.returnAll(ENGINE_THREADS);
    assert.equal(room(main, 0), MOST);
  });
});
