import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OUT } from "../../src/pool/header.ts";
import type { PoolParts } from "../../src/pool/parts.ts";
import type { Pool } from "../../src/pool/pool.ts";
import fc from "../support/draws.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const ME = client(1);
const TIME = 10_000;

function poolOf(names: readonly string[], options: Parameters<typeof makePool>[0] = {}): Pool {
  const pool = makePool({ ejectAfter: 3, ejectTime: TIME, ...options });
  for (const name of names) addTarget(pool, name);
  return pool;
}

function state(pool: Pool, name: string): string {
  const { state, failure } = pool.view(name)!;
  return failure === null ? state : `${state} ${failure}`;
}

/** A look, which sets trials that are due; and then the targets of so many picks, which end at once. */
function picks(pool: Pool, count: number, now: number): string[] {
  pool.observe({ tell: () => {} }, now);
  return Array.from({ length: count }, () => {
    const name = String(pickName(pool, ME, [], now));
    if (pool.row(name) >= 0) pool.release(pool.row(name), ME, 0, 0, now);
    return name;
  });
}

function strike(pool: Pool, name: string, times: number, now: number): void {
  for (let n = 0; n < times; n++) pool.unanswered(pool.row(name), null, now);
}

describe("a target that fails its connections", () => {
  it("is out after so many in a row, and not before", () => {
    const pool = poolOf(["a", "b", "c"]);
    strike(pool, "a", 2, 0);
    pool.answered(pool.row("a"), 5, 0);
    strike(pool, "a", 2, 0);
    assert.equal(state(pool, "a"), "up");
    strike(pool, "a", 1, 0);
    assert.equal(state(pool, "a"), "suspect early-end");
    assert.ok(!picks(pool, 9, 0).includes("a"));
  });

  it("is never out without the option", () => {
    const pool = poolOf(["a", "b", "c"], { ejectAfter: 0 });
    strike(pool, "a", 100, 0);
    assert.equal(state(pool, "a"), "up");
    assert.equal(pool.observes, false);
  });

  it("fails by answering late, too, and by letting clients leave that have waited", () => {
    const pool = poolOf(["a", "b", "c"], { ejectSlow: 100 });
    for (const ms of [101, 5_000]) pool.answered(pool.row("a"), ms, 0);
    pool.unanswered(pool.row("a"), 99, 0);
    assert.equal(state(pool, "a"), "up");
    pool.unanswered(pool.row("a"), 101, 0);
    assert.equal(state(pool, "a"), "suspect slow");
  });

  it("is not back for a connection that comes about, nor for an answer to one from before, but for one to its trial", () => {
    const pool = poolOf(["a", "b", "c"]);
    strike(pool, "a", 3, 0);
    const row = pool.row("a");
    pool.connected(row, 1);
    pool.answered(row, 5, 100);
    assert.equal(state(pool, "a"), "suspect early-end");
    assert.deepEqual(
      picks(pool, 9, TIME - 1).filter((name) => name === "a"),
      [],
    );
    assert.deepEqual(
      picks(pool, 9, TIME).filter((name) => name === "a"),
      ["a"],
      "one trial",
    );
    pool.answered(row, 5, TIME + 5);
    assert.equal(state(pool, "a"), "up");
  });

  it("is out for longer each time, up to ten times as long, and as at first once it has worked for a while", () => {
    const pool = poolOf(["a", "b", "c"]);
    strike(pool, "a", 3, 0);
    const at: number[] = [];
    for (let now = 0; now < 50 * TIME; now += 250) if (picks(pool, 4, now).includes("a")) at.push(now);
    const pauses = at.map((now, n) => now - (at[n - 1] ?? 0));
    assert.deepEqual(
      pauses.slice(0, 6),
      [1, 2, 4, 8, 10, 10].map((times) => times * TIME),
    );
    const now = at.at(-1)!;
    pool.answered(pool.row("a"), 0, now);
    strike(pool, "a", 3, now + 1);
    assert.ok(!picks(pool, 4, now + 5 * TIME).includes("a"), "a relapse");
    assert.ok(picks(pool, 4, now + 11 * TIME).includes("a"));
    pool.answered(pool.row("a"), 0, now + 11 * TIME);
    strike(pool, "a", 3, now + 100 * TIME);
    assert.ok(picks(pool, 4, now + 101 * TIME).includes("a"), "it had worked for long");
  });

  it("leaves to a client of another target that one, after a trial", () => {
    const pool = poolOf(["a", "b", "c"], { persistent: 3_600_000 });
    const bound = pickName(pool, ME, [], 0);
    const other = bound === "a" ? "b" : "a";
    strike(pool, other, 3, 0);
    pool.observe({ tell: () => {} }, TIME);
    assert.equal(pickName(pool, ME, [], TIME), other);
    assert.equal(pickName(pool, ME, [], TIME), bound);
  });

  it("keeps its client's binding for as long as its trial lasts", () => {
    const pool = poolOf(["a", "b", "c"], { persistent: 1_000, ejectTime: 900 });
    const now = TIME;
    const bound = String(pickName(pool, ME, [], now));
    pool.release(pool.row(bound), ME, 0, 0, now);
    const other = bound === "a" ? "b" : "a";
    strike(pool, other, 3, now);
    pool.observe({ tell: () => {} }, now + 900);
    assert.equal(pickName(pool, ME, [], now + 900), other);
    for (let n = 0; n < 6; n++) assert.equal(pickName(pool, ME, [], 60_000), bound);
  });

  it("counts connections that do not come about, and stays out for what it was taken out for", () => {
    const pool = poolOf(["a", "b", "c"]);
    const others = [pool.row("b"), pool.row("c")];
    const refuse = () => pool.failed(pool.pick(ME, others, 0), ME, 0, "ECONNREFUSED");
    refuse();
    pool.setState("a", "up"); // a probe has reached it
    strike(pool, "a", 2, 0);
    assert.equal(state(pool, "a"), "suspect early-end");
    refuse();
    assert.equal(state(pool, "a"), "suspect early-end", "or a probe would bring it back");
  });

  it("is judged by its own connections, not by those of another one in its place", () => {
    const pool = poolOf(["a", "b", "c"]);
    strike(pool, "a", 2, 0);
    addTarget(pool, "a", { port: 81 });
    strike(pool, "a", 2, 0);
    assert.equal(state(pool, "a"), "up");
    const row = pool.row("a");
    pool.remove("a");
    addTarget(pool, "d", { port: 81 });
    assert.equal(pool.row("d"), row);
    strike(pool, "d", 2, 0);
    assert.equal(state(pool, "d"), "up");
  });

  it("is a last resort where no other is left; without panic it is none", () => {
    for (const panic of [true, false]) {
      const pool = poolOf(["a", "b"], { panic });
      strike(pool, "a", 3, 0);
      pool.setState("b", "down");
      assert.equal(pickName(pool, ME, [], 0), panic ? "a" : -1, `panic ${panic}`);
    }
  });

  it("is not tried while targets serve that come before it", () => {
    const pool = poolOf(["a", "b"]);
    addTarget(pool, "later", { priority: 1 });
    addTarget(pool, "spare", { backup: true });
    strike(pool, "spare", 3, 0);
    const serving = () => [...new Set(picks(pool, 9, 2 * TIME))].sort();
    assert.deepEqual(serving(), ["a", "b"]);
    pool.setState("a", "down");
    pool.setState("b", "down");
    assert.deepEqual(serving(), ["later"]);
    pool.setState("later", "down");
    pool.observe({ tell: () => {} }, 2 * TIME);
    pool.setState("a", "up");
    assert.deepEqual(serving(), ["a"], "one that is back since the trial was set");
    pool.setState("a", "down");
    assert.deepEqual(serving(), ["spare"]);
  });

  it("is back where the option is switched off, though it is not tried any more then", () => {
    for (const hangDetection of [true, false]) {
      const pool = poolOf(["a", "b", "c"]);
      strike(pool, "a", 3, 0);
      pool.change({ ejectAfter: 0, hangDetection });
      assert.ok(pool.watched);
      picks(pool, 1, 250);
      assert.equal(state(pool, "a"), "up");
    }
  });

  it("is shown by a connect failure as a suspect at once, whatever the share, and probes lift it", () => {
    const pool = poolOf(["a", "b"], { ejectShare: 0 });
    for (const name of ["a", "b"]) {
      const row = pool.pick(ME, [pool.row(name === "a" ? "b" : "a")], 0);
      pool.failed(row, ME, 0, "ECONNREFUSED");
    }
    assert.deepEqual([state(pool, "a"), state(pool, "b")], ["suspect ECONNREFUSED", "suspect ECONNREFUSED"]);
    pool.setState("a", "up");
    assert.equal(state(pool, "a"), "up");
  });

  it("counts by reason", () => {
    const pool = poolOf(["a", "b", "c", "d"], { ejectSlow: 100 });
    strike(pool, "a", 3, 0);
    for (let n = 0; n < 3; n++) pool.answered(pool.row("b"), 500, 0);
    assert.deepEqual(pool.ejections(), { silent: 0, "early-end": 1, slow: 1, "silent-reporter": 0 });
  });

  it("costs no more with a thousand targets, where as many are out as may be, too", () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `t${n}`);
    const pool = poolOf(names, { ejectAfter: 1, maxTargets: 1_000 });
    const { layout } = (pool as unknown as { parts: PoolParts }).parts;
    let reads = 0;
    const get = (of: Int32Array, name: string | symbol) => {
      reads++;
      return Reflect.get(of, name, of);
    };
    Object.assign(layout, { state: new Proxy(layout.state, { get }) });
    for (const name of names) strike(pool, name, 1, 0);
    assert.equal(pool.ejections()["early-end"], 500);
    assert.ok(reads > 0 && reads < 20 * names.length, `${reads} reads`);
  });

  it("is counted anew where a thread has died in the middle of that", () => {
    const pool = poolOf(["a", "b", "c", "d"], { ejectAfter: 1, panic: false });
    strike(pool, "a", 1, 0);
    for (const [count, marks] of [
      [2, [1, 0, 0, 0]],
      [1, [0, 0, 0, 0]],
    ] as const) {
      const { layout } = (pool as unknown as { parts: PoolParts }).parts;
      layout.header[OUT] = count;
      layout.isOut.set(marks);
      pool.recover(1);
      assert.equal(layout.header[OUT], 1);
    }
    for (const name of ["b", "c"]) strike(pool, name, 1, 0);
    assert.deepEqual([state(pool, "b"), state(pool, "c")], ["suspect early-end", "up"]);
  });

  it("keeps to the share and ends its trials, whatever becomes of them, also when memory moves", () => {
    const names = ["a", "b", "c", "d", "e"];
    const who = fc.constantFrom(...names);
    const step = fc.oneof(
      fc.record({ do: fc.constant("strike" as const), who }),
      fc.record({ do: fc.constant("answer" as const), who, ms: fc.integer({ min: 0, max: 200 }) }),
      fc.record({ do: fc.constant("refuse" as const), who }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 3 * TIME }) }),
      fc.record({ do: fc.constant("pick" as const) }),
      fc.record({ do: fc.constant("move" as const), maxTargets: fc.integer({ min: 8, max: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 100 }), (steps, ejectShare) => {
        const pool = poolOf(names, { ejectShare, ejectAfter: 1, ejectSlow: 100 });
        let now = 0;
        for (const each of steps) {
          if (each.do === "strike") strike(pool, each.who, 1, now);
          else if (each.do === "answer") pool.answered(pool.row(each.who), each.ms, now);
          else if (each.do === "pass") now += each.ms;
          else if (each.do === "pick") picks(pool, 1, now);
          else if (each.do === "move") pool.change({ maxTargets: each.maxTargets });
          else {
            const row = pool.pick(
              ME,
              names.filter((name) => name !== each.who).map((name) => pool.row(name)),
              now,
            );
            if (row >= 0) pool.failed(row, ME, now, "ECONNREFUSED");
          }
          const out = names.filter((name) => /early|slow/.test(state(pool, name))).length;
          assert.ok(out <= Math.floor((names.length * ejectShare) / 100), `${out} out with ${ejectShare} %`);
        }
        // All work from now on: each of them is back by its trial at last.
        for (let n = 0; n < 12; n++) {
          now += 10 * TIME;
          for (const name of picks(pool, 2 * names.length, now)) pool.answered(pool.row(name), 0, now);
        }
        for (const name of names) {
          assert.doesNotMatch(state(pool, name), /early|slow/);
          assert.equal(pool.view(name)!.active, 0);
        }
      }),
      { numRuns: 200 },
    );
  });
});
