import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ADMITTED, ALL_FULL, NO_TARGET, type Pool, REFUSED } from "../../src/pool/pool.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

function limited(concurrency: number, queue = 100): Pool {
  const pool = makePool({ concurrency, queue });
  addTarget(pool, "t");
  return pool;
}

/** Tickets granted until there is no more to grant. */
function grants(pool: Pool): number[] {
  const tickets: number[] = [];
  for (let grant = pool.grant(); grant !== null; grant = pool.grant()) tickets.push(grant.ticket);
  return tickets;
}

describe("the concurrency limit", () => {
  it("-1 admits every connection", () => {
    const pool = limited(-1);
    for (let ticket = 0; ticket < 1000; ticket++) assert.equal(pool.enter(ticket), ADMITTED);
    assert.equal(pool.active, 1000);
  });

  it("0 pauses: all wait until it is lifted", () => {
    const pool = limited(0);
    for (let ticket = 0; ticket < 3; ticket++) assert.ok(pool.enter(ticket) >= 0);
    assert.deepEqual(grants(pool), []);
    pool.setConcurrency(-1);
    assert.deepEqual(grants(pool), [0, 1, 2]);
    assert.equal(pool.active, 3);
  });

  it("N admits N; the others follow one by one, first come first served", () => {
    const pool = limited(2);
    assert.deepEqual([pool.enter(0), pool.enter(1)], [ADMITTED, ADMITTED]);
    for (let ticket = 2; ticket < 6; ticket++) assert.ok(pool.enter(ticket) >= 0);
    assert.deepEqual([pool.active, pool.waiting], [2, 4]);
    assert.deepEqual(grants(pool), []);
    for (let ticket = 2; ticket < 6; ticket++) {
      pool.leave();
      assert.deepEqual(grants(pool), [ticket]);
    }
    assert.deepEqual([pool.active, pool.waiting], [2, 0]);
  });

  it("lowered, it takes no permit away; raised, waiters follow", () => {
    const pool = limited(3);
    for (let ticket = 0; ticket < 5; ticket++) pool.enter(ticket);
    pool.setConcurrency(1);
    pool.leave();
    pool.leave();
    assert.deepEqual(grants(pool), []);
    pool.leave();
    assert.deepEqual(grants(pool), [3]);
    pool.setConcurrency(2);
    assert.deepEqual(grants(pool), [4]);
  });

  it("a permit that is not held cannot be given back", () => {
    const pool = limited(1);
    assert.throws(() => pool.leave(), /does not hold/);
    assert.equal(pool.active, 0);
  });
});

