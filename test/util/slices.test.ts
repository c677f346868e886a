/** Long work lets others have their turn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { inSlices, SLICE_MS, turn } from "../../src/util/slices.ts";

/** As a visit that takes its time. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("work in slices", () => {
  it("visits all in order, and leaves the event loop its turns", async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const seen: number[] = [];
    await inSlices(Array.from({ length: 160 }, (_, n) => n).values(), (n) => {
      work(SLICE_MS / 16);
      seen.push(n);
    });
    isDone = true;
    assert.deepEqual(seen, [...seen.keys()]);
    assert.equal(seen.length, 160);
    assert.ok(turns >= 9, `${turns} turns`);
  });

  it("gives many who wait a turn each, one after the other", async () => {
    const order: string[] = [];
    const first = turn().then(() => order.push("first"));
    const second = turn().then(() => order.push("second"));
    setImmediate(() => setImmediate(() => order.push("between")));
    await Promise.all([first, second]);
    assert.deepEqual(order.slice(0, 1), ["first"]);
    assert.equal(order.at(-1), "second");
  });

  it("says what a visit throws", async () => {
    const visit = () => {
      throw new RangeError("no");
    };
    await assert.rejects(inSlices([1], visit), RangeError);
  });
});
