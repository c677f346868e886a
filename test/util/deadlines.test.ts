import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Deadlines } from "../../src/util/deadlines.ts";
import { ManualClock } from "../support/clock.ts";

describe("deadlines of the same time", () => {
  const make = () => {
    const clock = new ManualClock();
    const due: string[] = [];
    const deadlines = new Deadlines<string>(clock, 100, (name) => void due.push(`${name} ${clock.now()}`));
    return { clock, due, deadlines };
  };

  it("are each met at its own time, by one timer", () => {
    const { clock, due, deadlines } = make();
    for (const name of ["a", "b", "c"]) {
      deadlines.start(name);
      clock.advance(10);
    }
    assert.equal(clock.pending, 1);
    clock.advance(1_000);
    assert.deepEqual(due, ["a 100", "b 110", "c 120"]);
    assert.equal(clock.pending, 0);
  });

  it("are not met by those that are cancelled or start anew", () => {
    const { clock, due, deadlines } = make();
    for (const name of ["a", "b", "c"]) deadlines.start(name);
    clock.advance(50);
    deadlines.cancel("b");
    deadlines.cancel("b");
    deadlines.start("a");
    clock.advance(1_000);
    assert.deepEqual(due, ["c 100", "a 150"]);
    assert.equal(clock.pending, 0);
  });

  it("leave no timer when the last one is cancelled, and begin again", () => {
    const { clock, due, deadlines } = make();
    deadlines.start("a");
    deadlines.cancel("a");
    assert.equal(clock.pending, 0);
    deadlines.start("b");
    clock.advance(100);
    assert.deepEqual(due, ["b 100"]);
  });

  it("may be set and cancelled by what happens at one", () => {
    const clock = new ManualClock();
    const due: string[] = [];
    const deadlines = new Deadlines<string>(clock, 100, (name) => {
      due.push(`${name} ${clock.now()}`);
      if (name !== "a") return;
      deadlines.cancel("b");
      deadlines.start("d");
    });
    for (const name of ["a", "b", "c"]) deadlines.start(name);
    clock.advance(1_000);
    assert.deepEqual(due, ["a 100", "c 100", "d 200"]);
    assert.equal(clock.pending, 0);
  });
});
