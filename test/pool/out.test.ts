/** Targets that are out, or quiet, for what their connections have shown: who tries them, and what changes of options do to them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Pool, type PoolChanges, SharedPool } from "../../src/pool/pool.ts";
import { EXPERIENCE, HUSH_MS, SILENCE_MS, UNCOUNTED } from "../../src/pool/silence.ts";
import { addTarget, client, makePool, pickName } from "./helpers.ts";

const TIME = 10_000;
const ME = client(1);

function poolOf(names: readonly string[], options: Parameters<typeof makePool>[0] = {}): Pool {
  const pool = makePool({ ejectAfter: 1, ejectTime: TIME, ...options });
  for (const name of names) addTarget(pool, name);
  return pool;
}

function state(pool: Pool, name: string): string {
  const { state, failure } = pool.view(name)!;
  return failure === null ? state : `${state} ${failure}`;
}

function look(pool: Pool, now: number): void {
  pool.observe({ tell: () => {} }, now);
}

/** Three clients ask it and wait for so long; it has answered before. */
function hang(pool: Pool, name: string, ms: number): void {
  const row = pool.row(name);
  pool.observe({ tell: (silence) => silence.answered(row, EXPERIENCE, 1, 1) }, 1);
  const counted = [UNCOUNTED, UNCOUNTED, UNCOUNTED];
  for (let now = 2; now <= 2 + ms; now += 250) {
    pool.observe(
      {
        tell: (silence) => {
          counted.forEach((before, n) => {
            counted[n] = silence.waits(row, n + 1, 2, before, now);
          });
        },
      },
      now,
    );
  }
}

describe("a target that is out", () => {
  for (const [from, change] of [
    ["early-end", { ejectAfter: 0 }],
    ["early-end", { ejectAfter: 0, hangDetection: false }],
    ["slow", { ejectSlow: 0 }],
    ["silent", { hangDetection: false }],
    ["silent", { hangDetection: false, ejectAfter: 0 }],
  ] as const satisfies [string, PoolChanges][]) {
    it(`for what is not looked for any more (${from}, then ${JSON.stringify(change)}) is back`, () => {
      const pool = poolOf(["a", "b", "c"], { ejectSlow: 100 });
      const thread = SharedPool.attach(pool.handle, 1, () => pool.handle);
      if (from === "silent") hang(pool, "a", SILENCE_MS + HUSH_MS);
      else pool.unanswered(pool.row("a"), from === "slow" ? 101 : null, 3_000);
      assert.equal(state(pool, "a"), `suspect ${from}`);
      pool.change(change);
      assert.equal(state(pool, "a"), "up");
      const [b, c] = ["b", "c"].map((name) => pool.row(name));
      assert.equal(thread.pick(ME, [b!, c!], 4_000), pool.row("a"));
    });
  }

  it("stays out through a change of anything else", () => {
    const pool = poolOf(["a", "b", "c"]);
    pool.unanswered(pool.row("a"), null, 0);
    pool.change({ hangDetection: false, algorithm: "latency", ejectTime: 1, maxTargets: 200 });
    assert.equal(state(pool, "a"), "suspect early-end");
  });

  it("is a last resort, or none, as a change of `panic` says", () => {
    const pool = poolOf(["a"], { ejectShare: 100 });
    pool.unanswered(pool.row("a"), null, 0);
    assert.equal(pickName(pool, ME, [], 0), "a");
    pool.change({ panic: false });
    assert.equal(pickName(pool, ME, [], 0), -1);
    pool.change({ panic: true });
    assert.equal(pickName(pool, ME, [], 0), "a");
  });

  it("for its silence is the last resort of all, where it keeps nobody from one that refuses, and may be back", () => {
    const pool = poolOf(["a", "b", "c"]);
    hang(pool, "a", SILENCE_MS + HUSH_MS);
    for (const name of ["b", "c"]) {
      const row = pool.pick(ME, [pool.row(name === "b" ? "c" : "b")], 5_000);
      pool.failed(row, ME, name === "b" ? 5_000 : 6_000, "ECONNREFUSED");
    }
    const [b, c] = ["b", "c"].map((name) => pool.row(name)) as [number, number];
    assert.equal(pickName(pool, ME, [], 7_000), "b");
    assert.equal(pickName(pool, ME, [b], 7_000), "c");
    assert.equal(pickName(pool, ME, [b, c], 7_000), "a");
  });

  it("is tried by the first who waits, where others are full", () => {
    for (const options of [{}, { queueWhenEmpty: 1_000 }]) {
      const pool = poolOf(["a"], options);
      addTarget(pool, "b", { max: 1 });
      pool.unanswered(pool.row("a"), null, 0);
      assert.equal(pickName(pool, ME, [], 0), "b");
      pool.enter(7);
      assert.ok(pool.pick(ME, [], 0) < 0, "b is full");
      pool.wait(7);
      look(pool, TIME - 1);
      assert.equal(pool.grant(), null);
      look(pool, TIME);
      assert.equal(pool.grant()?.ticket, 7);
      assert.equal(pool.pickGranted(7, ME, [], TIME), pool.row("a"));
      assert.equal(pool.grant(), null);
    }
  });

  it("is not tried by those who have tried it, nor while it is full, and nobody goes round and round for it", () => {
    const pool = poolOf([]);
    addTarget(pool, "a", { max: 1 });
    addTarget(pool, "b", { max: 1 });
    const row = pool.row("a");
    pool.pick(ME, [pool.row("b")], 0);
    pool.unanswered(row, null, 0);
    assert.equal(pickName(pool, ME, [], 0), "b");
    pool.enter(7);
    assert.ok(pool.pick(ME, [], 0) < 0);
    pool.wait(7);
    look(pool, TIME);
    for (let n = 0; n < 5 && pool.grant() !== null; n++) {
      assert.ok(n < 2);
      assert.ok(pool.pickGranted(7, ME, [], TIME) < 0, "full");
    }
    pool.release(row, ME, 0, 0, TIME);
    look(pool, TIME + 1);
    for (let n = 0; n < 5 && pool.grant() !== null; n++) {
      assert.ok(n < 2);
      assert.ok(pool.pickGranted(7, ME, [row], TIME) < 0, "it has tried that");
    }
  });

  it("is found by a thread that has yet to follow to other memory", () => {
    const pool = poolOf(["a", "b", "c"], { maxTargets: 100 });
    const thread = SharedPool.attach(pool.handle, 1, () => pool.handle);
    pool.unanswered(pool.row("a"), null, 0);
    for (let n = 0; n < 62; n++) addTarget(pool, `new-${n}`, { state: "down" });
    for (const name of ["b", "c"]) pool.setState(name, "down");
    thread.observe({ tell: () => {} }, 0);
    assert.equal(state(pool, "a"), "up", "one alone is never out");
    assert.equal(pickName(pool, ME, [], 0), "a");
    pool.setState("a", "down");
    assert.equal(pickName(pool, ME, [], 0), -1);
  });
});

