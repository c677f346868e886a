/** Backups take connections only while no other target is up; model.test.ts has the rest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMITTED, ALGORITHM_NAMES, MAY_WAIT, NO_TARGET, type Pool, type PoolOptions } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

/** Two targets and a backup. */
function poolOf(options: Partial<PoolOptions> = {}): Pool {
  const pool = makePool(options);
  addTarget(pool, "a");
  addTarget(pool, "b");
  addTarget(pool, "spare", { backup: true });
  return pool;
}

function names(pool: Pool, clients = 40): string[] {
  const seen = new Set(Array.from({ length: clients }, (_, n) => String(pickName(pool, client(n)))));
  return [...seen].sort();
}

for (const algorithm of ALGORITHM_NAMES) {
  describe(`a backup (${algorithm})`, () => {
    it("takes nothing while another target is up, everything while none is, and nothing again", () => {
      const pool = poolOf({ algorithm });
      assert.deepEqual(names(pool), ["a", "b"]);
      pool.setState("a", "down");
      assert.deepEqual(names(pool), ["b"]);
      pool.setState("b", "draining");
      assert.deepEqual(names(pool), ["spare"]);
      pool.setState("a", "up");
      assert.deepEqual(names(pool), ["a"]);
    });

    it("shares with other backups by their weights", () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "a", { state: "down" });
      addTarget(pool, "light", { backup: true, weight: 250 });
      addTarget(pool, "heavy", { backup: true, weight: 750 });
      for (let n = 0; n < 4_000; n++) pool.pick(client(n), [], n);
      const { active } = pool.view("heavy")!;
      assert.ok(Math.abs(active - 3_000) < 150, `${active} of 4,000 for three quarters of the weight`);
    });

    it("comes before suspects, and suspect backups after them", () => {
      const pool = makePool({ algorithm });
      addTarget(pool, "suspect backup", { state: "suspect", backup: true });
      addTarget(pool, "suspect", { state: "suspect" });
      addTarget(pool, "backup", { backup: true });
      const order: string[] = [];
      for (let tried: number[] = []; tried.length < 3; ) {
        const row = pool.pick(client(0), tried, 0);
        order.push(pool.identity(row));
        tried = [...tried, row];
      }
      assert.deepEqual(order, ["backup", "suspect", "suspect backup"]);
      assert.equal(pool.pick(client(0), [0, 1, 2], 0), NO_TARGET);
    });

    it("is a target like others once it is none, and the other way round", () => {
      const pool = poolOf({ algorithm });
      addTarget(pool, "spare");
      addTarget(pool, "b", { backup: true });
      assert.deepEqual(names(pool), ["a", "spare"]);
      pool.remove("a");
      pool.remove("spare");
      assert.deepEqual(names(pool), ["b"]);
    });
  });
}

describe("a backup", () => {
  it("is shown", () => {
    assert.deepEqual(
      poolOf()
        .targets()
        .map((target) => target.backup),
      [false, false, true],
    );
  });

  it("is left alone while the others are merely full: connections wait", () => {
    const pool = makePool();
    addTarget(pool, "a", { max: 1 });
    addTarget(pool, "spare", { backup: true });
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.enter(1), ADMITTED);
    assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
    pool.wait(1);
    assert.equal(pool.grant(), null);
    pool.release(row, client(0), 0, 0, 0);
    assert.equal(pool.grant()?.ticket, 1);
    assert.equal(pool.identity(pool.pickGranted(1, client(1), [], 0)), "a");
  });

  it("takes those that wait for a full target when that one goes down", () => {
    const pool = makePool();
    addTarget(pool, "a", { max: 1 });
    addTarget(pool, "spare", { backup: true });
    pool.pick(client(0), [], 0);
    pool.enter(1);
    assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
    pool.wait(1);
    pool.setState("a", "down");
    assert.equal(pool.grant()?.ticket, 1);
    assert.equal(pool.identity(pool.pickGranted(1, client(1), [], 0)), "spare");
  });

  it("that is full is waited for rather than that a suspect is tried", () => {
    const pool = makePool();
    addTarget(pool, "a", { state: "suspect" });
    addTarget(pool, "spare", { backup: true, max: 1 });
    pool.pick(client(0), [], 0);
    pool.enter(1);
    assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
    pool.wait(1);
    assert.equal(pool.grant(), null);
  });

  it("serves a connection that has tried all other targets that are up", () => {
    const pool = poolOf();
    assert.equal(pool.identity(pool.pick(client(0), [0, 1], 0)), "spare");
  });

  it("does not keep the clients that are bound to it once another target is up", () => {
    const pool = poolOf({ persistent: 1_000 });
    const home = pickName(pool);
    pool.setState("a", "down");
    pool.setState("b", "down");
    assert.deepEqual([pickName(pool), pickName(pool)], ["spare", "spare"]);
    pool.setState("a", "up");
    pool.setState("b", "up");
    const back = pickName(pool);
    assert.notEqual(back, "spare");
    for (let n = 0; n < 10; n++) assert.equal(pickName(pool), back);
    assert.notEqual(home, "spare");
  });

  it("with weight 0 of the others serves", () => {
    const pool = makePool();
    addTarget(pool, "a", { weight: 0 });
    addTarget(pool, "spare", { backup: true });
    assert.equal(pickName(pool), "spare");
  });

  it("ends the hold of a balancer that has just started when it is up", () => {
    const pool = makePool();
    pool.hold();
    addTarget(pool, "a", { state: "suspect" });
    assert.equal(pickName(pool), MAY_WAIT);
    addTarget(pool, "spare", { backup: true });
    assert.equal(pickName(pool), "spare");
    pool.setState("spare", "down");
    assert.equal(pickName(pool), "a");
  });
});
