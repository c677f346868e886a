import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMITTED, MAY_WAIT, NO_TARGET, type Pool, SharedPool, type TargetState } from "../../src/pool/pool.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

/** A pool whose connections wait while no target is up, for either reason. */
const WAYS = {
  "as the operator says": () => makePool({ queueWhenEmpty: 1_000 }),
  "since a target is asleep": () => {
    const pool = makePool();
    pool.sleeping = 1;
    return pool;
  },
};

/** One has found no target, and waits. */
function waiting(pool: Pool, tried: number[] = []): void {
  assert.equal(pool.enter(0), ADMITTED);
  assert.equal(pool.pick(client(0), tried, 0), MAY_WAIT);
  assert.ok(pool.wait(0) >= 0);
  assert.equal(pool.grant(), null);
}

describe("a pool in which connections wait for a target", () => {
  for (const [why, make] of Object.entries(WAYS)) {
    it(`gives a target that comes up to those who wait, in order, ${why}`, () => {
      const pool = make();
      waiting(pool);
      assert.ok(pool.enter(1) >= 0, "behind the first one");
      assert.deepEqual([pool.awaitsTarget, pool.isWanting], [true, true]);
      addTarget(pool, "t");
      assert.equal(pool.awaitsTarget, false);
      for (const ticket of [0, 1]) {
        assert.equal(pool.grant()?.ticket, ticket);
        assert.equal(pool.identity(pool.pickGranted(ticket, client(ticket), [], 0)), "t");
      }
      assert.equal(pool.isWanting, false);
      pool.remove("t");
      assert.equal(pickName(pool), MAY_WAIT, "and they wait for the next one as well");
    });

    it(`tries no suspect meanwhile, ${why}`, () => {
      const pool = make();
      addTarget(pool, "s", { state: "suspect" });
      waiting(pool);
      pool.setState("s", "up");
      assert.equal(pool.grant()?.ticket, 0);
    });

    it(`takes a backup, ${why}`, () => {
      const pool = make();
      addTarget(pool, "b", { backup: true });
      assert.equal(pickName(pool), "b");
      assert.equal(pool.awaitsTarget, false);
    });
  }

  it("gives a target again to one that has tried it, once it is up again", () => {
    const pool = makePool({ queueWhenEmpty: 1_000 });
    addTarget(pool, "t");
    const row = pool.pick(client(0), [], 0);
    pool.failed(row, client(0), 0, "ECONNREFUSED");
    waiting(pool, [row]);
    pool.setState("t", "up");
    assert.equal(pool.grant()?.ticket, 0);
    assert.equal(pool.pickGranted(0, client(0), [row], 0), row);
  });

  it("has one that has tried a target wait for the other one, which is merely full", () => {
    const pool = makePool({ queueWhenEmpty: 1_000 });
    addTarget(pool, "tried");
    addTarget(pool, "full", { max: 1 });
    const tried = pool.row("tried");
    assert.equal(pickName(pool, client(1), [tried]), "full");
    assert.equal(pool.pick(client(0), [tried], 0), MAY_WAIT);
  });

  it("tells those who wait that there is none, or has them try a suspect, once nobody is to wait any more", () => {
    for (const suspect of [false, true]) {
      const pool = makePool();
      pool.sleeping = 1;
      if (suspect) addTarget(pool, "s", { state: "suspect" });
      waiting(pool);
      pool.sleeping = 0;
      assert.equal(pool.grant()?.ticket, 0);
      const row = pool.pickGranted(0, client(0), [], 0);
      assert.equal(row < 0 ? row : pool.identity(row), suspect ? "s" : NO_TARGET);
    }
  });

  it("follows the option while it runs, and keeps what it is told of sleepers apart from it", () => {
    const pool = makePool();
    assert.equal(pickName(pool), NO_TARGET);
    pool.change({ queueWhenEmpty: 5 });
    assert.equal(pickName(pool), MAY_WAIT);
    pool.change({ queue: 7 });
    assert.equal(pickName(pool), MAY_WAIT);
    pool.sleeping = 1;
    pool.change({ queueWhenEmpty: 0 });
    assert.deepEqual([pickName(pool), pool.options.queueWhenEmpty, pool.sleeping], [MAY_WAIT, 0, 1]);
    pool.sleeping = 0;
    assert.equal(pickName(pool), NO_TARGET);
  });

  it("says that somebody wants a target only where it is not a permit that is short", () => {
    const pool = makePool({ concurrency: 0, queueWhenEmpty: 1_000 });
    assert.ok(pool.enter(0) >= 0);
    assert.equal(pool.isWanting, false);
    pool.setConcurrency(1);
    assert.equal(pool.isWanting, true);
  });

  it("waits on when a worker's thread has died, and in other threads", () => {
    const pool = makePool({ queueWhenEmpty: 1_000 });
    const other = SharedPool.attach(pool.handle, 1);
    waiting(pool);
    pool.recover(2);
    assert.equal(other.pick(client(1), [], 0), MAY_WAIT);
    assert.equal(other.awaitsTarget, true);
    assert.equal(pool.grant(), null);
  });

  it("never says that there is no target, and never tries one that is not up, whatever comes and goes", () => {
    const STATES: readonly TargetState[] = ["up", "suspect", "draining", "down"];
    const step = fc.record({
      which: fc.nat(2),
      state: fc.constantFrom(...STATES),
      max: fc.nat(1),
      backup: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(fc.nat(2), { maxLength: 2 }), (steps, names) => {
        const pool = makePool({ queueWhenEmpty: 1 });
        for (const { which, state, ...rest } of steps) {
          addTarget(pool, `t${which}`, rest);
          pool.setState(`t${which}`, state);
          const tried = names.map((name) => pool.row(`t${name}`)).filter((row) => row >= 0);
          assert.equal(pool.enter(0), ADMITTED);
          const row = pool.pick(client(0), tried, 0);
          if (row < 0) {
            assert.equal(row, MAY_WAIT);
            const open = pool.targets().filter(({ active, maxConnections, state }) => {
              return state === "up" && (maxConnections === 0 || active < maxConnections);
            });
            const isFull = pool.targets().some(({ maxConnections, state }) => state === "up" && maxConnections === 1);
            assert.ok(open.length === 0 || isFull, "one with room is not left out, but for one that is merely full");
          } else {
            assert.equal(pool.view(pool.identity(row))!.state, "up");
            pool.release(row, client(0), 0, 0, 0);
          }
          pool.leave();
        }
      }),
      { numRuns: amount(300) },
    );
  });
});
