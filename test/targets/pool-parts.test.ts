import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Row } from "../../src/targets/entry.ts";
import { PoolParts } from "../../src/targets/pool-parts.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";

/** A target whose reporter says that. */
function rowOf(balancers?: number, place?: number, poolName = "p"): Row {
  return { poolName, registered: { report: { balancers, place } } } as unknown as Row;
}

describe("a balancer's part of a pool's concurrency", () => {
  it("is all of it where no reporter speaks to others", () => {
    const parts = new PoolParts(assert.fail);
    parts.note(rowOf());
    parts.note(rowOf(1, 0));
    parts.note({ poolName: "p", registered: null } as unknown as Row);
    assert.equal(parts.part("p", 10), 10);
  });

  it("comes to the whole over all places, but for what each has at least", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 100 }), fc.integer({ min: 1, max: 100_000 }), (balancers, concurrency) => {
        let sum = 0;
        for (let place = 0; place < balancers; place++) {
          const parts = new PoolParts(() => undefined);
          parts.note(rowOf(balancers, place));
          sum += parts.part("p", concurrency);
        }
        assert.equal(sum, Math.max(concurrency, balancers));
      }),
      { numRuns: amount(100) },
    );
  });

  it("is the smallest of what reporters say, is told when it is another one, and is each pool's own", () => {
    const told: string[] = [];
    const parts = new PoolParts((pool) => told.push(`${pool} ${parts.part(pool, 11)}`));
    const [three, four] = [rowOf(3, 0), rowOf(4, 3)];
    parts.note(three);
    parts.note(rowOf(3, 2));
    parts.note(four);
    parts.note(rowOf(2, 0, "q"));
    parts.note(four);
    parts.forget(four);
    parts.forget(four);
    parts.forget(three);
    assert.deepEqual(told, ["p 4", "p 3", "p 2", "q 6", "p 3"]);
  });

  it("follows what a reporter says otherwise, and goes with its target", () => {
    const parts = new PoolParts(() => undefined);
    const row = rowOf(3, 2);
    parts.note(row);
    Object.assign(row, rowOf(2, 1));
    parts.note(row);
    assert.equal(parts.part("p", 10), 5);
    Object.assign(row, rowOf());
    parts.note(row);
    assert.equal(parts.part("p", 10), 10);
  });
});
