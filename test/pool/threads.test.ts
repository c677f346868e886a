/** One pool, several threads: counts and limits are exact to the connection, and a thread that dies spoils nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { ADMITTED, ALGORITHM_NAMES, MAY_WAIT, type Pool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";
import type { Tally, Work } from "./threads-worker.ts";

const THREADS = 4;
const ROUNDS = 50_000;
/** While the memory moves the threads wait for the lock most of the time. */
const MOVING_ROUNDS = 20_000;

interface Thread<Result> {
  readonly result: Result;
  stop(): Promise<void>;
}

/** Runs a job in a thread up to its result. The thread is left alive. */
function start<Result>(job: Work["job"], pool: Pool, worker: number, rounds = ROUNDS): Promise<Thread<Result>> {
  const { port1: handles, port2 } = new MessageChannel();
  const workerData: Work = { job, handle: pool.handle, worker, rounds, handles };
  const { onMove } = pool;
  pool.onMove = (handle) => {
    onMove?.(handle);
    port2.postMessage(handle);
  };
  const url = new URL("./threads-worker.ts", import.meta.url);
  const thread = new Worker(url, { workerData, transferList: [handles] });
  const stop = async () => {
    await thread.terminate();
    port2.close();
  };
  return new Promise((resolve, reject) => {
    thread.once("message", (result: Result) => resolve({ result, stop }));
    thread.once("error", reject);
  });
}

/** Times that threads are run again which have had nothing to share. */
const AGAIN = 10;

