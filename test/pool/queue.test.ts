import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMITTED, MAY_WAIT, NO_TARGET, type Pool, REFUSED, SharedPool } from "../../src/pool/pool.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

function limited(concurrency: number, queue = 100): Pool {
  const pool = makePool({ concurrency, queue });
  addTarget(pool, "t");
  return pool;
}

/** Tickets granted until there is no more to grant; each has its pick. */
function grants(pool: Pool): number[] {
  const tickets: number[] = [];
  for (let grant = pool.grant(); grant !== null; grant = pool.grant()) {
    tickets.push(grant.ticket);
    pool.pickGranted(grant.ticket, client(grant.ticket), [], 0);
  }
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

  it("takes a waiter out whose turn has come, with the permit that was set aside for it", () => {
    const pool = limited(1);
    pool.enter(0);
    const first = pool.enter(1);
    pool.enter(2);
    pool.leave();
    assert.equal(pool.grant()?.ticket, 1);
    assert.deepEqual([pool.active, pool.waiting, pool.granted], [1, 2, true]);
    assert.equal(pool.cancel(first), true);
    assert.equal(pool.cancel(first), false);
    assert.deepEqual([pool.active, pool.waiting, pool.granted], [0, 1, false]);
    assert.deepEqual(grants(pool), [2]);
  });

  it("does not let anybody pick whose turn it is not", () => {
    const pool = limited(0);
    pool.enter(1);
    pool.enter(2);
    assert.throws(() => pool.pickGranted(1, client(1), [], 0), /not the turn of/);
    pool.setConcurrency(1);
    pool.grant();
    assert.throws(() => pool.pickGranted(2, client(2), [], 0), /not the turn of/);
    assert.throws(() => SharedPool.attach(pool.handle, 1).pickGranted(1, client(1), [], 0), /not the turn of/);
    assert.ok(pool.pickGranted(1, client(1), [], 0) >= 0);
  });

  it("does as a plain list does", () => {
    const command = fc.oneof(
      fc.constant({ do: "enter" as const, which: 0 }),
      fc.record({ do: fc.constant("cancel" as const), which: fc.nat(100) }),
      fc.constant({ do: "leave" as const, which: 0 }),
      fc.record({ do: fc.constant("limit" as const), which: fc.integer({ min: -1, max: 5 }) }),
      fc.record({ do: fc.constant("silent" as const), which: fc.nat(100) }),
      fc.constant({ do: "told" as const, which: 0 }),
      fc.constant({ do: "grant" as const, which: 0 }),
      fc.constant({ do: "pick" as const, which: 0 }),
    );
    fc.assert(
      fc.property(fc.array(command, { size: "max", maxLength: 300 }), (commands) => {
        const pool = limited(2, 5);
        /** Tickets, in the order in which they fell silent. */
        let silent: number[] = [];
        let lost: { ticket: number; waiter: number }[] = [];
        /** Over before they were told that they had lost: they count among those until their thread looks. */
        let gone = 0;
        let limit = 2;
        let permits = 0;
        const list: { ticket: number; waiter: number }[] = [];
        let turn: { ticket: number; waiter: number } | null = null;
        const free = () => limit < 0 || permits < limit;
        commands.forEach(({ do: what, which }, ticket) => {
          if (what === "enter") {
            const result = pool.enter(ticket);
            if (list.length === 0 && free()) {
              assert.equal(result, ADMITTED);
              permits++;
            } else {
              const full = list.length === 5;
              const loser = full && lost.length + gone < 5 ? silent.find((each) => each !== turn?.ticket) : undefined;
              if (full && loser === undefined) {
                assert.equal(result, REFUSED);
                return;
              }
              const at = list.findIndex((each) => each.ticket === loser);
              if (at >= 0) lost.push(...list.splice(at, 1));
              silent = silent.filter((each) => each !== loser);
              assert.ok(result >= 0);
              list.push({ ticket, waiter: result });
            }
          } else if (what === "silent" && turn !== null && which < 30) {
            pool.silent(turn.waiter);
            if (!silent.includes(turn.ticket)) silent.push(turn.ticket);
          } else if (what === "silent" && list.length > 0) {
            const { ticket: quiet, waiter } = list[which % list.length]!;
            pool.silent(waiter);
            if (!silent.includes(quiet)) silent.push(quiet);
          } else if (what === "told") {
            const told: number[] = [];
            for (let each = pool.takeLost(); each >= 0; each = pool.takeLost()) told.push(each);
            assert.deepEqual(told.sort(), lost.map((each) => each.ticket).sort());
            lost = [];
            gone = 0;
          } else if (what === "cancel" && lost.length > 0 && which < 60) {
            const [over] = lost.splice(which % lost.length, 1);
            assert.equal(pool.cancel(over!.waiter), true);
            assert.equal(pool.cancel(over!.waiter), false);
            pool.silent(over!.waiter); // of no effect
            gone++;
          } else if (what === "cancel" && turn !== null && which < 30) {
            assert.equal(pool.cancel(turn.waiter), true);
            silent = silent.filter((each) => each !== turn!.ticket);
            turn = null;
            permits--;
          } else if (what === "cancel" && list.length > 0) {
            const [leaver] = list.splice(which % list.length, 1);
            assert.equal(pool.cancel(leaver!.waiter), true);
            silent = silent.filter((each) => each !== leaver!.ticket);
          } else if (what === "leave" && permits > (turn === null ? 0 : 1)) {
            permits--;
            pool.leave();
          } else if (what === "limit") {
            limit = which;
            pool.setConcurrency(limit);
          } else if (what === "grant") {
            if (turn === null && free() && list.length > 0) {
              turn = list.shift()!;
              permits++;
            }
            assert.equal(pool.grant()?.ticket, turn?.ticket);
          } else if (what === "pick" && turn !== null) {
            assert.ok(pool.pickGranted(turn.ticket, client(0), [], 0) >= 0);
            silent = silent.filter((each) => each !== turn!.ticket);
            turn = null;
          }
          assert.equal(pool.silentWaiters, silent.length);
          const waiting = list.length + (turn === null ? 0 : 1);
          assert.deepEqual([pool.active, pool.waiting, pool.granted], [permits, waiting, turn !== null]);
        });
      }),
      { numRuns: amount(200) },
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
        assert.equal(pool.pick(client(ticket), [], 0), MAY_WAIT);
        assert.ok(pool.wait(ticket) >= 0);
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
    assert.ok(pool.pickGranted(1, client(1), [], 1) >= 0);
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
      assert.ok(pool.pickGranted(1, client(1), [], 1) >= 0);
      assert.equal(pool.grant(), null);
    }
  });

  it("is granted when a suspect has room again", () => {
    const pool = makePool({ queue: 10 });
    addTarget(pool, "t", { max: 1, state: "suspect" });
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.enter(1), ADMITTED);
    assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
    assert.ok(pool.wait(1) >= 0);
    assert.equal(pool.grant(), null);
    pool.failed(row, client(0), 1);
    assert.equal(pool.grant()?.ticket, 1);
    assert.equal(pool.pickGranted(1, client(1), [], 1), row);
  });

  it("is granted when the last target goes, to be told so", () => {
    const { pool } = full();
    pool.setState("t", "down");
    for (const ticket of [1, 2]) {
      assert.equal(pool.grant()?.ticket, ticket);
      assert.equal(pool.pickGranted(ticket, client(1), [], 1), NO_TARGET);
    }
    assert.deepEqual([pool.active, pool.waiting], [3, 0], "each holds its permit until it has been told");
  });

  it("goes to the end of the queue, and is refused when that is full", () => {
    const pool = makePool({ queue: 1, concurrency: 1 });
    addTarget(pool, "t", { max: 1 });
    const row = pool.pick(client(0), [], 0);
    assert.equal(pool.enter(1), ADMITTED);
    assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
    assert.ok(pool.enter(2) >= 0);
    assert.equal(pool.wait(1), REFUSED);
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
    assert.equal(pool.pickGranted(1, client(1), [], 1), MAY_WAIT);
    assert.equal(pool.grant(), null);
    pool.release(stolen, client(9), 0, 0, 2);
    assert.equal(pool.grant()?.ticket, 1);
    assert.ok(pool.pickGranted(1, client(1), [], 2) >= 0);
    assert.equal(pool.grant(), null, "the second waiter has to wait for the next");
    assert.equal(pool.waiting, 1);
  });

  it("keeps its place though the queue has filled up since its turn was granted", () => {
    for (const tried of [[], [-1]]) {
      const pool = makePool({ queue: 2 });
      addTarget(pool, "t", { max: 1 });
      const row = pool.pick(client(0), [], 0);
      assert.equal(pool.enter(0), ADMITTED);
      assert.equal(pool.enter(1), ADMITTED);
      assert.equal(pool.pick(client(1), [], 0), MAY_WAIT);
      const waiter = pool.wait(1);
      pool.release(row, client(0), 0, 0, 1);
      assert.equal(pool.grant()?.ticket, 1);
      const stolen = pool.pick(client(9), [], 1);
      assert.equal(pool.enter(2), ADMITTED);
      assert.equal(pool.pick(client(2), [], 1), MAY_WAIT);
      assert.ok(pool.wait(2) >= 0);
      assert.ok(pool.enter(3) >= 0);
      assert.equal(pool.enter(4), REFUSED);
      assert.equal(pool.pickGranted(1, client(1), tried, 1), MAY_WAIT);
      assert.deepEqual([pool.active, pool.waiting], [1, 3]);
      assert.equal(pool.enter(5), REFUSED);
      pool.recover(3); // the order is that of arrival
      pool.release(stolen, client(9), 0, 0, 2);
      assert.equal(pool.grant()?.ticket, tried.length === 0 ? 1 : 2);
      assert.equal(pool.cancel(waiter), true, "it is still the same waiter");
    }
  });

  it("stays at the head through the repair after a worker's death", () => {
    const { pool, row } = full();
    pool.release(row, client(0), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 1);
    const stolen = pool.pick(client(9), [], 1);
    assert.equal(pool.pickGranted(1, client(1), [], 1), MAY_WAIT);
    pool.recover(3);
    pool.release(stolen, client(9), 0, 0, 2);
    assert.equal(pool.grant()?.ticket, 1);
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
    assert.equal(pool.pick(client(0), [failed], 0), MAY_WAIT);
    pool.wait(0);
    assert.equal(pool.grant(), null);
    pool.release(taken, client(9), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 0);
    assert.equal(pool.pickGranted(0, client(0), [failed], 1), taken);
  });

  /** A target that is full, with row `busy`, and a suspect that has room. */
  function fullAndSuspect(queue = 10): { pool: Pool; busy: number } {
    const pool = makePool({ queue });
    addTarget(pool, "small", { max: 1 });
    const busy = pool.pick(client(9), [], 0);
    addTarget(pool, "suspect", { state: "suspect" });
    assert.equal(pool.enter(0), ADMITTED);
    assert.equal(pool.pick(client(0), [], 0), MAY_WAIT, "a healthy target is merely full");
    return { pool, busy };
  }

  it("does not try a suspect while a healthy target is merely full", () => {
    const { pool, busy } = fullAndSuspect();
    assert.ok(pool.wait(0) >= 0);
    assert.ok(pool.enter(1) >= 0);
    assert.deepEqual(grants(pool), [], "neither of them is granted a turn that could only give a suspect");
    pool.release(busy, client(9), 0, 0, 1);
    assert.equal(pool.grant()?.ticket, 0);
    assert.equal(pool.pickGranted(0, client(0), [], 1), busy);
  });

  it("is not granted for a suspect while a healthy target is merely full, to one that has not tried either", () => {
    const pool = makePool({ concurrency: 1 });
    addTarget(pool, "busy", { max: 1 });
    addTarget(pool, "suspect", { state: "suspect" });
    assert.equal(pool.enter(0), ADMITTED);
    const busy = pool.pick(client(0), [], 0);
    assert.equal(pool.identity(busy), "busy");
    assert.ok(pool.enter(1) >= 0);
    pool.setConcurrency(2);
    assert.equal(pool.grant(), null);
    pool.setState("busy", "down");
    assert.equal(pool.grant()?.ticket, 1, "with no healthy one left, the suspect will do");
  });

  it("does not try a suspect while a healthy target is merely full, not even where nobody may wait", () => {
    const { pool } = fullAndSuspect(0);
    assert.equal(pool.wait(0), REFUSED);
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
      assert.ok(pool.wait(0) >= 0);
      assert.ok(pool.enter(1) >= 0);
      assert.equal(pool.grant(), null);
      change(pool);
      for (const ticket of [0, 1]) {
        assert.equal(pool.grant()?.ticket, ticket);
        assert.equal(pool.identity(pool.pickGranted(ticket, client(ticket), [], 0)), "suspect");
      }
    });
  }
});

