import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { hash } from "../../../src/pool/algorithms/hash.ts";
import { type Pool, SharedPool } from "../../../src/pool/pool.ts";
import { TableBuilder, type TableTarget, tableSize } from "../../../src/pool/rendezvous.ts";
import { hashText } from "../../../src/pool/sip-hash.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { until } from "../../support/wait.ts";
import { addTarget, client, makePool, memoryOf, pickName } from "../helpers.ts";
import { sharesByWeight } from "./shares.ts";

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

function tableOf(weights: readonly number[], size?: number): Int32Array {
  return tableWith(
    weights.map((weight, row) => entryOf(row, weight, row)),
    size,
  );
}

/** Its entries are rows plus one. */
function tableWith(targets: readonly TableTarget[], size = tableSize(1024)): Int32Array {
  const table = new Int32Array(size);
  new TableBuilder(size).update(table, targets);
  return table;
}

function entryOf(row: number, weight: number, identity: number): TableTarget {
  const name = `web/10.0.0.${identity}:80`;
  return { row, weight, hash0: hashText(name, 0), hash1: hashText(name, 1) };
}

function moved(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((name, i) => name !== after[i]).length / before.length;
}

describe("consistent hash", () => {
  sharesByWeight("hash", "released");

  it("is the same on two balancers, whatever the order of registration", () => {
    assert.deepEqual(assignment(poolOf(names(20))), assignment(poolOf(names(20).reverse())));
  });

  it("is the same in every version, so that balancers of two of them agree, and an upgrade moves nobody", () => {
    const pool = makePool({ algorithm: "hash", maxTargets: 1024 });
    for (const [i, name] of names(5).entries()) addTarget(pool, name, { weight: 100 * (i + 1) });
    const goes = assignment(pool).map((name) => names(5).indexOf(name as string));
    assert.equal(goes.slice(0, 30).join(""), "432024333234311224441334442142");
    assert.equal(createHash("sha256").update(goes.join("")).digest("hex").slice(0, 16), "0bd614c5d0eecb54");
  });

  for (const count of [5, 20, 100]) {
    it(`adding or removing one of ${count} targets moves about 1/${count} of the clients`, () => {
      const all = names(count);
      const with_ = assignment(poolOf(all));
      const without = assignment(poolOf(all.slice(0, -1)));
      const share = moved(with_, without);
      // Four deviations: of the sample, and of the target's share of the table.
      const most = 1 / count + 4 * Math.sqrt(1 / count / CLIENTS + 1 / count / tableSize(1024));
      assert.ok(share >= 0.7 / count && share <= most, `${share} moved, 1/${count} is ${1 / count}, at most ${most}`);
    });
  }

  it("moves no entry but those of the target that comes or goes, whatever the weights", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2, maxLength: 40 }), (weights) => {
        const before = tableOf(weights, 100_003);
        const after = tableOf(weights.slice(0, -1), 100_003);
        const last = weights.length; // entries are rows plus one
        assert.ok(before.every((target, entry) => target === last || target === after[entry]));
      }),
      { numRuns: amount(20) },
    );
  });

  it("is the same after any course of changes as when it is filled at once", () => {
    // Few entries and few weights, so that targets often arrive at the same time.
    const size = 1009;
    const weight = fc.constantFrom(0, 1, 2, 500, 1000);
    const change = fc.record({ row: fc.nat(11), weight, identity: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(change, { selector: ({ row }) => row, maxLength: 8 })), (course) => {
        const builder = new TableBuilder(size);
        const table = new Int32Array(size);
        const there = new Map<number, TableTarget>();
        for (const changes of course) {
          const targets = changes.map(({ row, weight, identity }) => entryOf(row, weight, 100 * row + identity));
          for (const target of targets) there.set(target.row, target);
          builder.update(table, targets);
          assert.deepEqual(table, tableWith([...there.values()].reverse(), size));
        }
      }),
      { numRuns: amount(500) },
    );
  });

  it("has shares as the weights", () => {
    for (const weights of [
      [500, 500, 1000],
      [1, 2, 3, 4],
      [1_000_000, 10_000, 100_000],
      [7, 7, 7, 7, 7, 7, 7],
    ]) {
      const table = tableOf(weights);
      const sum = weights.reduce((a, b) => a + b, 0);
      for (const [row, weight] of weights.entries()) {
        const got = table.filter((entry) => entry === row + 1).length / table.length;
        const fair = weight / sum;
        // Four deviations of independent entries.
        const off = 4 * Math.sqrt((fair * (1 - fair)) / table.length);
        assert.ok(Math.abs(got - fair) <= off, `${got} of the entries for ${fair} of the weight`);
      }
    }
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

  it("shares the clients of a full target among the others by their weights", () => {
    const pool = makePool({ algorithm: "hash", maxTargets: 1024 });
    for (const [name, weight] of [["full", 500] as const, ["light", 100] as const, ["heavy", 900] as const]) {
      addTarget(pool, name, { weight });
    }
    const before = assignment(pool);
    addTarget(pool, "full", { weight: 500, max: 1 });
    pool.pick(client(before.indexOf("full")), [], 0);
    const moved = assignment(pool).filter((_, i) => before[i] === "full");
    const share = moved.filter((name) => name === "heavy").length / moved.length;
    assert.ok(Math.abs(share - 0.9) < 0.03, `${share} of them went to nine tenths of the weight`);
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

  it("gives a client the same target on every balancer when its entries in an old table are all closed", () => {
    const open = names(40).slice(0, 3);
    const picks = [names(40), names(40).reverse()].map((order) => {
      const pool = poolOf(order);
      assignment(pool);
      for (const name of names(40).slice(3)) pool.setState(name, "down");
      const other = SharedPool.attach(pool.handle, 1); // it does not wait for the next table
      return Array.from({ length: 300 }, (_, i) => pool.identity(other.pick(client(i), [], 0)));
    });
    assert.deepEqual(picks[0], picks[1]);
    for (const name of open) assert.ok(picks[0]!.filter((each) => each === name).length > 50, name);
  });

  it("reaches the other threads without a pick by the creator", async () => {
    const pool = poolOf(names(10));
    const other = SharedPool.attach(pool.handle, 1);
    const { side } = memoryOf(pool.handle, hash).own;
    const before = side[0];
    assert.ok(other.pick(client(0), [], 0) >= 0, "there is no table yet, but there are targets");
    await until("the table", () => side[0] !== before);
    for (let i = 0; i < 100; i++) assert.equal(other.pick(client(i), [], 0), pool.pick(client(i), [], 0));
  });

  it("is filled by one heavy target and many light ones, in about as many steps", () => {
    const table = tableOf([1_000_000, ...Array(999).fill(1)]);
    assert.ok(table.every((entry) => entry > 0));
    assert.ok(table.filter((entry) => entry === 1).length > 0.99 * table.length);
  });
});