describe("hang detection", () => {
  it("that is off finds nothing, though failures are looked for; nor are those left alone that were quiet", () => {
    const off = poolOf(["a", "b", "c"], { hangDetection: false });
    hang(off, "a", SILENCE_MS + HUSH_MS);
    assert.equal(state(off, "a"), "up");
    const turnedOff = poolOf(["a", "b", "c"]);
    hang(turnedOff, "a", HUSH_MS + 250);
    const picked = () => Array.from({ length: 9 }, (_, n) => pickName(turnedOff, client(n), [], 3_000));
    assert.ok(!picked().includes("a"), "quiet");
    turnedOff.change({ hangDetection: false });
    assert.ok(picked().includes("a"));
  });

  it("lets those who wait have a quiet target as newcomers would", () => {
    for (const options of [{}, { queueWhenEmpty: 1_000 }]) {
      const pool = poolOf(["a"], { concurrency: 1, ...options });
      assert.ok(pool.enter(1) < 0);
      assert.ok(pool.enter(2) >= 0);
      hang(pool, "a", HUSH_MS + 250);
      assert.equal(pool.awaitsTarget, false, "it is up");
      pool.leave();
      assert.equal(pool.grant()?.ticket, 2, JSON.stringify(options));
      assert.equal(pool.pickGranted(2, ME, [], 3_000), pool.row("a"));
    }
    const pool = poolOf(["a"], { concurrency: 2 });
    addTarget(pool, "full", { max: 1 });
    assert.equal(pool.pick(ME, [pool.row("a")], 0), pool.row("full"));
    for (const ticket of [1, 2, 3]) pool.enter(ticket);
    hang(pool, "a", HUSH_MS + 250);
    pool.leave();
    assert.equal(pool.grant()?.ticket, 3);
    assert.equal(pool.pickGranted(3, ME, [], 3_000), pool.row("a"));
  });
});
