/** Clients without an address, as those of a Unix socket are: all have the key of zeros, and none is taken for another. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALGORITHM_NAMES, type Pool, type PoolOptions } from "../../src/pool/pool.ts";
import { addTarget, makePool } from "./helpers.ts";

const NOBODY = new Uint32Array(4);

/** The targets of as many connections, of which each ends before the next comes. */
function visits(pool: Pool, count: number): string[] {
  return Array.from({ length: count }, () => {
    const row = pool.pick(NOBODY, [], 0);
    pool.release(row, NOBODY, 0, 0, 0);
    return pool.identity(row);
  });
}

function poolOf(options: Partial<PoolOptions>): Pool {
  const pool = makePool(options);
  for (const [name, weight] of [["a", 100] as const, ["b", 100] as const, ["c", 200] as const]) {
    addTarget(pool, name, { weight });
  }
  return pool;
}

describe("clients without an address", () => {
  for (const algorithm of ALGORITHM_NAMES.filter((name) => name !== "leastconn")) {
    for (const persistent of [null, 60_000]) {
      it(`go to all targets by their weights: ${algorithm}${persistent === null ? "" : ", sticky"}`, () => {
        const seen = visits(poolOf({ algorithm, persistent }), 4_000);
        const [a, c] = ["a", "c"].map((name) => seen.filter((each) => each === name).length);
        assert.ok(Math.abs(a! - 1_000) < 150 && Math.abs(c! - 2_000) < 150, `${a} and ${c} of 4,000`);
      });
    }
  }

  it("go where there are the fewest connections, sticky or not", () => {
    for (const persistent of [null, 60_000]) {
      const pool = poolOf({ persistent });
      for (let n = 0; n < 400; n++) pool.pick(NOBODY, [], n);
      assert.deepEqual(
        pool.targets().map(({ active }) => active),
        [100, 100, 200],
      );
    }
  });

  it("are not the same on every balancer, and not one client to be warned of", () => {
    const [one, other] = [poolOf({ algorithm: "hash", persistent: 60_000 }), poolOf({ algorithm: "hash", seed: 7 })];
    assert.notDeepEqual(visits(one, 500), visits(other, 500));
    assert.equal(one.loneClient, null);
  });

  it("try another target when one fails", () => {
    const pool = poolOf({ algorithm: "hash", persistent: 60_000 });
    const first = pool.pick(NOBODY, [], 0);
    pool.failed(first, NOBODY, 0);
    const second = pool.pick(NOBODY, [first], 0);
    assert.notEqual(second, first);
    pool.release(second, NOBODY, 0, 0, 0);
    assert.equal(pool.view(pool.identity(second))?.active, 0);
  });
});
