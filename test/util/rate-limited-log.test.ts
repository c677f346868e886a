import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  OF_STRANGERS,
  PER_EPISODE,
  PER_MINUTE,
  type RateLimit,
  RateLimitedLog,
} from "../../src/util/rate-limited-log.ts";
import { ManualClock } from "../support/clock.ts";

/** `tell(cause)` says whether the entry was written. */
function logOf(limit: RateLimit) {
  const clock = new ManualClock();
  const written: string[] = [];
  const log = new RateLimitedLog<[entry: string]>(limit, clock, (entry) => written.push(entry));
  const tell = (cause: string) => {
    const before = written.length;
    log.tell(cause, `entry of ${cause}`);
    return written.length > before;
  };
  return { clock, written, tell };
}

describe("a log per minute", () => {
  it("tells each cause once per window, however often it occurs", () => {
    const { clock, written, tell } = logOf(PER_MINUTE);
    assert.equal(tell("a"), true);
    clock.advance(59_999);
    assert.deepEqual([tell("a"), tell("b")], [false, true]);
    clock.advance(1);
    assert.deepEqual([tell("a"), tell("b")], [true, false]);
    assert.deepEqual(written, ["entry of a", "entry of b", "entry of a"]);
  });

  it("remembers no more than 1,024 causes, the newest", () => {
    const { clock, tell } = logOf(PER_MINUTE);
    tell("a");
    for (let other = 0; other < 1_024; other += 1) tell(`other ${other}`);
    clock.advance(1);
    assert.equal(tell("a"), true, "pushed out by the others");
    assert.equal(tell("other 1023"), false);
  });
});

describe("a log of strangers", () => {
  it("tells a hundred events a minute at most, and a cause not twice because of others", () => {
    const { clock, written, tell } = logOf(OF_STRANGERS);
    for (let cause = 0; cause < 2_000; cause += 1) {
      tell(`cause ${cause}`);
      tell("cause 0");
      clock.advance(10);
    }
    assert.equal(written.length, 100);
    clock.advance(41_000);
    assert.deepEqual([tell("cause 0"), tell("cause 0")], [true, false]);
    for (let cause = 0; cause < 2_000; cause += 1) tell(`another ${cause}`);
    assert.equal(written.length, 200, "the first hundred took less than a second");
  });
});

describe("a log per episode", () => {
  it("tells trouble once, however long it lasts, and again when it returns after a quiet window", () => {
    const { clock, tell } = logOf(PER_EPISODE);
    assert.equal(tell("a"), true);
    for (let second = 0; second < 60; second += 5) {
      clock.advance(5_000);
      assert.equal(tell("a"), false);
    }
    clock.advance(9_999);
    assert.equal(tell("a"), false);
    clock.advance(10_000);
    assert.equal(tell("a"), true);
  });

  it("forgets the cause that has been quiet for longest", () => {
    const { clock, tell } = logOf(PER_EPISODE);
    tell("a");
    tell("b");
    tell("a");
    for (let other = 0; other < 1_023; other += 1) tell(`other ${other}`);
    clock.advance(1);
    assert.equal(tell("a"), false, "occurred after b");
    assert.equal(tell("b"), true);
  });
});
