/** The table of sticky bindings: how many there may be, and what they cost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { random } from "../../src/pool/algorithms/random.ts";
import { BINDINGS, BUCKETS } from "../../src/pool/header.ts";
import { BINDING_WAYS } from "../../src/pool/layout.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Bindings } from "../../src/pool/sticky.ts";
import { addTarget, client, makePool, memoryOf } from "./helpers.ts";

const IDLE = 1_000_000_000;
const MILLION = 1_000_000;

function stickyPool(maxBindings?: number, persistent = IDLE): Pool {
  const pool = makePool({ persistent, algorithm: "random", ...(maxBindings === undefined ? {} : { maxBindings }) });
  for (let i = 0; i < 8; i++) addTarget(pool, `t${i}`);
  return pool;
}

/** The row of a connection that ends at once. */
function visit(pool: Pool, n: number, now: number): number {
  const key = client(n);
  const row = pool.pick(key, [], now);
  pool.release(row, key, 0, 0, now);
  return row;
}

const header = (pool: Pool) => memoryOf(pool.handle, random).layout.header;

describe("the table of bindings", () => {
  it("keeps a million clients on their targets, without an option", () => {
    const pool = stickyPool();
    const { layout } = memoryOf(pool.handle, random);
    const bindings = new Bindings(layout, IDLE, pool.options.maxBindings, 7);
    const key = client(0);
    const rowOf = (n: number) => {
      key[3] = n;
      return n % 7;
    };
    for (let n = 0; n < MILLION; n++) bindings.bind(key, rowOf(n), n);
    assert.deepEqual([layout.header[BINDINGS], pool.evictions], [MILLION, 0]);
    for (let n = 0; n < MILLION; n += 10) {
      const row = rowOf(n);
      assert.equal(bindings.row(bindings.find(key, MILLION)), row);
    }
  });

  it("takes memory for those that there are, not for those that there may be", () => {
    const pool = stickyPool(1 << 24);
    const before = process.memoryUsage().rss;
    const CLIENTS = 10_000;
    for (let n = 0; n < CLIENTS; n++) visit(pool, n, 0);
    const slots = header(pool)[BUCKETS]! * BINDING_WAYS;
    assert.ok(slots <= 2.7 * CLIENTS, `${slots} slots for ${CLIENTS} clients`);
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert.ok(grown < 100, `${grown} MiB more, of more than a GiB that there may be`);
  });

  it("gives up the least recently used when there are as many as there may be, and counts it", () => {
    for (const most of [64, 1_000]) {
      const pool = stickyPool(most);
      for (let n = 0; n < most; n++) visit(pool, n, n);
      assert.deepEqual([header(pool)[BINDINGS], pool.evictions], [most, 0]);
      for (let n = most; n < 2 * most; n++) visit(pool, n, n);
      // Where both buckets of a client are empty one is made beyond the limit.
      const kept = header(pool)[BINDINGS]!;
      assert.ok(kept <= 1.01 * most, `${kept} of ${most}`);
      assert.equal(pool.evictions, 2 * most - kept);
      for (let n = most; n < 2 * most; n++) visit(pool, n, n);
      assert.ok(pool.evictions - (2 * most - kept) < 0.3 * most, "the newest are nearly all there");
    }
  });

  it("does not grow for those that have expired, nor count them as given up", () => {
    const pool = stickyPool(1_000, 100);
    for (let n = 0; n < 20_000; n++) visit(pool, n, n);
    assert.ok(
      header(pool)[BUCKETS]! * BINDING_WAYS < 1_000,
      `${header(pool)[BUCKETS]} buckets for 100 clients at a time`,
    );
    assert.equal(pool.evictions, 0);
  });
});

describe("a pool of 10,000 targets", () => {
  for (const algorithm of ["leastconn", "roundrobin", "random"] as const) {
    it(`picks each of them by ${algorithm}`, () => {
      const pool = makePool({ algorithm, maxTargets: 10_000 });
      for (let i = 0; i < 10_000; i++) addTarget(pool, `t${i}`);
      const seen = new Set<number>();
      for (let n = 0; n < 10_000; n++) seen.add(pool.pick(client(n), [], 0));
      assert.ok(seen.size > (algorithm === "random" ? 6_000 : 9_999), `${seen.size}`);
      assert.throws(() => addTarget(pool, "one more"), /at most 10000 targets \(--max-targets\)/);
    });
  }
});
