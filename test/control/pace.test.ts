/** How fast a reporter's messages may come, over one session or many. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import { readFromReporter } from "../../src/control/protocol/messages.ts";
import { Pace, Paces } from "../../src/control/server/pace.ts";
import { settle } from "../support/wait.ts";
import { leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
/** As a reporter of several balancers says it. */
const shared = (n: number) => ({ credits: n, elsewhere: 2 * n });
const report = (change: object = {}) => readFromReporter({ ...REPORT, n: 1, made: 0, ...change });

describe("the pace of a session", () => {
  it("lets ten changes pass, then two a second", () => {
    const pace = new Pace();
    const waits = Array.from({ length: 13 }, (_, n) => pace.wait(report({ drain: n % 2 === 0 }), 0, 1));
    assert.deepEqual(waits.slice(-4), [0, 500, 1_000, 1_500]);
  });

  it("lets a hundred reports pass that say nothing new, then twenty a second, whatever else is said of other targets", () => {
    const pace = new Pace();
    pace.wait(report({ ref: 1, id: "a", ...shared(0) }), 0, 1);
    pace.wait(report({ ref: 2, id: "b" }), 0, 1);
    const waits = Array.from({ length: 81 }, (_, n) =>
      pace.wait(report({ ref: 1, id: "a", n, weight: n, ...shared(n) }), 0, 1),
    );
    assert.deepEqual(waits.slice(-2), [0, 50]);
  });
});

describe("the pace of a key's sessions", () => {
  it("is what one that has ended had yet to pay, the most first, until that is over", () => {
    const paces = new Paces();
    paces.end("web", new Pace(3_000), 0);
    paces.end("web", new Pace(5_000), 0);
    paces.end("web", new Pace(10), 0);
    paces.end("db", new Pace(9_000), 0);
    const begin = () => paces.begin("web", 20).paidUntil;
    assert.deepEqual([begin(), begin(), begin()], [5_000, 3_000, Number.NEGATIVE_INFINITY]);
    assert.equal(paces.begin("db", 9_000).paidUntil, Number.NEGATIVE_INFINITY);
  });

  it("holds for a reporter that comes anew instead of waiting", async () => {
    const world = await World.start({}, [parseKeyLine(`web:${SECRET} sessions=1`, "test")]);
    const target = await world.target(A);
    for (let n = 0; n < 3; n += 1) {
      const raw = await world.raw(A);
      for (let m = 0; m < 10; m += 1) await raw.tell({ ...REPORT, drain: m % 2 === 0 });
      await settle();
      await raw.close();
      await settle();
    }
    const changes = world.story.filter((each) => /^target(Up|Drain)/.test(each)).length;
    assert.equal(changes, 10, world.story.join("\n"));
    await leavesNothing(world, target);
  });
});
