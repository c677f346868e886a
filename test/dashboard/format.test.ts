/** How the dashboard words numbers and times. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as format from "../../src/admin/dashboard/page/format.ts";
import fc from "../support/draws.ts";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("numbers on the dashboard", () => {
  const cases: readonly [string, string][] = [
    [format.count(1234567), "1,234,567"],
    [format.count(null), "–"],
    [format.perSecond(0), "0/s"],
    [format.perSecond(0.04), "0.04/s"],
    [format.perSecond(12.34), "12.3/s"],
    [format.perSecond(1234.5), "1,235/s"],
    [format.bytes(0), "0 B"],
    [format.bytes(999), "999 B"],
    [format.bytes(999.6), "1.00 kB"],
    [format.bytes(12_345_678), "12.3 MB"],
    [format.bytes(1e18), "1,000 PB"],
    [format.bytesPerSecond(2_500_000), "2.50 MB/s"],
    [format.percent(1 / 3), "33 %"],
    [format.percent(null), "–"],
    [format.milliseconds(0), "0 ms"],
    [format.milliseconds(0.384), "0.38 ms"],
    [format.milliseconds(3.14), "3.1 ms"],
    [format.milliseconds(1234), "1.2 s"],
    [format.span(59_000), "59 s"],
    [format.span(60_000), "1 min"],
    [format.span(47 * 3_600_000), "47 h"],
    [format.span(3 * 86_400_000), "3 d"],
    [format.counted(1, "target"), "1 target"],
    [format.counted(2000, "target"), "2,000 targets"],
  ];
  for (const [given, wanted] of cases) it(wanted, () => assert.equal(plain(given), wanted));

  it("are never wider than their columns", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (value) => {
        assert.ok(format.bytes(value).length <= 8, format.bytes(value));
        assert.ok(format.milliseconds(Math.min(value, 1e9)).length <= 7, format.milliseconds(value));
        assert.ok(format.percent(Math.min(1, value)).length <= 5);
      }),
    );
  });

  it("never say more of a larger unit than there is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (ms) => {
        const [, number = "", unit = ""] = /^([\d.]+) (s|min|h|d)$/.exec(plain(format.span(ms))) ?? [];
        const size = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
        assert.ok(size !== undefined && Math.abs(Number(number) * size - ms) <= size, `${ms}: ${format.span(ms)}`);
      }),
    );
  });
});

describe("times on the dashboard", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");

  it("are whole seconds ago, and never in the future where clocks differ", () => {
    assert.equal(plain(format.ago("2026-03-01T11:59:55.300Z", now)), "4 s");
    assert.equal(plain(format.ago("2026-03-01T12:00:05Z", now)), "0 s");
    assert.equal(format.ago(null, now), "–");
  });

  it("have their day where it is another", () => {
    assert.match(format.moment("2026-03-01T12:00:00Z", now), /^\d\d:\d\d:\d\d$/);
    assert.match(format.moment("2026-02-20T12:00:00Z", now), /^2026-02-\d\d \d\d:\d\d:\d\d$/);
  });
});
