import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALGORITHM_NAMES, type AlgorithmName, NO_TARGET, SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

describe("a target's row", () => {
  it("is not given to another identity while connections count on it", () => {
    const pool = makePool({ maxTargets: 1 });
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.remove("a"), true);
    assert.equal(pool.remove("a"), false);
    assert.deepEqual([pool.targets().length, pool.view("a")?.active], [0, 1]);
    assert.throws(() => addTarget(pool, "b"), /pool "test" is full: at most 1 targets/);
    assert.equal(pickName(pool), NO_TARGET);
    pool.release(row, client(0), 10, 20, 1);
    assert.equal(pool.view("a"), undefined);
    assert.equal(pool.identity(row), "a", "the log of that connection may still need its name");
    addTarget(pool, "b");
    assert.deepEqual([pool.view("b")?.total, pool.view("b")?.bytesIn, pool.targets().length], [0, 0, 1]);
  });

  it("tells who had it at which time, and nothing of who had it long ago", () => {
    const pool = makePool({ maxTargets: 1 });
    const incarnations = ["a", "b", "c"].map((name) => {
      addTarget(pool, name);
      pool.remove(name);
      return pool.incarnation(0);
    });
    assert.deepEqual(
      incarnations.map((incarnation) => pool.identityAt(0, incarnation)),
      [null, "b", "c"],
    );
  });

  it("keeps its counters when the identity returns while connections are open", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    pool.connected(row, 7);
    pool.remove("a");
    addTarget(pool, "a", { weight: 7 });
    const { active, total, weight, state } = pool.view("a")!;
    assert.deepEqual({ active, total, weight, state }, { active: 1, total: 1, weight: 7, state: "up" });
    assert.equal(pool.targets().length, 1);
  });

  it("counts connections, failures, bytes and connect time", () => {
    const pool = makePool();
    addTarget(pool, "a");
    assert.equal(pool.view("a")?.connectMs, null);
    const row = pool.pick(client(0), [], 0);
    pool.connected(row, 8);
    pool.addBytes(row, 100, 1000);
    pool.release(row, client(0), 1, 2, 1);
    pool.connected(pool.pick(client(1), [], 1), 16);
    pool.failed(pool.pick(client(2), [], 1), client(2), 1, "ETIMEDOUT");
    const { address: _, ...view } = pool.view("a")!;
    assert.deepEqual(view, {
      identity: "a",
      weight: 500,
      maxConnections: 0,
      credits: null,
      elsewhere: 0,
      backup: false,
      state: "suspect",
      active: 1,
      total: 2,
      failures: 1,
      bytesIn: 101,
      bytesOut: 1002,
      connectMs: 9,
      failure: "ETIMEDOUT",
      panic: false,
      priority: 0,
      sendProxy: "pool",
    });
  });

  it("cannot be released more often than picked", () => {
    const pool = makePool();
    addTarget(pool, "a");
    const row = pool.pick(client(0), [], 0);
    pool.release(row, client(0), 0, 0, 0);
    assert.throws(() => pool.release(row, client(0), 0, 0, 0), /no connection on it/);
    assert.equal(pool.view("a")?.active, 0);
  });
});

describe("suspicion", () => {
  it("comes with a failure; reports do not lift it, probes, connections and a new address do", () => {
    const pool = makePool();
    const suspects = () => pool.suspects().map((target) => target.identity);
    const fail = () => pool.failed(pool.pick(client(0), [], 0), client(0), 0);
    addTarget(pool, "a");
    fail();
    assert.deepEqual(suspects(), ["a"]);
    addTarget(pool, "a");
    assert.deepEqual(suspects(), ["a"]);
    pool.setState("a", "up");
    assert.deepEqual(suspects(), []);
    fail();
    pool.connected(pool.pick(client(0), [], 0), 1);
    assert.deepEqual(suspects(), []);
    fail();
    addTarget(pool, "a", { port: 81 });
    assert.deepEqual(suspects(), []);
    fail();
    addTarget(pool, "a", { state: "draining", port: 81 });
    assert.equal(pool.view("a")?.state, "draining");
  });

  for (const algorithm of ALGORITHM_NAMES) {
    it(`${algorithm}: a dead target is tried once, then the others, then the one that failed longest ago`, () => {
      const pool = makePool({ algorithm });
      for (const name of ["a", "b", "c"]) addTarget(pool, name);
      const tried: number[] = [];
      for (let now = 1; now <= 3; now++) {
        const row = pool.pick(client(0), tried, now);
        assert.ok(row >= 0 && !tried.includes(row));
        pool.failed(row, client(0), now);
        tried.push(row);
      }
      assert.equal(pool.pick(client(0), tried, 4), NO_TARGET);
      assert.equal(pool.pick(client(0), [], 4), tried[0]);
      assert.equal(pool.pick(client(0), [tried[0]!], 4), tried[1]);
    });
  }
});

describe("eligibility", () => {
  for (const algorithm of ALGORITHM_NAMES) {
    it(`${algorithm}: weight 0, draining and down get nothing, a full one no more`, () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "zero", { weight: 0 });
      addTarget(pool, "draining", { state: "draining" });
      addTarget(pool, "down", { state: "down" });
      addTarget(pool, "small", { max: 3 });
      addTarget(pool, "rest", { weight: 1 });
      for (let i = 0; i < 1000; i++) assert.ok(pool.pick(client(i), [], i) >= 0);
      assert.deepEqual(
        pool.targets().map((target) => [target.identity, target.active]),
        [
          ["zero", 0],
          ["draining", 0],
          ["down", 0],
          ["small", 3],
          ["rest", 997],
        ],
      );
    });

    it(`${algorithm}: a target that comes while the tree grows is found`, () => {
      const pool = makePool({ algorithm, maxTargets: 600 });
      for (let i = 0; i < 600; i++) {
        addTarget(pool, `t${i}`);
        if (i > 0) pool.setState(`t${i - 1}`, "down");
        assert.equal(pickName(pool, client(i)), `t${i}`);
      }
    });
  }
});

describe("bad values", () => {
  it("name the option, what was given and what is allowed", () => {
    assert.throws(() => makePool({ concurrency: -2 }), /concurrency -2: a whole number from -1/);
    assert.throws(() => makePool({ queue: 1.5 }), /queue 1.5/);
    assert.throws(() => makePool({ maxTargets: 0 }), /maxTargets 0/);
    assert.throws(() => makePool({ persistent: 0 }), /persistent 0/);
    assert.throws(() => makePool({ algorithm: "best" as AlgorithmName }), /algorithm "best": one of /);
    assert.throws(() => makePool().setConcurrency(-2), /concurrency -2/);
    assert.throws(() => addTarget(makePool(), "t", { weight: 1_000_001 }), /weight 1000001 of target "t"/);
    assert.throws(() => addTarget(makePool(), "t", { max: -1 }), /maxConnections -1/);
    assert.throws(() => SharedPool.attach(makePool().handle, 0), /worker 0/);
  });
});
