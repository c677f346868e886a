import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Pool, SharedPool } from "../../../src/pool/pool.ts";
import fc from "../../support/draws.ts";
import { addTarget, client, makePool } from "../helpers.ts";
import { sharesByWeight } from "./shares.ts";
import { quantile, type SimulatedTarget, shareOf, simulate } from "./simulation.ts";

function poolOf(names: readonly string[], weight = 500): Pool {
  const pool = makePool({ algorithm: "latency", maxTargets: 1_000 });
  for (const name of names) addTarget(pool, name, { weight });
  return pool;
}

/** How many of so many connections, one after the other, each gets. */
function got(pool: Pool, now: number, connections = 1_000): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(pool.targets().map(({ identity }) => [identity, 0]));
  for (let n = 0; n < connections; n++) {
    const row = pool.pick(client(n), [], now);
    counts[pool.identity(row)]!++;
    pool.release(row, client(n), 0, 0, now);
  }
  return counts;
}

const TEN = "abcdefghij".split("");
/** Ten targets alike, but for one that is ten times as slow. */
const ONE_SLOW: Record<string, SimulatedTarget> = Object.fromEntries(
  TEN.map((name) => [name, { mean: () => (name === "j" ? 100 : 10) }]),
);

describe("the latency algorithm", () => {
  sharesByWeight("latency", "released");
  sharesByWeight("latency", "kept");

  it("takes of two targets the one that answers sooner", () => {
    const pool = poolOf(["a", "b"]);
    pool.answered(pool.row("a"), 20, 0);
    pool.answered(pool.row("b"), 10, 0);
    assert.deepEqual(got(pool, 0), { a: 0, b: 1_000 });
  });

  it("counts open connections, and weights", () => {
    const pool = poolOf(["a", "b"]);
    addTarget(pool, "b", { weight: 1_000 });
    pool.answered(pool.row("a"), 10, 0);
    pool.answered(pool.row("b"), 10, 0);
    for (let n = 0; n < 300; n++) pool.pick(client(n), [], 0);
    assert.deepEqual(
      pool.targets().map(({ active }) => active),
      [100, 200],
    );
  });

  it("believes a slow answer at once, and forgets it with time", () => {
    const pool = poolOf(["a", "b"]);
    const [a, b] = [pool.row("a"), pool.row("b")];
    for (let n = 0; n < 100; n++) for (const row of [a, b]) pool.answered(row, 10, 0);
    pool.answered(a, 100, 0);
    pool.answered(a, 10, 0);
    assert.equal(got(pool, 0).a, 0);
    for (const now of [10_000, 20_000]) {
      pool.answered(b, 10, now);
      assert.equal(got(pool, now).a, 0, "e² is less than 10");
    }
    pool.answered(b, 10, 30_000);
    assert.equal(got(pool, 30_000).a, 1_000, "e³ is more, and it is worth a try");
  });

  it("takes one that has not answered yet for as fast as is usual, and never for slower than the other", () => {
    const pool = poolOf(["fast", "slow"]);
    for (let n = 0; n < 100; n++) {
      pool.answered(pool.row("fast"), 10, 0);
      pool.answered(pool.row("slow"), 30, 0);
    }
    addTarget(pool, "new");
    const counts = got(pool, 0, 3_000);
    assert.ok(Math.abs(counts.fast! - 1_500) < 100 && Math.abs(counts.new! - 1_500) < 100, JSON.stringify(counts));
    assert.equal(counts.slow, 0);
  });

  it("tries one that has not answered yet, though another one does, again and again and slowly", () => {
    const pool = poolOf(["slow", "new"]);
    let now = 0;
    pool.answered(pool.row("slow"), 150, now); // the first one is the slowest, as it often is
    for (let n = 0; n < 20; n++) {
      now += 1;
      const row = pool.pick(client(n), [], now);
      if (pool.identity(row) === "new") return;
      now += 100;
      pool.answered(row, 100, now);
      pool.release(row, client(n), 0, 0, now);
    }
    assert.fail("20 connections, one after the other, all went to the slow one");
  });

  it("knows nothing of the target that had the row before", () => {
    const pool = poolOf(["a", "b"]);
    pool.answered(pool.row("a"), 1_000, 0);
    pool.answered(pool.row("b"), 1, 0);
    assert.equal(got(pool, 0).a, 0);
    const row = pool.row("a");
    pool.remove("a");
    addTarget(pool, "c");
    assert.equal(pool.row("c"), row);
    assert.ok(got(pool, 0).c! > 400, "it is not the slow one");
  });

  it("keeps what it knows when the pool's memory moves", () => {
    const pool = poolOf(["a", "b"]);
    pool.answered(pool.row("a"), 20, 0);
    pool.answered(pool.row("b"), 10, 0);
    for (let n = 0; n < 200; n++) addTarget(pool, `more ${n}`, { weight: 0 });
    assert.deepEqual([got(pool, 0).a, got(pool, 0).b], [0, 1_000]);
  });

  it("does not let one answer of an hour keep a target away for more than a minute", () => {
    const pool = poolOf(["a", "b"]);
    for (let n = 0; n < 100; n++) pool.answered(pool.row("b"), 10, 0);
    pool.answered(pool.row("a"), 3_600_000, 0);
    pool.answered(pool.row("b"), 10, 60_000);
    assert.ok(got(pool, 60_000).a! > 0);
  });

  it("draws by weight: a target that weighs next to nothing gets next to nothing, however fast", () => {
    const pool = poolOf(["a", "b", "c"], 1_000);
    addTarget(pool, "light", { weight: 1 });
    for (const name of ["a", "b", "c"]) pool.answered(pool.row(name), 100, 0);
    pool.answered(pool.row("light"), 1, 0);
    assert.ok(got(pool, 0, 3_000).light! < 30);
  });

  it("asks to be told of answers, and tells all threads what it learns", () => {
    const pool = poolOf(["a", "b"]);
    const thread = SharedPool.attach(pool.handle, 1);
    assert.ok(pool.observes && thread.observes);
    thread.answered(pool.row("a"), 20, 0);
    pool.answered(pool.row("b"), 10, 0);
    for (let n = 0; n < 100; n++) {
      const row = thread.pick(client(n), [], 0);
      assert.equal(pool.identity(row), "b");
      thread.release(row, client(n), 0, 0, 0);
    }
    assert.equal(makePool({ algorithm: "leastconn" }).observes, false);
  });
});