/** `meanwhile` runs again and again until all are done. */
async function inThreads(job: Work["job"], pool: Pool, rounds = ROUNDS, meanwhile?: () => void): Promise<Tally[]> {
  const workers = Array.from({ length: THREADS }, (_, i) => start<Tally>(job, pool, i + 1, rounds));
  let done = false;
  const all = Promise.all(workers).finally(() => {
    done = true;
  });
  while (meanwhile !== undefined && !done) {
    meanwhile();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const threads = await all;
  await Promise.all(threads.map((thread) => thread.stop()));
  return threads.map((thread) => thread.result);
}

function total(tallies: readonly Tally[], of: keyof Tally): number {
  return tallies.reduce((sum, tally) => sum + tally[of], 0);
}

describe("a pool shared by threads", () => {
  for (const algorithm of ALGORITHM_NAMES) {
    it(`${algorithm}: limits hold and totals add up`, async () => {
      const pool = makePool({ algorithm, persistent: 60_000, maxBindings: 1024 });
      for (let i = 0; i < 3; i++) addTarget(pool, `t${i}`, { max: i + 1, weight: 100 * (i + 1) });
      pool.release(pool.pick(client(0), [], 0), client(0), 0, 0, 0); // builds the hash table
      const tallies = await inThreads("hammer", pool);
      const picked = total(tallies, "picked");
      const targets = pool.targets();
      assert.equal(total(tallies, "exceeded"), 0);
      assert.equal(picked + total(tallies, "refused"), THREADS * ROUNDS);
      const sum = (of: "active" | "total" | "bytesIn" | "bytesOut") => targets.reduce((n, target) => n + target[of], 0);
      assert.equal(sum("active"), 0);
      assert.deepEqual([sum("total"), sum("bytesIn"), sum("bytesOut")], [picked, picked, 2 * picked]);
      // Threads that did not run at the same time need no more than the largest target.
      for (let again = 0; again < AGAIN && pool.targets().some(({ total }) => total === 0); again++)
        await inThreads("hammer", pool);
      for (const target of pool.targets()) assert.ok(target.total > 0, `${target.identity} got nothing`);
    });
  }

  it("limits hold and totals add up while its memory moves", async () => {
    const pool = makePool({ persistent: 60_000, maxBindings: 64, queue: 1, maxTargets: 8 });
    for (let i = 0; i < 3; i++) addTarget(pool, `t${i}`, { max: i + 1, weight: 100 * (i + 1) });
    let changes = 0;
    const tallies = await inThreads("hammer", pool, MOVING_ROUNDS, () => {
      const n = ++changes;
      const algorithm = ALGORITHM_NAMES[n % ALGORITHM_NAMES.length]!;
      const persistent = n % 7 === 0 ? null : 60_000;
      pool.change({ algorithm, persistent, queue: n % 3_000, maxBindings: 64 + n, maxTargets: n < 5 ? 8 : 500 });
      addTarget(pool, `more ${n % 300}`, { weight: 0 });
    });
    const picked = total(tallies, "picked");
    const targets = pool.targets();
    assert.ok(changes > 10, `${changes} changes`);
    assert.equal(total(tallies, "exceeded"), 0);
    assert.equal(picked + total(tallies, "refused"), THREADS * MOVING_ROUNDS);
    assert.deepEqual(
      [targets.reduce((n, { active }) => n + active, 0), targets.reduce((n, each) => n + each.total, 0)],
      [0, picked],
    );
  });

  it("holds the concurrency limit", async () => {
    const pool = makePool({ concurrency: 2, queue: 0 });
    const tallies = await inThreads("permits", pool);
    assert.equal(total(tallies, "exceeded"), 0);
    assert.equal(total(tallies, "picked") + total(tallies, "refused"), THREADS * ROUNDS);
    assert.equal(pool.active, 0);
  });

  it("grants another thread's waiter, and names the thread", async () => {
    const pool = makePool({ concurrency: 1 });
    pool.enter(1);
    const thread = await start<number>("wait", pool, 3);
    assert.ok(thread.result >= 0);
    assert.equal(pool.cancel(thread.result), false, "not this thread's to cancel");
    pool.leave();
    assert.deepEqual(pool.grant(), { worker: 3, ticket: 77 });
    await thread.stop();
  });
});

describe("a thread that dies while it holds the lock", () => {
  function prepared(): Pool {
    const pool = makePool({ concurrency: 3 });
    addTarget(pool, "a", { max: 10, weight: 1 });
    addTarget(pool, "b", { max: 1, weight: 1000 });
    assert.equal(pickName(pool), "b");
    pool.enter(10);
    pool.enter(11);
    return pool;
  }

  function assertRepaired(pool: Pool): void {
    assert.deepEqual(
      pool.targets().map((target) => target.active),
      [0, 1],
    );
    assert.deepEqual([pool.active, pool.waiting], [2, 0]);
    assert.equal(pool.enter(12), ADMITTED);
    assert.ok(pool.enter(13) >= 0, "it has to wait");
    pool.leave();
    assert.deepEqual(pool.grant(), { worker: 0, ticket: 13 });
    assert.equal(pool.identity(pool.pickGranted(13, client(13), [], 0)), "a");
    for (let i = 0; i < 9; i++) assert.equal(pickName(pool, client(i)), "a");
    assert.equal(pickName(pool), MAY_WAIT);
  }

  it("is recovered from: what it held is free again, the rest stands", async () => {
    const pool = prepared();
    const thread = await start("die", pool, 1, 5);
    await thread.stop();
    pool.recover(1);
    assertRepaired(pool);
  });

  it("cannot block the creator for good, told of it or not", async () => {
    const pool = prepared();
    const thread = await start("die", pool, 1, 5);
    await thread.stop();
    // Takes about two seconds: then the lock is taken for abandoned.
    assert.deepEqual(pool.grant(), null);
    assertRepaired(pool);
    pool.recover(1);
    assert.equal(pool.waiting, 0);
  });

  it("keeps the other threads' waiters in their order", async () => {
    const pool = prepared();
    assert.equal(pool.enter(12), ADMITTED);
    for (const ticket of [20, 21]) pool.enter(ticket);
    const thread = await start("die", pool, 1, 5);
    await thread.stop();
    pool.recover(1);
    assert.equal(pool.waiting, 2);
    pool.setConcurrency(-1);
    for (const ticket of [20, 21]) {
      assert.equal(pool.grant()?.ticket, ticket);
      pool.pickGranted(ticket, client(ticket), [], 0);
    }
    assert.equal(pool.grant(), null);
  });
});
