import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Pool, SharedPool } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const IDLE = 1000;

function stickyPool(targets = 4, maxBindings = 1024): Pool {
  const pool = makePool({ persistent: IDLE, maxBindings });
  for (let i = 0; i < targets; i++) addTarget(pool, `t${i}`);
  return pool;
}

/** The target of a connection that ends at once. */
function visit(pool: Pool, n: number, now: number, tried: number[] = []): string {
  const row = pool.pick(client(n), tried, now);
  assert.ok(row >= 0);
  pool.release(row, client(n), 0, 0, now);
  return pool.identity(row);
}

describe("sticky bindings", () => {
  it("bring a client back to its target, each client to its own", () => {
    const pool = stickyPool();
    const first = Array.from({ length: 100 }, (_, n) => visit(pool, n, 0));
    assert.equal(new Set(first).size, 4);
    for (let round = 1; round < 5; round++) {
      assert.deepEqual(
        first.map((_, n) => visit(pool, n, round)),
        first,
      );
    }
  });

  it("are forgotten for one target, and no other", () => {
    const pool = stickyPool(2, 8);
    const first = visit(pool, 1, 0);
    const row = pool.row(first);
    pool.unbind(client(1), 1 - row);
    pool.unbind(client(2), row);
    assert.equal(pool.bindings, 1);
    assert.equal(visit(pool, 1, 0), first);
    pool.unbind(client(1), row);
    pool.unbind(client(1), row);
    assert.equal(pool.bindings, 0);
    assert.notEqual(visit(pool, 1, 0), first, "it was picked more recently than the other");
  });

  it("tell clients apart by the whole address", () => {
    const pool = stickyPool(2, 8); // one bucket for all
    const base = [0x20010db8, 1, 2, 3];
    const pick = (key: Uint32Array) => pickName(pool, key);
    const first = pick(Uint32Array.from(base));
    for (let word = 0; word < 4; word++) {
      const other = Uint32Array.from(base);
      other[word]! ^= 0x80000000;
      // It is not bound yet, so it gets the other target; with the first client's binding it would get the same.
      pool.setState(String(first), "draining");
      const second = pick(other);
      pool.setState(String(first), "up");
      assert.notEqual(second, first);
      assert.equal(pick(Uint32Array.from(base)), first);
    }
  });

  it("expire after idle time, not before; use extends them", () => {
    const pool = stickyPool();
    const target = visit(pool, 1, 0);
    assert.equal(visit(pool, 1, IDLE - 1), target);
    assert.equal(visit(pool, 1, 2 * IDLE - 2), target);
    // All other targets were picked less recently than `target` by now, so a fresh pick differs.
    assert.notEqual(visit(pool, 1, 3 * IDLE - 2), target);
  });

  it("are extended by a new connection while the last one is open", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 0);
    assert.equal(pool.pick(client(1), [], IDLE - 1), row);
    assert.equal(pool.pick(client(1), [], 2 * IDLE - 2), row);
  });

  it("count idle time from the end of a connection", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 0);
    const other = visit(pool, 2, IDLE / 2);
    assert.notEqual(other, pool.identity(row));
    pool.release(row, client(1), 0, 0, IDLE - 1);
    assert.equal(visit(pool, 1, 2 * IDLE - 2), pool.identity(row));
  });

  it("do not expire while a connection of their client is open", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 0);
    assert.equal(pool.pick(client(1), [], 5 * IDLE), row);
    pool.release(row, client(1), 0, 0, 6 * IDLE); // one of two
    assert.equal(visit(pool, 1, 9 * IDLE), pool.identity(row));
    pool.release(row, client(1), 0, 0, 10 * IDLE);
    assert.equal(visit(pool, 1, 11 * IDLE - 1), pool.identity(row), "idle time counts from the last close");
    assert.notEqual(visit(pool, 1, 13 * IDLE), pool.identity(row));
  });

  it("are not in use by attempts that failed", () => {
    const pool = stickyPool();
    const failed = pool.pick(client(1), [], 0);
    pool.failed(failed, client(1), 0);
    const row = pool.pick(client(1), [failed], 0);
    pool.release(row, client(1), 0, 0, 0);
    pool.setState(pool.identity(failed), "up");
    assert.notEqual(visit(pool, 1, IDLE), pool.identity(row));
  });

  it("are in use by connections to targets that the client has left", () => {
    const pool = stickyPool();
    const old = pool.pick(client(1), [], 0);
    pool.setState(pool.identity(old), "draining");
    const next = visit(pool, 1, 0);
    assert.equal(visit(pool, 1, 5 * IDLE), next);
    pool.release(old, client(1), 0, 0, 6 * IDLE);
    assert.equal(visit(pool, 1, 7 * IDLE - 1), next);
  });

  it("make way for others when they are not in use", () => {
    const pool = stickyPool(2, 8); // one bucket for all
    const row = pool.pick(client(0), [], 0);
    for (let n = 1; n < 100; n++) visit(pool, n, n);
    pool.release(row, client(0), 0, 0, 100);
    addTarget(pool, pool.identity(row), { weight: 1 });
    assert.equal(visit(pool, 0, 100), pool.identity(row));
  });

  it("are free again when the worker that held them has died", () => {
    const pool = stickyPool();
    const row = SharedPool.attach(pool.handle, 1).pick(client(1), [], 0);
    pool.recover(1);
    assert.equal(visit(pool, 1, IDLE - 1), pool.identity(row));
    assert.notEqual(visit(pool, 1, 3 * IDLE), pool.identity(row));
  });

  for (const [what, change] of [
    ["drains", (pool: Pool, name: string) => pool.setState(name, "draining")],
    ["goes down", (pool: Pool, name: string) => pool.setState(name, "down")],
    ["becomes suspect", (pool: Pool, name: string) => pool.setState(name, "suspect")],
    ["leaves", (pool: Pool, name: string) => pool.remove(name)],
    ["gets weight 0", (pool: Pool, name: string) => addTarget(pool, name, { weight: 0 })],
  ] as const) {
    it(`move when the target ${what}, and stay with the new one`, () => {
      const pool = stickyPool();
      const target = visit(pool, 1, 0);
      change(pool, target);
      const next = visit(pool, 1, 1);
      assert.notEqual(next, target);
      addTarget(pool, target);
      pool.setState(target, "up");
      for (let now = 2; now < 10; now++) assert.equal(visit(pool, 1, now), next);
    });
  }

  it("move when connecting to the target failed", () => {
    const pool = stickyPool();
    const row = pool.pick(client(1), [], 0);
    pool.failed(row, client(1), 0);
    pool.setState(pool.identity(row), "up"); // another connection has succeeded meanwhile
    const next = visit(pool, 1, 1, [row]);
    assert.notEqual(next, pool.identity(row));
    assert.equal(visit(pool, 1, 2), next);
  });

  it("stay when the target is merely full: the client goes elsewhere meanwhile", () => {
    const pool = stickyPool(0);
    addTarget(pool, "small", { max: 1, weight: 1000 });
    addTarget(pool, "big", { weight: 1 });
    assert.equal(visit(pool, 1, 0), "small");
    const row = pool.pick(client(2), [], 1);
    assert.equal(pool.identity(row), "small");
    assert.equal(visit(pool, 1, 2), "big");
    pool.release(row, client(2), 0, 0, 3);
    assert.equal(visit(pool, 1, 4), "small");
  });

  it("do not pass to another target that gets the row", () => {
    const pool = makePool({ persistent: IDLE, maxTargets: 2 });
    addTarget(pool, "old");
    assert.equal(visit(pool, 1, 0), "old");
    pool.remove("old");
    addTarget(pool, "new", { weight: 1 });
    addTarget(pool, "heavy", { weight: 1000 });
    assert.equal(visit(pool, 1, 1), "heavy");
  });

  it("are bounded in number", () => {
    const most = 64;
    const pool = stickyPool(4, most);
    const clients = 1000;
    const first = Array.from({ length: clients }, (_, n) => visit(pool, n, n));
    // A client that is not bound any more gets one of the heavy targets, never the one that it had.
    const kept = first.filter((target, n) => {
      for (const other of ["t0", "t1", "t2", "t3"]) addTarget(pool, other, { weight: other === target ? 1 : 1000 });
      const row = pool.pick(client(n), [], clients);
      const bound = pool.identity(row) === target;
      pool.release(row, client(n), 0, 0, clients);
      return bound;
    });
    assert.ok(kept.length <= most, `${kept.length} bindings kept`);
  });

  it("give way to a newcomer in the order of their last use", () => {
    const pool = makePool({ persistent: IDLE, maxBindings: 8 }); // one bucket for all
    addTarget(pool, "home");
    for (let n = 0; n < 8; n++) visit(pool, n, n);
    visit(pool, 0, 8); // so that 1 is the least recent
    visit(pool, 8, 9);
    addTarget(pool, "home", { weight: 1 });
    addTarget(pool, "elsewhere", { weight: 1_000 });
    for (const n of [0, 2, 3, 4, 5, 6, 7, 8]) assert.equal(visit(pool, n, 10), "home", `client ${n}`);
    assert.equal(visit(pool, 1, 11), "elsewhere");
  });

  it("are as many as there may be after a worker's death, too", () => {
    const most = 64;
    const pool = stickyPool(1, most);
    for (let n = 0; n < most; n++) {
      visit(pool, n, n);
      if (n % 10 === 9) pool.recover(1);
    }
    assert.equal(pool.evictions, 0);
    pool.recover(1);
    for (let n = 0; n < 3; n++) visit(pool, most + n, most);
    assert.equal(pool.evictions, 3);
  });

  it("are off when persistent is null", () => {
    const pool = makePool();
    for (let i = 0; i < 4; i++) addTarget(pool, `t${i}`);
    assert.equal(new Set(Array.from({ length: 4 }, (_, now) => visit(pool, 1, now))).size, 4);
  });
});
