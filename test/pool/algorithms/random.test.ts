import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addTarget, client, makePool } from "../helpers.ts";
import { sharesByWeight } from "./shares.ts";

describe("power of two random choices", () => {
  sharesByWeight("random", "released");
  sharesByWeight("random", "kept");

  it("keeps open connections closer together than single random choices would", () => {
    const pool = makePool({ algorithm: "random" });
    for (const [i, weight] of [500, 500, 1000].entries()) addTarget(pool, `t${i}`, { weight });
    for (let i = 0; i < 4_000; i++) {
      pool.pick(client(i), [], i);
      const [a, b, c] = pool.targets().map(({ active }) => active);
      // Single choices are 25 apart after 4,000 of them, on average.
      assert.ok(Math.abs(a! - b!) <= 10 && Math.abs(a! + b! - c!) <= 20, `${a}, ${b} and ${c} open connections`);
    }
  });
});
