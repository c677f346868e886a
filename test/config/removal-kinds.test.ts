import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rate, removal } from "../../src/config/removal-kinds.ts";
import { MOST_PER_SECOND } from "../../src/targets/removal/rate.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";

const kind = removal(30_000);

describe("what becomes of connections", () => {
  it("is a word, or one with a time", () => {
    for (const [text, value] of [
      ["keep", null],
      ["kill", 0],
      ["drain", 30_000],
      ["drain 1500ms", 1_500],
      ["drain 5m", 300_000],
    ] as const) {
      assert.deepEqual(kind.parse(text), { value });
    }
    for (const text of ["", "off", "drain 0", "drain0", "drain -1s", "drain  ", "kill 5s", "keep 5s", "30s"]) {
      assert.equal(kind.parse(text), null, text);
    }
  });

  it("is read back as it was written", () => {
    for (const value of [null, 0, 1, 30_000, 90_061_001]) assert.deepEqual(kind.parse(kind.format(value)), { value });
  });
});

describe("a rate", () => {
  it("is connections or percents in a second or a minute", () => {
    assert.deepEqual(rate.parse("10/s"), { value: { amount: 10, of: "connections", perMs: 1_000 } });
    assert.deepEqual(rate.parse("2%/m"), { value: { amount: 2, of: "percent", perMs: 60_000 } });
    assert.deepEqual(rate.parse("off"), { value: null });
    for (const text of [
      "",
      "10",
      "0/s",
      "-1/s",
      "1.5/s",
      "10/h",
      "101%/s",
      "10 /s",
      `${MOST_PER_SECOND + 1}/s`,
      "/s",
    ]) {
      assert.equal(rate.parse(text), null, text);
    }
  });

  it("is read back as it was written", () => {
    const rates = fc.oneof(
      fc.constant(null),
      fc.record(
        {
          amount: fc.integer({ min: 1, max: 100 }),
          of: fc.constantFrom("connections" as const, "percent" as const),
          perMs: fc.constantFrom(1_000, 60_000),
        },
        { noNullPrototype: true },
      ),
    );
    fc.assert(
      fc.property(rates, (value) => assert.deepEqual(rate.parse(rate.format(value)), { value })),
      { numRuns: amount(100) },
    );
  });
});