describe("the queue", () => {
  it("refuses connections beyond its length", () => {
    const pool = limited(0, 2);
    assert.deepEqual(
      [0, 1, 2].map((ticket) => pool.enter(ticket) === REFUSED),
      [false, false, true],
    );
    const none = limited(0, 0);
    assert.equal(none.enter(0), REFUSED);
  });

  it("lets no newcomer overtake", () => {
    const pool = limited(1);
    pool.enter(0);
    assert.ok(pool.enter(1) >= 0);
    pool.leave();
    assert.ok(pool.enter(2) >= 0, "a permit is free, but another connection waits for it");
    assert.deepEqual(grants(pool), [1]);
  });

  it("a client that left while queued takes nothing with it", () => {
    const pool = limited(1, 3);
    pool.enter(0);
    for (let round = 0; round < 100; round++) {
      const waiter = pool.enter(round + 1);
      assert.ok(waiter >= 0);
      assert.equal(pool.cancel(waiter), true);
    }
    assert.deepEqual([pool.active, pool.waiting], [1, 0]);
    pool.leave();
    assert.deepEqual(grants(pool), []);
    assert.equal(pool.enter(200), ADMITTED);
  });

  it("a late cancel of one that was granted affects no other", () => {
    const pool = limited(1, 1);
    pool.enter(0);
    const first = pool.enter(1);
    pool.leave();
    assert.deepEqual(grants(pool), [1]);
    const second = pool.enter(2);
    assert.equal(pool.cancel(first), false);
    assert.equal(pool.waiting, 1);
    assert.equal(pool.cancel(second), true);
  });

  it("names worker and ticket in a grant", () => {
    const pool = limited(0);
    pool.enter(2 ** 40);
    pool.setConcurrency(1);
    assert.deepEqual(pool.grant(), { worker: 0, ticket: 2 ** 40 });
  });

  it("does as a plain list does", () => {
    const command = fc.oneof(
      fc.constant({ do: "enter" as const, which: 0 }),
      fc.record({ do: fc.constant("cancel" as const), which: fc.nat(100) }),
      fc.constant({ do: "leave" as const, which: 0 }),
      fc.record({ do: fc.constant("limit" as const), which: fc.integer({ min: -1, max: 5 }) }),
      fc.constant({ do: "grant" as const, which: 0 }),
    );
    fc.assert(
      fc.property(fc.array(command, { size: "max", maxLength: 300 }), (commands) => {
        const pool = limited(2, 5);
        let limit = 2;
        let permits = 0;
        const list: { ticket: number; waiter: number }[] = [];
        const free = () => limit < 0 || permits < limit;
        commands.forEach(({ do: what, which }, ticket) => {
          if (what === "enter") {
            const result = pool.enter(ticket);
            if (list.length === 0 && free()) {
              assert.equal(result, ADMITTED);
              permits++;
            } else if (list.length === 5) assert.equal(result, REFUSED);
            else {
              assert.ok(result >= 0);
              list.push({ ticket, waiter: result });
            }
          } else if (what === "cancel" && list.length > 0) {
            assert.equal(pool.cancel(list.splice(which % list.length, 1)[0]!.waiter), true);
          } else if (what === "leave" && permits > 0) {
            permits--;
            pool.leave();
          } else if (what === "limit") {
            limit = which;
            pool.setConcurrency(limit);
          } else if (what === "grant") {
            const expected = free() ? list.shift() : undefined;
            if (expected !== undefined) permits++;
            assert.equal(pool.grant()?.ticket, expected?.ticket);
          }
          assert.deepEqual([pool.active, pool.waiting], [permits, list.length]);
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe("waiting for a target with room", () => {
  function full(): { pool: Pool; row: number } {
    const pool = makePool({ queue: 10 });
    addTarget(pool, "t", { max: 1 });
    assert.equal(pool.enter(0), ADMITTED);
    const row = pool.pick(client(0), [], 0);
    for (const ticket of [1, 2]) {
      assert.equal(ticket === 1 ? pool.enter(ticket) : ADMITTED, ADMITTED);
      if (ticket === 1) {
        assert.equal(pool.pick(client(ticket), [], 0), ALL_FULL);
        assert.ok(pool.wait(ticket, false) >= 0);
      } else assert.ok(pool.enter(ticket) >= 0, "the next one waits behind it");
    }
    assert.deepEqual([pool.active, pool.waiting], [1, 2]);
    return { pool, row };
  }

  it("is granted when a connection ends", () => {
    const { pool, row } = full();
    assert.deepEqual(grants(pool), []);
    pool.release(row, client(0), 0, 0, 1);
    pool.leave();
    assert.deepEqual(pool.grant(), { worker: 0, ticket: 1 });
    assert.ok(pool.pick(client(1), [], 1) >= 0);
    assert.equal(pool.grant(), null, "the second waiter has to wait for the next");
  });

  it("is granted when a limit is raised, and when a target comes", () => {
    for (const change of [
      (pool: Pool) => addTarget(pool, "t", { max: 2 }),
      (pool: Pool) => addTarget(pool, "u", { max: 1 }),
    ]) {
      const { pool } = full();
      change(pool);
      assert.equal(pool.grant()?.ticket, 1);
      assert.ok(pool.pick(client(1), [], 1) >= 0);
      assert.equal(pool.grant(), null);
    }
  });

  it("is granted when a suspect has room again", () => {
    const pool = makePool({ queue: 10 });
    addTarget(pool, "t", { max: 1, state: "suspect" });
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.enter(1), ADMITTED);
    assert.equal(pool.pick(client(1), [], 0), ALL_FULL);
    assert.ok(pool.wait(1, false) >= 0);
    assert.equal(pool.grant(), null);
    pool.failed(row, client(0), 1);
    assert.equal(pool.grant()?.ticket, 1);
    assert.equal(pool.pick(client(1), [], 1), row);
  });

  it("is granted when the last target goes, to be told so", () => {
    const { pool } = full();
    pool.setState("t", "down");
    assert.deepEqual(grants(pool), [1, 2]);
    assert.equal(pool.pick(client(1), [], 1), NO_TARGET);
  });

  it("goes to the end of the queue, and is refused when that is full", () => {
    const pool = makePool({ queue: 1, concurrency: 1 });
    addTarget(pool, "t", { max: 1 });
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.enter(1), ADMITTED);
    assert.equal(pool.pick(client(1), [], 0), ALL_FULL);
    assert.ok(pool.enter(2) >= 0);
    assert.equal(pool.wait(1, false), REFUSED);
    assert.deepEqual([pool.active, pool.waiting], [0, 1]);
    pool.release(row, client(0), 0, 0, 1);
    assert.deepEqual(grants(pool), [2]);
  });

  it("stays at the head when another thread was quicker to take the room it was granted for", () => {
    const { pool, row } = full();
    pool.release(row, client(0), 0, 0, 1);
    pool.leave();
    assert.equal(pool.grant()?.ticket, 1);
    const stolen = pool.pick(client(9), [], 1); // as another thread's newcomer may, before the waiter picks
    assert.equal(pool.pick(client(1), [], 1), ALL_FULL);
    assert.ok(pool.wait(1, true) >= 0);
    assert.equal(pool.grant(), null);
    pool.release(stolen, client(9), 0, 0, 2);
    assert.equal(pool.grant()?.ticket, 1);
    assert.ok(pool.pick(client(1), [], 2) >= 0);
    assert.equal(pool.grant(), null, "the second waiter has to wait for the next");
    assert.equal(pool.waiting, 1);
  });

  it("stays at the head through the repair after a worker's death", () => {
    const { pool, row } = full();
    pool.release(row, client(0), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 1);
    assert.ok(pool.wait(1, true) >= 0);
    pool.recover(3);
    assert.deepEqual(grants(pool), [1, 2]);
  });

  it("is not granted again and again when it has tried the only one with room", () => {
    const pool = makePool({ queue: 10 });
    addTarget(pool, "broken");
    addTarget(pool, "small", { max: 1, weight: 1 });
    const failed = pool.pick(client(0), [], 0);
    assert.equal(pool.identity(failed), "broken");
    pool.failed(failed, client(0), 0);
    const taken = pool.pick(client(9), [], 0);
    assert.equal(pool.identity(taken), "small");
    assert.equal(pool.enter(0), ADMITTED);
    assert.equal(pool.pick(client(0), [failed], 0), ALL_FULL);
    pool.wait(0, false);
    assert.equal(pool.grant(), null);
    pool.release(taken, client(9), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 0);
    assert.equal(pool.pick(client(0), [failed], 1), taken);
  });

  /** A target that is full, with row `busy`, and a suspect that has room. */
  function fullAndSuspect(queue = 10): { pool: Pool; busy: number } {
    const pool = makePool({ queue });
    addTarget(pool, "small", { max: 1 });
    const busy = pool.pick(client(9), [], 0);
    addTarget(pool, "suspect", { state: "suspect" });
    assert.equal(pool.enter(0), ADMITTED);
    assert.equal(pool.pick(client(0), [], 0), ALL_FULL, "a healthy target is merely full");
    return { pool, busy };
  }

  it("does not try a suspect while a healthy target is merely full", () => {
    const { pool, busy } = fullAndSuspect();
    assert.ok(pool.wait(0, false) >= 0);
    assert.ok(pool.enter(1) >= 0);
    assert.deepEqual(grants(pool), [], "neither of them is granted a turn that could only give a suspect");
    pool.release(busy, client(9), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 0);
    assert.equal(pool.pick(client(0), [], 1), busy);
  });

  it("does not try a suspect while a healthy target is merely full, not even where nobody may wait", () => {
    const { pool } = fullAndSuspect(0);
    assert.equal(pool.wait(0, false), REFUSED);
  });

  it("tries a suspect when the full target has been tried", () => {
    const { pool, busy } = fullAndSuspect();
    assert.equal(pickName(pool, client(0), [busy]), "suspect");
  });

  for (const [what, change] of [
    ["goes down", (pool: Pool) => pool.setState("small", "down")],
    ["drains", (pool: Pool) => pool.setState("small", "draining")],
    ["leaves", (pool: Pool) => pool.remove("small")],
    ["becomes suspect", (pool: Pool) => pool.setState("small", "suspect")],
    ["gets weight 0", (pool: Pool) => addTarget(pool, "small", { max: 1, weight: 0 })],
  ] as const) {
    it(`tries a suspect once the full target ${what}`, () => {
      const { pool } = fullAndSuspect();
      assert.ok(pool.wait(0, false) >= 0);
      assert.ok(pool.enter(1) >= 0);
      assert.equal(pool.grant(), null);
      change(pool);
      for (const ticket of [0, 1]) {
        assert.equal(pool.grant()?.ticket, ticket);
        assert.equal(pickName(pool, client(ticket)), "suspect");
      }
    });
  }
});
