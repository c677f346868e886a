import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keepaliveTimes } from "../../src/config/keepalive-kind.ts";
import {
  LONGEST_KEEPALIVE,
  MOST_KEEPALIVE_PROBES,
  MOST_KEEPALIVE_SECONDS,
  probingOf,
  SHORTEST_KEEPALIVE,
} from "../../src/net/keepalive.ts";
import fc from "../support/draws.ts";

const times = fc.record(
  {
    idle: fc.integer({ min: 1, max: MOST_KEEPALIVE_SECONDS }),
    interval: fc.integer({ min: 1, max: MOST_KEEPALIVE_SECONDS }),
    count: fc.integer({ min: 1, max: MOST_KEEPALIVE_PROBES }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe("how keepalive asks", () => {
  it("is words in any order, whole seconds and a number", () => {
    for (const [text, value] of [
      ["idle=30s interval=10s count=3", { idle: 30, interval: 10, count: 3 }],
      [" count=9  idle=1.5m", { idle: 90, count: 9 }],
      ["interval=2000ms", { interval: 2 }],
    ] as const) {
      assert.deepEqual(keepaliveTimes.parse(text), { value });
    }
  });

  it("is nothing that the kernel does not take", () => {
    for (const text of [
      "",
      "30s",
      "off",
      "idle=30",
      "idle=0",
      "idle=1500ms",
      "idle=10h",
      "count=0",
      "count=128",
      "count=3 count=4",
      "retries=3",
      "idle",
      "idle=30s,count=3",
    ]) {
      assert.equal(keepaliveTimes.parse(text), null, text);
    }
  });

  it("is read back as it was written", () =>
    fc.assert(
      fc.property(times, (value) => {
        fc.pre(Object.keys(value).length > 0);
        assert.deepEqual(keepaliveTimes.parse(keepaliveTimes.format(value)), { value });
      }),
    ));

  it("follows from keepalive where it is not said, so that a peer is given up after that", () => {
    assert.deepEqual(probingOf(60_000), { idle: 30, interval: 10, count: 3 });
    assert.deepEqual(probingOf(60_000, { idle: 15 }), { idle: 15, interval: 15, count: 3 });
    assert.deepEqual(probingOf(60_000, { count: 6 }), { idle: 30, interval: 5, count: 6 });
    assert.deepEqual(probingOf(60_000, { interval: 5 }), { idle: 45, interval: 5, count: 3 });
    assert.deepEqual(probingOf(60_000, { idle: 600 }), { idle: 600, interval: 1, count: 3 });
  });

  it("is always something that the kernel takes", () =>
    fc.assert(
      fc.property(fc.integer({ min: SHORTEST_KEEPALIVE, max: LONGEST_KEEPALIVE }), times, (total, own) => {
        const { idle, interval, count } = probingOf(total, own);
        for (const seconds of [idle, interval]) {
          assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST_KEEPALIVE_SECONDS);
        }
        assert.deepEqual({ idle, interval, count, ...own }, { idle, interval, count });
      }),
    ));
});