describe("waiting for the first target", () => {
  /** Three connections wait in a pool without a target. */
  function held(queue = 10): Pool {
    const pool = makePool({ queue });
    pool.hold();
    assert.equal(pool.enter(0), ADMITTED);
    assert.equal(pool.pick(client(0), [], 0), MAY_WAIT);
    assert.ok(pool.wait(0) >= 0);
    for (const ticket of [1, 2]) assert.ok(pool.enter(ticket) >= 0);
    assert.deepEqual(grants(pool), []);
    return pool;
  }

  for (const [what, announce] of [
    ["registers", (pool: Pool) => addTarget(pool, "t")],
    [
      "is reached",
      (pool: Pool) => {
        addTarget(pool, "t", { state: "suspect" });
        assert.deepEqual(grants(pool), [], "nobody has reached it yet");
        pool.setState("t", "up");
      },
    ],
    [
      "gets a weight",
      (pool: Pool) => {
        addTarget(pool, "t", { weight: 0 });
        assert.deepEqual(grants(pool), [], "it takes no connections");
        addTarget(pool, "t");
      },
    ],
    [
      "comes up",
      (pool: Pool) => {
        for (const state of ["down", "draining"] as const) {
          addTarget(pool, "t", { state });
          assert.deepEqual(grants(pool), []);
        }
        addTarget(pool, "t");
      },
    ],
  ] as const) {
    it(`is over when one ${what}: all are served in order, and nobody is held any more`, () => {
      const pool = held();
      announce(pool);
      for (const ticket of [0, 1, 2]) {
        assert.equal(pool.grant()?.ticket, ticket);
        assert.ok(pool.pickGranted(ticket, client(ticket), [], 0) >= 0);
      }
      pool.remove("t");
      assert.equal(pickName(pool), NO_TARGET);
    });
  }

  it("is over when its time is: all are told in order that there is none", () => {
    const pool = held();
    pool.endHold();
    for (const ticket of [0, 1, 2]) {
      assert.equal(pool.grant()?.ticket, ticket);
      assert.equal(pool.pickGranted(ticket, client(ticket), [], 0), NO_TARGET);
    }
    assert.equal(pickName(pool), NO_TARGET);
  });

  it("ends with suspects: they are tried then, whether they came before the waiters or after them", () => {
    for (const before of [true, false]) {
      const pool = makePool({ queue: 10 });
      pool.hold();
      if (before) addTarget(pool, "s", { state: "suspect" });
      assert.equal(pool.enter(0), ADMITTED);
      assert.equal(pool.pick(client(0), [], 0), MAY_WAIT);
      assert.ok(pool.wait(0) >= 0);
      if (!before) addTarget(pool, "s", { state: "suspect" });
      assert.deepEqual(grants(pool), []);
      pool.endHold();
      assert.equal(pool.grant()?.ticket, 0);
      assert.equal(pool.identity(pool.pickGranted(0, client(0), [], 0)), "s");
    }
  });

  it("is for those who may wait at all", () => {
    const none = makePool({ queue: 0 });
    none.hold();
    assert.equal(none.enter(0), ADMITTED);
    assert.equal(none.pick(client(0), [], 0), MAY_WAIT);
    assert.equal(none.wait(0), REFUSED);
    assert.equal(held(3).enter(3), REFUSED, "the queue is full");
  });

  it("goes on through the repair after a worker's death", () => {
    const pool = held();
    pool.recover(3);
    assert.deepEqual(grants(pool), []);
    addTarget(pool, "t");
    assert.deepEqual(grants(pool), [0, 1, 2]);
  });

  it("does as a plain list does", () => {
    const states = ["up", "suspect", "draining", "down", "gone"] as const;
    const command = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ do: "arrive" as const, which: 0, state: "up" as const }) },
      { weight: 3, arbitrary: fc.constant({ do: "serve" as const, which: 0, state: "up" as const }) },
      { weight: 1, arbitrary: fc.constant({ do: "cancel" as const, which: 0, state: "up" as const }) },
      { weight: 1, arbitrary: fc.constant({ do: "end" as const, which: 0, state: "up" as const }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant("target" as const),
          which: fc.nat(2),
          state: fc.constantFrom(...states, "suspect" as const, "down" as const),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(command, { size: "max", maxLength: 60 }), (commands) => {
        const pool = makePool({ queue: 5 });
        pool.hold();
        let isHeld = true;
        const targets = new Map<string, string>();
        const list: { ticket: number; waiter: number }[] = [];
        const expected = () => {
          if ([...targets.values()].includes("up")) return "up";
          return [...targets.values()].includes("suspect") ? "suspect" : NO_TARGET;
        };
        const got = (row: number) => {
          pool.leave();
          return row < 0 ? row : targets.get(pool.identity(row));
        };
        commands.forEach(({ do: what, which, state }, ticket) => {
          if (what === "arrive") {
            const entered = pool.enter(ticket);
            if (list.length > 0) {
              assert.equal(entered === REFUSED, list.length === 5);
              if (entered !== REFUSED) list.push({ ticket, waiter: entered });
              return;
            }
            assert.equal(entered, ADMITTED);
            const row = pool.pick(client(ticket), [], 0);
            if (isHeld) {
              assert.equal(row, MAY_WAIT);
              list.push({ ticket, waiter: pool.wait(ticket) });
            } else assert.equal(got(row), expected());
          } else if (what === "serve") {
            for (let grant = pool.grant(); grant !== null; grant = pool.grant()) {
              assert.equal(isHeld, false, "nobody has a turn while all are held");
              assert.equal(grant.ticket, list.shift()?.ticket);
              assert.equal(got(pool.pickGranted(grant.ticket, client(grant.ticket), [], 0)), expected());
            }
            if (!isHeld) assert.equal(list.length, 0, "all have had their turn");
          } else if (what === "cancel" && list.length > 0) {
            assert.equal(pool.cancel(list.pop()!.waiter), true);
          } else if (what === "end") {
            pool.endHold();
            isHeld = false;
          } else if (what === "target") {
            const name = `t${which}`;
            if (state === "gone") {
              pool.remove(name);
              targets.delete(name);
            } else {
              addTarget(pool, name, { state });
              pool.setState(name, state); // a report alone does not lift "suspect"
              targets.set(name, state);
              if (state === "up") isHeld = false;
            }
          }
          assert.equal(pool.waiting, list.length);
        });
      }),
      { numRuns: amount(300) },
    );
  });
});

