import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Histogram } from "../../src/telemetry/histogram.ts";
import { LIVES, Scale, WAITS } from "../../src/telemetry/scale.ts";
import { Window } from "../../src/telemetry/window.ts";
import fc from "../support/draws.ts";

describe("a scale", () => {
  for (const [name, scale] of Object.entries({ WAITS, LIVES })) {
    test(`${name} rises, and shows bounds that it has`, () => {
      const bounds = [...scale.bounds];
      assert.deepEqual(
        bounds,
        [...new Set(bounds)].sort((a, b) => a - b),
      );
      assert.ok(scale.shown.every((at) => at >= 0 && at < bounds.length));
      assert.ok(scale.shown.length <= 25, "each is a series that somebody keeps");
    });
  }

  test("sorts a duration into the first range whose bound is not below it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        const range = WAITS.rangeOf(ms);
        assert.ok(range === WAITS.bounds.length || WAITS.bounds[range]! >= ms);
        assert.ok(range === 0 || WAITS.bounds[range - 1]! < ms);
      }),
    );
    const scale = new Scale([1, 10], [1]);
    assert.deepEqual(
      [0, 1, 1.1, 10, 11].map((ms) => scale.rangeOf(ms)),
      [0, 0, 1, 1, 2],
    );
  });
});

describe("a histogram", () => {
  test("counts all of them, in their ranges", () => {
    const scale = new Scale([1, 10], [1]);
    const histogram = new Histogram(scale);
    for (const ms of [0.5, 5, 7, 1_000]) histogram.add(scale.rangeOf(ms), ms);
    assert.deepEqual([...histogram.counts], [1, 2, 1]);
    assert.equal(histogram.sum, 1_012.5);
  });
});

describe("the last minute", () => {
  const add = (window: Window, slice: number, ms: number) => window.add(slice, WAITS.rangeOf(ms), ms);

  test("is nothing where nothing was measured", () => {
    const window = new Window(WAITS);
    assert.equal(window.quantiles(1), null);
    add(window, 1, 3);
    assert.equal(window.quantiles(7), null, "it is over");
  });

  test("has the bounds of the ranges, but no more than the greatest", () => {
    const window = new Window(WAITS);
    for (let n = 1; n <= 100; n++) add(window, 1, n <= 90 ? 3 : 70);
    assert.deepEqual(window.quantiles(1), { count: 100, p50: 4, p90: 4, p99: 70, max: 70 });
  });

  test("has what is longer than every bound as it was measured", () => {
    const window = new Window(WAITS);
    add(window, 1, 400_000);
    assert.deepEqual(window.quantiles(1), { count: 1, p50: 400_000, p90: 400_000, p99: 400_000, max: 400_000 });
  });

  test("is what was added in the last six slices, whatever came before and however long the gaps", () => {
    const additions = fc.array(
      fc.record({ gap: fc.integer({ min: 0, max: 9 }), ms: fc.double({ min: 0, max: 50_000, noNaN: true }) }),
    );
    fc.assert(
      fc.property(additions, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 6 }), (all, rest, slices) => {
        const window = new Window(WAITS);
        let slice = 1;
        const added = all.map(({ gap, ms }) => {
          slice += gap;
          add(window, slice, ms);
          return { slice, ms };
        });
        const now = slice + rest;
        const seen = added.filter((each) => each.slice > now - slices).map(({ ms }) => ms);
        const quantiles = window.quantiles(now, slices);
        if (seen.length === 0) return assert.equal(quantiles, null);
        const sorted = seen.sort((a, b) => a - b);
        assert.ok(quantiles !== null);
        assert.equal(quantiles.count, sorted.length);
        assert.equal(quantiles.max, sorted.at(-1));
        for (const [name, part] of [
          ["p50", 0.5],
          ["p90", 0.9],
          ["p99", 0.99],
        ] as const) {
          const exact = sorted[Math.ceil(part * sorted.length) - 1]!;
          const bound = WAITS.bounds[WAITS.rangeOf(exact)] ?? Number.POSITIVE_INFINITY;
          assert.equal(quantiles[name], Math.min(bound, quantiles.max), name);
        }
      }),
    );
  });
});
