import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashText } from "../../src/pool/hash.ts";
import { fillMaglev, type MaglevTarget } from "../../src/pool/picks/maglev.ts";
import { Pool } from "../../src/pool/pool.ts";
import { hashTableSize, view } from "../../src/pool/table.ts";
import { HASH_SIDE } from "../../src/pool/words.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const CLIENTS = 20_000;

/** Where each client goes while nothing is held. */
function assignment(pool: Pool): (string | number)[] {
  return Array.from({ length: CLIENTS }, (_, i) => {
    const row = pool.pick(client(i), [], 0);
    if (row < 0) return row;
    pool.release(row, client(i), 0, 0, 0);
    return pool.identity(row);
  });
}

function poolOf(names: readonly string[]): Pool {
  const pool = makePool({ algorithm: "hash", maxTargets: 1024 });
  for (const name of names) addTarget(pool, name);
  return pool;
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `web/10.0.0.${i}:80`);
}

function moved(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((name, i) => name !== after[i]).length / before.length;
}

describe("consistent hash", () => {
  it("is the same on two balancers, whatever the order of registration", () => {
    assert.deepEqual(assignment(poolOf(names(20))), assignment(poolOf(names(20).reverse())));
  });

  for (const count of [5, 20, 100]) {
    it(`adding or removing one of ${count} targets moves about 1/${count} of the clients`, () => {
      const all = names(count);
      const with_ = assignment(poolOf(all));
      const without = assignment(poolOf(all.slice(0, -1)));
      const share = moved(with_, without);
      // Binomial scatter of the sample, and the few further entries that Maglev moves.
      const most = 1 / count + 4 * Math.sqrt(1 / count / CLIENTS) + 0.01;
      assert.ok(share >= 0.8 / count && share <= most, `${share} moved, 1/${count} is ${1 / count}, at most ${most}`);
    });
  }

  it("moves little in a full pool: 1,000 targets, one leaves", () => {
    const targets: MaglevTarget[] = names(1000).map((name, row) => ({
      row,
      weight: 500,
      hash0: hashText(name, 0),
      hash1: hashText(name, 1),
    }));
    const size = hashTableSize(1024);
    const before = new Int32Array(size);
    const after = new Int32Array(size);
    fillMaglev(before, targets);
    fillMaglev(after, targets.slice(0, -1));
    const share = moved([...before], [...after]);
    assert.ok(share < 0.02, `${share} of the entries moved`);
  });

  it("only moves the clients of a full target, and brings them back", () => {
    const pool = poolOf(names(10));
    const before = assignment(pool);
    const full = names(10)[3]!;
    addTarget(pool, full, { max: 1 });
    const owner = before.indexOf(full);
    const row = pool.pick(client(owner), [], 0);
    const during = assignment(pool);
    assert.equal(during.includes(full), false);
    before.forEach((name, i) => {
      if (name !== full) assert.equal(during[i], name);
    });
    pool.release(row, client(owner), 0, 0, 0);
    assert.deepEqual(assignment(pool), before);
  });

  it("never chooses a target that was just taken out, before the table is rebuilt either", () => {
    const pool = poolOf(names(10));
    assignment(pool);
    for (const name of names(9)) {
      pool.setState(name, "down");
      assert.equal(assignment(pool).includes(name), false);
    }
    assert.equal(pickName(pool), names(10)[9]);
  });

  it("reaches the other threads without a pick by the creator", async () => {
    const pool = poolOf(names(10));
    const other = Pool.attach(pool.shared, 1);
    const { header } = view(pool.shared.options, pool.shared.buffer);
    const side = header[HASH_SIDE];
    assert.ok(other.pick(client(0), [], 0) >= 0, "there is no table yet, but there are targets");
    const deadline = performance.now() + 5000;
    while (header[HASH_SIDE] === side) {
      assert.ok(performance.now() < deadline, "the table has not been built");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (let i = 0; i < 100; i++) assert.equal(other.pick(client(i), [], 0), pool.pick(client(i), [], 0));
  });

  it("is filled in no time by one heavy target and many light ones", () => {
    const table = new Int32Array(hashTableSize(1024));
    const targets = names(1000).map((name, row) => ({
      row,
      weight: row === 0 ? 1_000_000 : 1,
      hash0: hashText(name, 0),
      hash1: hashText(name, 1),
    }));
    fillMaglev(table, targets);
    assert.ok(table.every((row) => row >= 0));
    assert.ok(table.filter((row) => row === 0).length > 0.99 * table.length);
  });
});
