/** A target whose limit this balancer shares with others: what it may use here, for how long, and what others have there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Credits, MAY_WAIT, type Pool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const NOBODY = client(0);

function share(pool: Pool, credits: Credits | null, { elsewhere = 0, identity = "a", max = 10 } = {}): void {
  const address = { host: "10.0.0.1", port: 80 };
  pool.set({ identity, address, weight: 500, maxConnections: max, credits, elsewhere }, "up");
}

/** Takes as many as it gives. */
function takeAll(pool: Pool, now = 0): number {
  let taken = 0;
  while (pickName(pool, NOBODY, [], now) === "a") taken += 1;
  return taken;
}

describe("credits of a target", () => {
  it("are the most that it gets here; who comes then waits, also where there are none", () => {
    const pool = makePool();
    share(pool, { count: 4, until: 1_000 });
    assert.equal(takeAll(pool), 4);
    assert.equal(pickName(pool), MAY_WAIT);
    assert.deepEqual([pool.view("a")?.credits, pool.view("a")?.maxConnections], [4, 10]);
    const none = makePool();
    share(none, { count: 0, until: 1_000 });
    assert.equal(pickName(none), MAY_WAIT);
  });

  it("count for nothing without a limit, and never for more than that", () => {
    const pool = makePool();
    share(pool, { count: 20, until: 1_000 });
    assert.equal(takeAll(pool), 10);
    share(pool, null);
    assert.equal(pool.view("a")?.credits, null);
  });

  it("end nobody where they become fewer, and wake who waits where they become more", () => {
    const pool = makePool();
    share(pool, { count: 4, until: 1_000 });
    takeAll(pool);
    share(pool, { count: 2, until: 1_000 });
    assert.equal(pool.view("a")?.active, 4);
    assert.equal(pool.enter(1), -1);
    assert.equal(pickName(pool), MAY_WAIT);
    pool.wait(1);
    const row = pool.row("a");
    for (const left of [3, 2]) {
      pool.release(row, NOBODY, 0, 0, 0);
      assert.deepEqual([pool.view("a")?.active, pool.grant()], [left, null]);
    }
    share(pool, { count: 3, until: 1_000 });
    assert.deepEqual(pool.grant(), { worker: 0, ticket: 1 });
    assert.equal(pool.pickGranted(1, NOBODY, [], 0), row);
  });

  it("lapse at their time, though nobody has said so by then; another report brings others", () => {
    const pool = makePool();
    share(pool, { count: 4, until: 1_000 });
    addTarget(pool, "b", { max: 1 });
    assert.deepEqual([pickName(pool, NOBODY, [], 999), pickName(pool, NOBODY, [], 999)].sort(), ["a", "b"]);
    assert.equal(pickName(pool, NOBODY, [], 1_000), MAY_WAIT);
    assert.equal(pool.view("a")?.credits, 0);
    share(pool, { count: 2, until: 3_000 });
    assert.equal(pickName(pool, NOBODY, [], 2_000), "a");
  });

  it("of one that is renewed do not lapse with those of another, nor with those that it had", () => {
    const pool = makePool();
    share(pool, { count: 4, until: 1_000 });
    share(pool, { count: 4, until: 1_500 }, { identity: "b" });
    share(pool, { count: 4, until: 2_000 });
    assert.equal(
      pickName(
        pool,
        NOBODY,
        ["b"].map((name) => pool.row(name)),
        1_200,
      ),
      "a",
    );
    assert.equal(pool.view("b")?.credits, 4);
    assert.equal(pickName(pool, NOBODY, [], 1_600), "a");
    assert.deepEqual([pool.view("a")?.credits, pool.view("b")?.credits], [4, 0]);
  });

  it("go with the target, and with the memory where that moves", () => {
    const pool = makePool({ maxTargets: 2_000 });
    share(pool, { count: 2, until: 1_000 }, { elsewhere: 3 });
    for (let n = 0; n < 200; n++) addTarget(pool, `other-${n}`, { weight: 0, port: 1_000 + n });
    assert.deepEqual([pool.view("a")?.credits, pool.view("a")?.elsewhere], [2, 3]);
    assert.equal(takeAll(pool), 2);
    assert.equal(pickName(pool, NOBODY, [], 1_000), MAY_WAIT);
    pool.remove("a");
    addTarget(pool, "c");
    assert.equal(pickName(pool, NOBODY, [], 5_000), "c");
  });
});

describe("what others have there", () => {
  for (const algorithm of ["leastconn", "random", "latency"] as const) {
    it(`counts with ${algorithm}, for as long as it is said`, () => {
      const pool = makePool({ algorithm });
      share(pool, null, { elsewhere: 50, max: 0 });
      share(pool, null, { identity: "b", max: 0 });
      // With two targets random draws the same one twice now and then.
      const picks = Array.from({ length: 40 }, () => pickName(pool));
      assert.ok(picks.filter((name) => name === "b").length >= 25, String(picks));
      share(pool, null, { max: 0 });
      assert.equal(pool.view("a")?.elsewhere, 0);
      const after = Array.from({ length: 40 }, () => pickName(pool));
      assert.ok(after.filter((name) => name === "a").length >= 20, String(after));
    });
  }

  it("does not fill a target: its limit is for what it has here", () => {
    const pool = makePool();
    share(pool, null, { elsewhere: 50 });
    assert.equal(takeAll(pool), 10);
  });
});
