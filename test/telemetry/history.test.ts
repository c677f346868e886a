import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { History, SERIES, STEP_MS, type Step } from "../../src/telemetry/history.ts";

function step(value: number, also: Partial<Step> = {}): Step {
  return { ...(Object.fromEntries(SERIES.map((name) => [name, value])) as Step), ...also };
}

describe("the last hour", () => {
  test("is empty at first, and then as long as what is known", () => {
    const history = new History();
    assert.ok(Object.values(history.series).every((values) => values.length === 0));
    history.add(step(1));
    history.add(step(2, { connectP50: null }));
    assert.deepEqual(history.series.active, [1, 2]);
    assert.deepEqual(history.series.connectP50, [1, null]);
  });

  test("has the last hour and no more, the oldest first", () => {
    const history = new History();
    const hour = 3_600_000 / STEP_MS;
    for (let n = 1; n <= hour + 50; n++) history.add(step(n));
    for (const values of Object.values(history.series)) {
      assert.equal(values.length, hour);
      assert.deepEqual([values[0], values.at(-1)], [51, hour + 50]);
    }
  });

  test("has a time in which nothing happened as such, however late something does", () => {
    const idle = { ...step(0), connectP50: null, connectP99: null };
    const history = new History();
    for (const each of [idle, idle]) history.add(each);
    assert.deepEqual(
      [history.series.active, history.series.connectP50],
      [
        [0, 0],
        [null, null],
      ],
    );
    history.add(step(3));
    history.add(idle);
    assert.deepEqual(history.series.active, [0, 0, 3, 0]);
    assert.deepEqual(history.series.connectP99, [null, null, 3, null]);
  });

  test("has nothing of a time of which nothing is known", () => {
    const history = new History();
    history.add(step(1));
    history.add(null);
    assert.deepEqual(history.series.targetsUp, [1, null]);
  });
});