describe("a waiter that has half-closed without having sent anything", () => {
  it("gives way in a full queue, whoever fell silent first before others, also after a thread's death", () => {
    const pool = limited(0, 4);
    const two = SharedPool.attach(pool.handle, 2);
    const waiters = [0, 1, 2, 3].map((ticket) => (ticket % 2 === 0 ? pool : two).enter(ticket));
    for (const ticket of [3, 1, 2]) (ticket % 2 === 0 ? pool : two).silent(waiters[ticket]!);
    pool.recover(1);
    const lost = () => [pool.takeLost(), two.takeLost()];
    assert.deepEqual([pool.enter(4) >= 0, pool.hasLost(2), ...lost()], [true, true, -1, 3]);
    assert.deepEqual([pool.enter(5) >= 0, pool.hasLost(2), ...lost()], [true, true, -1, 1]);
    assert.deepEqual([two.enter(6) >= 0, pool.hasLost(2), ...lost()], [true, false, 2, -1]);
    assert.equal(two.enter(7), REFUSED, "the others have not fallen silent");
    assert.deepEqual([pool.waiting, pool.lost, pool.silentWaiters], [4, 0, 0]);
  });

  it("is forgotten with its thread, and those to come get its place all the same", () => {
    const pool = limited(0, 1);
    const two = SharedPool.attach(pool.handle, 2);
    two.silent(two.enter(0));
    assert.ok(pool.enter(1) >= 0);
    pool.recover(2);
    assert.deepEqual([pool.lost, pool.hasLost(2), two.takeLost(), pool.waiting], [0, false, -1, 1]);
  });

  it("is not more than so many at once: with as many of them that nobody has told, newcomers are turned away", () => {
    const pool = limited(0, 2);
    const two = SharedPool.attach(pool.handle, 2);
    for (let ticket = 0; ticket < 4; ticket++) two.silent(two.enter(ticket));
    assert.deepEqual([pool.lost, pool.enter(4)], [2, REFUSED]);
    assert.deepEqual([two.takeLost(), two.takeLost()].sort(), [0, 1]);
    assert.ok(pool.enter(5) >= 0);
  });
});

