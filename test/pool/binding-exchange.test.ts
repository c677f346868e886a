/** What other balancers are told of a pool's sticky bindings, and what becomes of theirs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientKey, Pool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool } from "./helpers.ts";

const IDLE = 1_000;
/** When the pool's time began, ms since 1970. */
const EPOCH = 1_700_000_000_000;

function stickyPool(maxBindings = 1 << 16): Pool {
  const pool = makePool({ persistent: IDLE, algorithm: "random", maxBindings });
  for (const name of ["a", "b", "c"]) addTarget(pool, name);
  pool.exchange.isOn = true;
  return pool;
}

function visit(pool: Pool, n: number, now: number): string {
  const row = pool.pick(client(n), [], now);
  pool.release(row, client(n), 0, 0, now);
  return pool.identity(row);
}

const at = (now: number) => ({ now, stamp: EPOCH + now });

/** Another balancer has bound the client to the row at `boundAt`, and used that last at `usedAt`. */
function adopt(pool: Pool, key: ClientKey, row: number, usedAt: number, now: number, boundAt = usedAt): boolean {
  return pool.exchange.adopt(key, row, { usedAt, boundAt: EPOCH + boundAt }, at(now));
}

/** The clients of which others are told, and their targets. */
function told(pool: Pool, now: number, elapsed = 0, most = 10_000): Map<number, string> {
  const found = pool.exchange.take(at(now), elapsed, most);
  return new Map(found.map(({ client: key, row }) => [key[3]! - (10 << 24), pool.identity(row)]));
}

const MANY = Array.from({ length: 3_000 }, (_, n) => n);

