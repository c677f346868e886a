import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addTarget, client, makePool } from "../helpers.ts";
import { PICKS, share, sharesByWeight } from "./shares.ts";

describe("weighted least connections", () => {
  sharesByWeight("leastconn", "kept");

  it("gives 400 open connections to weights 500/500/1000 as 100/100/200", () => {
    const pool = makePool();
    for (const [name, weight] of [["a", 500] as const, ["b", 500] as const, ["c", 1000] as const]) {
      addTarget(pool, name, { weight });
    }
    for (let i = 0; i < 400; i++) pool.pick(client(i), [], i);
    assert.deepEqual(
      pool.targets().map((target) => target.active),
      [100, 100, 200],
    );
  });

  it("sends every connection to the heaviest while it is idle", () => {
    const pool = makePool();
    for (const [name, weight] of [["a", 500] as const, ["b", 500] as const, ["c", 1000] as const]) {
      addTarget(pool, name, { weight });
    }
    assert.deepEqual([...share(pool, "released")], [["c", PICKS]]);
  });

  it("prefers the heavier among equals, so that a close that is late moves nobody off the heaviest", () => {
    const pool = makePool();
    for (const [name, weight] of [["a", 500] as const, ["b", 500] as const, ["c", 1000] as const]) {
      addTarget(pool, name, { weight });
    }
    let last = pool.pick(client(0), [], 0);
    for (let i = 1; i < PICKS; i++) {
      const next = pool.pick(client(i), [], i); // the one before is still open: (1 + 1) / 1000 is as much as 1 / 500
      assert.equal(pool.identity(next), "c");
      pool.release(last, client(i - 1), 0, 0, i);
      last = next;
    }
  });

  it("breaks ties among equal weights by the least recently picked", () => {
    const pool = makePool();
    for (const name of ["a", "b", "c"]) addTarget(pool, name);
    const names: string[] = [];
    for (let i = 0; i < 6; i++) {
      const row = pool.pick(client(i), [], i);
      names.push(pool.identity(row));
      pool.release(row, client(i), 0, 0, i);
    }
    assert.deepEqual(names, ["a", "b", "c", "a", "b", "c"]);
  });
});