describe("a turn of another thread's waiter", () => {
  /** Worker 0 holds the only permit, and a connection of worker 2 waits, then one of worker 1. */
  function threads() {
    const pool = limited(1);
    const [one, two] = [SharedPool.attach(pool.handle, 1), SharedPool.attach(pool.handle, 2)];
    assert.equal(pool.enter(0), ADMITTED);
    assert.ok(two.enter(20) >= 0);
    assert.ok(one.enter(10) >= 0);
    pool.leave();
    return { pool, one, two };
  }

  it("is seen by its thread, whoever granted it and whether or not that one says so", () => {
    const { one, two } = threads();
    assert.deepEqual([one.granted, two.granted], [false, false]);
    assert.deepEqual(one.grant(), { worker: 2, ticket: 20 });
    assert.deepEqual([one.granted, two.granted], [false, true]);
    assert.ok(two.pickGranted(20, client(2), [], 0) >= 0);
    assert.deepEqual([one.granted, two.granted], [false, false]);
  });

  it("is not lost when the thread dies that granted it", () => {
    const { pool, one, two } = threads();
    assert.equal(one.grant()?.worker, 2);
    pool.recover(1);
    assert.deepEqual([pool.active, pool.waiting], [1, 1]);
    assert.deepEqual(pool.grant(), { worker: 2, ticket: 20 }, "it is named again to whoever asks");
    assert.ok(two.pickGranted(20, client(2), [], 0) >= 0);
    assert.equal(pool.grant(), null, "the waiter of the dead thread is gone");
    two.leave();
    assert.deepEqual([pool.active, pool.waiting], [0, 0]);
  });

  it("goes to the next one when the thread dies whose it is", () => {
    const { pool, one } = threads();
    assert.equal(one.grant()?.worker, 2);
    pool.recover(2);
    assert.deepEqual([pool.active, pool.waiting], [0, 1]);
    assert.deepEqual(one.grant(), { worker: 1, ticket: 10 });
  });

  it("tells its thread that somebody asked meanwhile", () => {
    const { pool, one, two } = threads();
    one.grant();
    assert.equal(two.grantMissed, false);
    pool.grant();
    assert.equal(two.grantMissed, true);
    two.pickGranted(20, client(2), [], 0);
    two.leave();
    assert.equal(two.grant()?.worker, 1);
    assert.equal(two.grantMissed, false, "this look has seen what there was");
  });
});