describe("of a pool's bindings", () => {
  it("others are told once of each that is new, though the table grows meanwhile", () => {
    const pool = stickyPool();
    const targets = new Map(MANY.map((n) => [n, visit(pool, n, 1)]));
    const found = told(pool, 2);
    // What has moved after it was noted is found by the walk.
    for (const [n, target] of told(pool, 3, IDLE)) found.set(n, target);
    assert.deepEqual(
      found,
      new Map([...targets].sort(([a], [b]) => [...found.keys()].indexOf(a) - [...found.keys()].indexOf(b))),
    );
    assert.equal(told(pool, 4, IDLE).size, 0);
    pool.exchange.isOn = false;
    visit(pool, 5_000, 5);
    assert.equal(told(pool, 5).size, 0, "nobody notes it while nobody is to be told");
  });

  it("others are told by and by where more are new than can be noted", () => {
    const pool = stickyPool(16); // of which as many are noted as there are slots
    for (let n = 0; n < 200; n++) visit(pool, n, 1);
    const found = new Set<number>();
    for (let now = 2; now < 5; now++) for (const n of told(pool, now, IDLE).keys()) found.add(n);
    const kept = [...pool.bindingViews(() => 2)].map(({ client: of }) => Number(of.split(".")[3]));
    assert.deepEqual([...found].map((n) => n & 255).sort(), kept.sort());
  });

  it("others are told again of those that are in use, or were used for a quarter of their time since", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 0);
    visit(pool, 2, 0);
    visit(pool, 3, 0);
    assert.equal(told(pool, 0).size, 3);
    visit(pool, 2, 100);
    assert.equal(told(pool, 200, IDLE).size, 0);
    visit(pool, 2, 250);
    assert.deepEqual([...told(pool, 260, IDLE).keys()].sort(), [1, 2]);
    pool.release(row, client(1), 0, 0, 300);
    assert.equal(told(pool, 400, IDLE).size, 0);
  });

  it("others are told of another target of the same client", () => {
    const pool = stickyPool();
    const first = visit(pool, 1, 0);
    told(pool, 0);
    pool.setState(first, "down");
    const second = visit(pool, 1, 1);
    assert.notEqual(first, second);
    assert.deepEqual(told(pool, 2), new Map([[1, second]]));
  });

  it("another balancer's is in force where there is none, and others are not told of it as of an own one", () => {
    const pool = stickyPool();
    for (const n of MANY) assert.ok(adopt(pool, client(n), pool.row("b"), 50, 100));
    assert.equal(told(pool, 100, IDLE).size, 0);
    for (const n of MANY) assert.equal(visit(pool, n, 101), "b");
    assert.equal([...pool.bindingViews(() => 101)].filter(({ isShared }) => isShared).length, MANY.length);
    assert.equal(told(pool, 102, IDLE).size, 0, "they know that it was used a moment ago");
    visit(pool, 1, 320);
    assert.deepEqual(told(pool, 330, IDLE), new Map([[1, "b"]]));
  });

  it("another balancer's has the rest of its time", () => {
    const pool = stickyPool();
    assert.ok(!adopt(pool, client(1), pool.row("b"), -IDLE, 0));
    assert.ok(adopt(pool, client(1), pool.row("b"), 1 - IDLE, 0), "though it is older than this process");
    assert.equal([...pool.bindingViews(() => 0)].length, 1);
    assert.equal([...pool.bindingViews(() => 1)].length, 0);
  });

  it("that one holds which the client was bound to last, whichever was used since", () => {
    const pool = stickyPool();
    const own = visit(pool, 1, 100);
    const other = own === "a" ? "b" : "a";
    told(pool, 110);
    assert.ok(!adopt(pool, client(1), pool.row(other), 200, 210, 109));
    assert.deepEqual(told(pool, 211), new Map([[1, own]]), "whoever has said so learns of it");
    assert.equal(told(pool, 212).size, 0, "once");
    visit(pool, 1, 300);
    assert.ok(adopt(pool, client(1), pool.row(other), 112, 310, 111));
    assert.equal(visit(pool, 1, 320), other);
    assert.equal(told(pool, 330).size, 0);
    assert.equal(
      [...pool.bindingViews(() => 112 + IDLE)].length,
      1,
      "it lasts from its last use on, wherever that was",
    );
    assert.equal(pool.bindings, 1);
  });

  it("a client keeps its target while it has a connection here, and others are asked to say theirs again after that", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 100);
    const other = pool.identity(row) === "a" ? "b" : "a";
    told(pool, 110);
    assert.ok(!adopt(pool, client(1), pool.row(other), 130, 140));
    assert.equal(visit(pool, 1, 145), pool.identity(row));
    assert.equal(told(pool, 150).size, 0);
    pool.release(row, client(1), 0, 0, 160);
    assert.deepEqual(told(pool, 170), new Map([[1, pool.identity(row)]]));
    assert.ok(adopt(pool, client(1), pool.row(other), 130, 180));
    assert.equal(visit(pool, 1, 190), other);
  });

  it("one that a client is given in place of another goes before that, whatever the clocks say", () => {
    const pool = stickyPool();
    const ahead = 5_000;
    assert.ok(adopt(pool, client(1), pool.row("a"), 100, 100, ahead));
    pool.setState("a", "down");
    assert.notEqual(visit(pool, 1, 110), "a");
    assert.deepEqual(
      pool.exchange.take(at(120), 0, 10).map(({ boundAt }) => boundAt),
      [EPOCH + ahead + 1],
    );
    assert.ok(!adopt(pool, client(1), pool.row("a"), 130, 130, ahead));
  });

  it("those of others are told of by their heirs, at once and once, own new ones first", () => {
    const pool = stickyPool();
    for (const n of MANY) adopt(pool, client(n), pool.row("b"), 50, 100);
    visit(pool, 5_000, 100);
    pool.exchange.inherit((key) => key[3]! % 2 === 0);
    assert.equal([...told(pool, 101, 0, 10).keys()][0], 5_000);
    const found = new Set<number>();
    for (let now = 102; now < 110; now++) for (const n of told(pool, now, 0, 500).keys()) found.add(n);
    assert.equal(found.size, MANY.length / 2 - 9);
    assert.ok([...found].every((n) => n % 2 === 0));
    pool.exchange.inherit(() => true);
    for (let now = 110; now < 120; now++) for (const n of told(pool, now, 0, 500).keys()) found.add(n);
    assert.equal(found.size, MANY.length - 9, "those of another one that is gone");
  });

  it("it is said when their clients were bound, wherever that was, though the table grows and moves", () => {
    const pool = stickyPool();
    for (const n of MANY) adopt(pool, client(n), pool.row("b"), 50, 100, 10 + n);
    pool.change({ maxBindings: 1 << 20 });
    assert.ok(!adopt(pool, client(7), pool.row("b"), 40, 100, 5), "used earlier");
    assert.ok(!adopt(pool, client(8), pool.row("b"), 50, 100, 90), "bound later, by two of them");
    pool.exchange.inherit(() => true);
    const found = [1, 2, 3].flatMap(() => pool.exchange.take(at(101), 0, 10_000));
    const expected = MANY.map((n) => [client(n)[3], EPOCH + (n === 8 ? 90 : 10 + n)] as const);
    assert.deepEqual(new Map(found.map(({ client: key, boundAt }) => [key[3], boundAt] as const)), new Map(expected));
  });

  it("as many are kept as may be, and none that was used goes for an older one of another balancer's", () => {
    const pool = stickyPool(8);
    for (let n = 0; n < 8; n++) visit(pool, n, 100);
    for (let n = 100; n < 200; n++) assert.ok(!adopt(pool, client(n), 0, 99, 110));
    assert.equal(pool.bindings, 8);
    assert.ok(adopt(pool, client(300), 0, 101, 110));
    assert.equal(pool.bindings, 8);
  });

  it("none is lost where the pool's memory moves", () => {
    const pool = stickyPool();
    for (let n = 0; n < 50; n++) visit(pool, n, 1);
    adopt(pool, client(60), pool.row("c"), 1, 1);
    pool.change({ maxBindings: 1 << 20 });
    const found = told(pool, 2);
    for (const n of told(pool, 3, IDLE).keys()) found.set(n, "");
    assert.equal(found.size, 50);
    assert.equal(visit(pool, 60, 2), "c");
  });
});
