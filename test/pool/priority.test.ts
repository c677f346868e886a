/** A target serves only while none of a smaller priority can; model.test.ts has the rest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leastconn } from "../../src/pool/algorithms/leastconn.ts";
import { SERVING_RANK } from "../../src/pool/header.ts";
import { ALGORITHM_NAMES, MAX_PRIORITY, NO_TARGET, type Pool, SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, memoryOf, pickName } from "./helpers.ts";

function names(pool: Pool, clients = 40): string[] {
  return [...new Set(Array.from({ length: clients }, (_, n) => String(pickName(pool, client(n)))))].sort();
}

for (const algorithm of ALGORITHM_NAMES) {
  describe(`priorities (${algorithm})`, () => {
    it("have the targets of the smallest number that are up serve, then those of the next, and backups last", () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "backup", { backup: true });
      addTarget(pool, "third", { priority: 7 });
      addTarget(pool, "second", { priority: 3 });
      addTarget(pool, "first", { priority: 0 });
      addTarget(pool, "also first", { priority: 0 });
      assert.deepEqual(names(pool), ["also first", "first"]);
      for (const [out, next] of [
        ["first", "also first"],
        ["also first", "second"],
        ["second", "third"],
        ["third", "backup"],
        ["backup", String(NO_TARGET)],
      ] as const) {
        pool.setState(out, "down");
        assert.deepEqual(names(pool), [next]);
      }
      for (const back of ["backup", "third", "second", "first"]) {
        pool.setState(back, "up");
        assert.deepEqual(names(pool), [back]);
      }
    });

    it("of targets change while they serve", () => {
      const pool = makePool({ algorithm });
      for (const [i, name] of ["a", "b", "c"].entries()) addTarget(pool, name, { priority: i });
      addTarget(pool, "c", { priority: 0 });
      assert.deepEqual(names(pool), ["a", "c"]);
      addTarget(pool, "a", { priority: 2 });
      addTarget(pool, "c", { priority: 2 });
      assert.deepEqual(names(pool), ["b"]);
      addTarget(pool, "b", { priority: MAX_PRIORITY });
      assert.deepEqual(names(pool), ["a", "c"]);
    });

    it("share by weight within a group, also after it was another one's turn", () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "first");
      addTarget(pool, "second", { priority: 1 });
      addTarget(pool, "light", { priority: 2, weight: 250 });
      addTarget(pool, "heavy", { priority: 2, weight: 750 });
      for (let n = 0; n < 1_000; n++) pool.release(pool.pick(client(n), [], n), client(n), 0, 0, n);
      pool.setState("first", "down");
      pool.setState("second", "down");
      for (let n = 0; n < 4_000; n++) pool.pick(client(n), [], n);
      const { active } = pool.view("heavy")!;
      assert.ok(Math.abs(active - 3_000) < 150, `${active} of 4,000 for three quarters of the weight`);
    });

    it("count at once for a thread that finds a target to fail", () => {
      const pool = makePool({ algorithm });
      for (const priority of [0, 1, 2, 3]) addTarget(pool, `p${priority}`, { priority });
      const thread = SharedPool.attach(pool.handle, 1);
      for (const expected of ["p0", "p1", "p2", "p3"]) {
        const row = thread.pick(client(1), [], 0);
        assert.equal(pool.identity(row), expected);
        thread.failed(row, client(1), 0);
      }
      const suspect = thread.pick(client(1), [], 0);
      assert.equal(pool.identity(suspect), "p0", "the suspect of the smallest number is the last resort");
      thread.connected(suspect, 1);
      pool.settle(); // as the balancer does now and then
      assert.deepEqual(names(pool), ["p0"]);
    });
  });
}

describe("priorities", () => {
  it("are divided anew when a thread dies while it divides them", () => {
    const pool = makePool();
    const { layout } = memoryOf(pool.handle, leastconn);
    for (const priority of [0, 1, 2, 3]) addTarget(pool, `p${priority}`, { priority });
    for (const words of [
      [3, 3, 3, 3],
      [0, 0, 0, 0],
      [1, 0, 3, 1],
    ]) {
      layout.header[SERVING_RANK] = words[0]!;
      layout.group.set(words);
      pool.recover(1);
      assert.deepEqual(names(pool), ["p0"]);
      pool.setState("p0", "down");
      pool.setState("p1", "down");
      assert.deepEqual(names(pool), ["p2"]);
      pool.setState("p1", "up");
      pool.setState("p0", "up");
    }
  });

  it("are shown, and backups have theirs", () => {
    const pool = makePool();
    addTarget(pool, "a", { priority: 3 });
    addTarget(pool, "b", { priority: 2, backup: true });
    addTarget(pool, "c", { backup: true });
    assert.deepEqual(
      pool.targetRows().map(({ priority, backup }) => [priority, backup]),
      [
        [3, false],
        [2, true],
        [0, true],
      ],
    );
    assert.deepEqual(names(pool), ["a"]);
    pool.setState("a", "down");
    assert.deepEqual(names(pool), ["c"]);
  });

  it(`are whole numbers from 0 to ${MAX_PRIORITY}`, () => {
    for (const priority of [-1, 0.5, MAX_PRIORITY + 1]) {
      assert.throws(() => addTarget(makePool(), "a", { priority }), {
        name: "RangeError",
        message: `priority ${priority} of target "a": a whole number from 0 to ${MAX_PRIORITY} is allowed`,
      });
    }
  });

  it("move clients that are bound to a target of a larger number", () => {
    const pool = makePool({ persistent: 1_000 });
    for (const priority of [0, 1, 2])
      addTarget(pool, `p${priority}`, { priority, state: priority === 2 ? "up" : "down" });
    for (const up of ["p2", "p1", "p0"]) {
      pool.setState(up, "up");
      assert.deepEqual([pickName(pool), pickName(pool)], [up, up]);
    }
  });

  it("are not divided anew where there are backups and no priorities", () => {
    const pool = makePool();
    const { layout } = memoryOf(pool.handle, leastconn);
    addTarget(pool, "spare", { backup: true });
    addTarget(pool, "a");
    pool.setState("a", "down");
    assert.equal(pickName(pool), "spare");
    pool.setState("spare", "down");
    pool.setState("a", "up");
    assert.equal(layout.header[SERVING_RANK], 0);
  });
});
