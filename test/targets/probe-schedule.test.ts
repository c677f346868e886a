import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProbeSchedule, RiseFall } from "../../src/targets/probe-schedule.ts";

describe("rise and fall", () => {
  it("need as many results in a row", () => {
    const health = new RiseFall(2, 3);
    const changes = [false, false, true, false, false, false, true, false, true, true].map((good) =>
      health.result(good) ? health.healthy : null,
    );
    assert.deepEqual(changes, [null, null, null, null, null, false, null, null, null, true]);
  });
});

describe("the probe schedule", () => {
  it("probes a suspect after 1 s, then at intervals that double up to 10 s", () => {
    const schedule = new ProbeSchedule();
    schedule.update(["a"], 0);
    const times: number[] = [];
    for (let now = 0; now <= 45_000; now += 500) {
      for (const identity of schedule.due(now)) {
        times.push(now);
        assert.equal(schedule.result(identity, false, now), false);
      }
    }
    assert.deepEqual(times, [1000, 3000, 7000, 15_000, 25_000, 35_000, 45_000]);
  });

  it("says when to look again, and does not probe twice at a time", () => {
    const schedule = new ProbeSchedule();
    assert.equal(schedule.next(), null);
    schedule.update(["a"], 0);
    schedule.update(["a", "b"], 500);
    assert.equal(schedule.next(), 1000);
    assert.deepEqual(schedule.due(1000), ["a"]);
    assert.deepEqual(schedule.due(1400), []);
    assert.equal(schedule.next(), 1500);
    assert.deepEqual(schedule.due(9000), ["b"]);
    assert.equal(schedule.next(), null);
  });

  it("forgets whoever is up again", () => {
    const schedule = new ProbeSchedule();
    schedule.update(["a", "b"], 0);
    schedule.due(1000);
    assert.equal(schedule.result("a", true, 1001), true);
    schedule.update([], 1002);
    assert.equal(schedule.result("b", true, 1003), false, "no longer suspect: its result is of no account");
    assert.equal(schedule.next(), null);
  });

  it("asks for `rise` good results in a row", () => {
    const schedule = new ProbeSchedule(2);
    schedule.update(["a"], 0);
    assert.equal(schedule.result("a", true, 1000), false);
    assert.equal(schedule.result("a", false, 2000), false);
    assert.equal(schedule.result("a", true, 4000), false);
    assert.equal(schedule.result("a", true, 5000), true);
  });
});