describe("the latency algorithm, with one of ten targets ten times as slow", () => {
  const run = (algorithm: "latency" | "leastconn") =>
    simulate({ algorithm, targets: ONE_SLOW, rate: 200, until: 120_000, seed: 7 }).answers;

  it("has the slowest hundredth of the clients wait less than fewest connections do", () => {
    const [latency, leastconn] = [run("latency"), run("leastconn")];
    const text = `p99 ${quantile(latency, 0.99).toFixed(1)} ms, with leastconn ${quantile(leastconn, 0.99).toFixed(1)} ms; the slow one got ${shareOf(latency, "j")}, with leastconn ${shareOf(leastconn, "j")}`;
    assert.ok(quantile(latency, 0.99) < quantile(leastconn, 0.99), text);
    assert.ok(quantile(latency, 0.99) < 55, text); // 46 ms is what a hundredth of the fast ones' answers take longer than
    assert.ok(shareOf(latency, "j") < 0.004, text);
  });

  it("starves nobody", () => {
    const answers = run("latency");
    for (let from = 0; from < 120_000; from += 30_000) {
      const some = answers.filter(({ at }) => at >= from && at < from + 30_000);
      for (const name of TEN) assert.ok(shareOf(some, name) > 0, `${name} got nothing from ${from} ms on`);
      for (const name of TEN.slice(0, 9)) {
        const share = shareOf(some, name);
        assert.ok(share > 0.05 && share < 0.2, `${name} got ${share} from ${from} ms on`);
      }
    }
  });

  it("gives a target that has recovered its share again within half a minute", () => {
    const targets = { ...ONE_SLOW, j: { mean: (now: number) => (now < 60_000 ? 100 : 10) } };
    const { answers } = simulate({ algorithm: "latency", targets, rate: 200, until: 120_000, seed: 3 });
    const share = shareOf(
      answers.filter(({ at }) => at > 90_000),
      "j",
    );
    assert.ok(share > 0.05, `${share}`);
  });
});

it("the latency algorithm gives every target something, however slow it is", () => {
  const means = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(means, fc.nat(), (ms, seed) => {
      const targets = Object.fromEntries(ms.map((mean, i) => [`t${i}`, { mean: () => mean }]));
      const { answers } = simulate({ algorithm: "latency", targets, rate: 100, until: 120_000, seed });
      const late = answers.filter(({ at }) => at > 30_000);
      for (const name of Object.keys(targets)) assert.ok(shareOf(late, name) > 0, name);
    }),
    { numRuns: 20 },
  );
});
