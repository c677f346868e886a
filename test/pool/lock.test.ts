import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leastconn } from "../../src/pool/algorithms/leastconn.ts";
import { HEADER_WORDS, LOCK } from "../../src/pool/header.ts";
import { Lock } from "../../src/pool/lock.ts";
import { SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, memoryOf } from "./helpers.ts";

const LOST = /worker 1 lost the pool's lock while it held it/;

/** The lock of worker 1, which holds it, the creator's, and the word they share. */
function held(): { words: Int32Array; worker: Lock; creator: Lock } {
  const words = new Int32Array(new SharedArrayBuffer(4 * HEADER_WORDS));
  const worker = new Lock(words, 1, null);
  worker.take();
  return { words, worker, creator: new Lock(words, 0, () => undefined) };
}

/** Runs `run`, which fails if it sleeps. */
function awake(run: () => void): void {
  const { wait } = Atomics;
  Atomics.wait = () => assert.fail("it waits for the lock");
  try {
    run();
  } finally {
    Atomics.wait = wait;
  }
}

/** How the creator gets the lock that worker 1 holds, when `nap` happens at each of its naps: whom it takes for dead, and after how many. */
function creatorTakes(nap: (worker: Lock, naps: number) => void): { dead: number[]; naps: number } {
  const { words, worker } = held();
  const dead: number[] = [];
  const { wait } = Atomics;
  let naps = 0;
  Atomics.wait = (() => {
    nap(worker, ++naps);
    return "timed-out";
  }) as typeof wait;
  try {
    const creator = new Lock(words, 0, (owner) => dead.push(owner));
    creator.take();
    creator.free();
    assert.equal(words[LOCK], 0);
  } finally {
    Atomics.wait = wait;
  }
  return { dead, naps };
}

describe("a worker that holds the lock", () => {
  it("is taken for dead after 2,000 naps in the same turn", () => {
    assert.deepEqual(
      creatorTakes(() => undefined),
      { dead: [1], naps: 2_001 },
    );
  });

  it("is not, however long the creator waits, as long as it gives it back now and then", () => {
    const { dead, naps } = creatorTakes((worker, naps) => {
      if (naps % 1_500 !== 0) return;
      worker.free();
      if (naps < 6_000) worker.take();
    });
    assert.deepEqual([dead, naps], [[], 6_000]);
  });

  it("is not by another worker, which cannot know", () => {
    const { words, worker } = held();
    const { wait } = Atomics;
    let naps = 0;
    Atomics.wait = (() => {
      if (++naps === 5_000) worker.free();
      return "timed-out";
    }) as typeof wait;
    try {
      new Lock(words, 2, null).take();
    } finally {
      Atomics.wait = wait;
    }
    assert.equal(naps, 5_000);
  });
});

describe("the lock of a worker that is taken for dead", () => {
  it("is taken from it, and from nobody else", () => {
    const { creator, words } = held();
    assert.equal(creator.seize(2), false);
    assert.equal(creator.seize(1), true);
    assert.equal(creator.seize(1), false);
    creator.free();
    assert.equal(words[LOCK], 0);
  });

  it("stops the worker if it lives after all, while the creator repairs what it left", () => {
    const { creator, worker } = held();
    creator.seize(1);
    assert.throws(() => worker.free(), LOST);
    creator.free();
  });

  it("stops it when the lock is free again, or another worker's", () => {
    const { creator, words, worker } = held();
    creator.seize(1);
    creator.free();
    assert.throws(() => worker.free(), LOST);
    const other = new Lock(words, 2, null);
    other.take();
    assert.throws(() => worker.free(), LOST);
    other.free();
    assert.equal(words[LOCK], 0, "the other's was left to it");
  });

  it("stops it in the middle of what it does, too", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const { layout } = memoryOf(pool.handle, leastconn);
    const creator = new Lock(layout.header, 0, null);
    const worker = SharedPool.attach(pool.handle, 1);
    // In the middle of its pick the creator takes it for dead, and goes on.
    const tried = new Proxy([], {
      get(target, name) {
        if (creator.seize(1)) creator.free();
        return Reflect.get(target, name);
      },
    });
    assert.throws(() => worker.pick(client(0), tried, 0), LOST);
  });

  it("takes with it the connections of its worker, and no other's", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const [first, second, third] = [1, 2, 3].map((worker) => SharedPool.attach(pool.handle, worker));
    for (const worker of [first, second, second, third]) worker!.pick(client(0), [], 0);
    pool.recover(2);
    assert.equal(pool.targets()[0]!.active, 2);
    pool.recover(1);
    pool.recover(3);
    assert.equal(pool.targets()[0]!.active, 0);
  });

  it("is freed without waiting when the worker's death is known", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const { layout } = memoryOf(pool.handle, leastconn);
    new Lock(layout.header, 1, null).take();
    awake(() => pool.recover(1));
    assert.equal(layout.header[LOCK], 0);
    assert.equal(pool.pick(client(0), [], 0), 0);
  });
});
