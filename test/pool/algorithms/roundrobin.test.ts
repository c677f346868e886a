import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { roundrobin } from "../../../src/pool/algorithms/roundrobin.ts";
import type { Pool } from "../../../src/pool/pool.ts";
import { addTarget, client, makePool, memoryOf } from "../helpers.ts";
import { sharesByWeight } from "./shares.ts";

describe("smooth round robin", () => {
  sharesByWeight("roundrobin", "released");
  sharesByWeight("roundrobin", "kept");

  it("spreads the turns: no window of ten picks strays from the weights by more than one turn", () => {
    const weights = [500, 300, 200];
    const pool = makePool({ algorithm: "roundrobin" });
    for (const [i, weight] of weights.entries()) addTarget(pool, `t${i}`, { weight });
    const rows = Array.from({ length: 1000 }, (_, i) => pool.pick(client(i), [], i));
    for (let start = 0; start + 10 <= rows.length; start++) {
      const window = rows.slice(start, start + 10);
      for (const [row, weight] of weights.entries()) {
        const turns = window.filter((picked) => picked === row).length;
        assert.ok(Math.abs(turns - weight / 100) <= 1, `${turns} turns of ten for weight ${weight}`);
      }
    }
  });

  it("lets a newcomer start at the current time, not make up for the past", () => {
    const pool = makePool({ algorithm: "roundrobin" });
    addTarget(pool, "old");
    for (let i = 0; i < 1000; i++) pool.pick(client(i), [], i);
    addTarget(pool, "new");
    const before = pool.view("old")!.active;
    for (let i = 0; i < 100; i++) pool.pick(client(i), [], i);
    assert.ok(Math.abs(pool.view("new")!.active - 50) <= 1);
    assert.ok(Math.abs(pool.view("old")!.active - before - 50) <= 1);
  });

  for (const [what, away, back] of [
    ["drained", (pool: Pool) => pool.setState("b", "draining"), (pool: Pool) => pool.setState("b", "up")],
    ["was down", (pool: Pool) => pool.setState("b", "down"), (pool: Pool) => pool.setState("b", "up")],
    ["was full", (pool: Pool) => addTarget(pool, "b", { max: 1 }), (pool: Pool) => addTarget(pool, "b")],
    ["had weight 0", (pool: Pool) => addTarget(pool, "b", { weight: 0 }), (pool: Pool) => addTarget(pool, "b")],
  ] as const) {
    it(`does not make up for the turns that a target missed while it ${what}`, () => {
      const pool = makePool({ algorithm: "roundrobin" });
      for (const name of ["a", "b"]) addTarget(pool, name);
      const turns = (count: number) => {
        const before = pool.view("b")!.active;
        for (let i = 0; i < count; i++) pool.pick(client(i), [], i);
        return pool.view("b")!.active - before;
      };
      assert.equal(turns(10), 5);
      away(pool);
      assert.equal(turns(300), 0);
      back(pool);
      assert.ok(Math.abs(turns(100) - 50) <= 1);
    });
  }

  it("spreads the first turns of many light newcomers", () => {
    const pool = makePool({ algorithm: "roundrobin", maxTargets: 1024 });
    addTarget(pool, "heavy", { weight: 1000 });
    for (let i = 0; i < 5000; i++) pool.pick(client(i), [], i);
    for (let i = 0; i < 1000; i++) addTarget(pool, `light${i}`, { weight: 1 });
    for (let window = 0; window < 10; window++) {
      const before = pool.view("heavy")!.active;
      for (let i = 0; i < 100; i++) pool.pick(client(i), [], i);
      const turns = pool.view("heavy")!.active - before;
      assert.ok(Math.abs(turns - 50) <= 5, `${turns} turns of 100 for half of the weight`);
    }
  });

  it("keeps its shares over millions of turns of the lightest weight", () => {
    const pool = makePool({ algorithm: "roundrobin" });
    addTarget(pool, "light", { weight: 1 });
    const key = client(0);
    // Passes the point where the virtual time is set back.
    for (let i = 0; i < 1_100_000; i++) pool.release(pool.pick(key, [], i), key, 0, 0, i);
    addTarget(pool, "twin", { weight: 1 });
    for (let i = 0; i < 100; i++) pool.pick(key, [], i);
    assert.ok(Math.abs(pool.view("twin")!.active - 50) <= 1);
    addTarget(pool, "heavy", { weight: 1_000_000 });
    addTarget(pool, "half", { weight: 500_000 });
    for (let i = 0; i < 30_000; i++) pool.pick(key, [], i);
    assert.ok(Math.abs(pool.view("heavy")!.active - 20_000) <= 2);
    assert.ok(Math.abs(pool.view("half")!.active - 10_000) <= 2);
  });

  it("keeps its shares through the moment when the virtual time is set back", () => {
    const pool = makePool({ algorithm: "roundrobin" });
    const { clock } = memoryOf(pool.handle, roundrobin).own;
    clock[0] = 2 ** 20 - 5;
    for (const weight of [1, 2, 3]) addTarget(pool, `t${weight}`, { weight });
    for (let i = 0; i < 120; i++) pool.pick(client(i), [], i);
    assert.ok(clock[0]! < 20, "it was set back");
    for (const weight of [1, 2, 3]) {
      const { active } = pool.view(`t${weight}`)!;
      assert.ok(Math.abs(active - 20 * weight) <= 1, `${active} turns for weight ${weight} of 6`);
    }
  });

  it("follows a change of weight at once", () => {
    const pool = makePool({ algorithm: "roundrobin" });
    addTarget(pool, "a", { weight: 1 });
    addTarget(pool, "b", { weight: 1000 });
    for (let i = 0; i < 100; i++) pool.pick(client(i), [], i);
    addTarget(pool, "a", { weight: 1000 });
    const before = pool.view("a")!.active;
    for (let i = 0; i < 100; i++) pool.pick(client(i), [], i);
    assert.ok(Math.abs(pool.view("a")!.active - before - 50) <= 1);
  });
});
