import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "../../src/util/durations.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import fc from "../support/draws.ts";

describe("durations", () => {
  it("reads every unit", () => {
    const read = ["500ms", "30s", "5m", "2h", "1d", "1.5s", " 10s ", "0", "0s"].map(parseDuration);
    assert.deepEqual(read, [500, 30_000, 300_000, 7_200_000, 86_400_000, 1_500, 10_000, 0, 0]);
  });

  for (const bad of [
    "",
    "5",
    "s",
    "-1s",
    "1 s",
    "1w",
    "1S",
    "1e3s",
    "Infinity",
    "NaNs",
    "25d",
    "9".repeat(400),
    ".5s",
  ]) {
    it(`refuses ${JSON.stringify(bad.slice(0, 20))} and says what is allowed`, () => {
      assert.throws(
        () => parseDuration(bad),
        (error) =>
          error instanceof HarmonyError &&
          error.code === "BAD_DURATION" &&
          error.fault === "config" &&
          error.message.startsWith(`"${bad}"`) &&
          error.message.includes("30s"),
      );
    });
  }

  it("reads back what it formats", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_DURATION_MS }), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms);
      }),
    );
  });

  it("formats with the largest whole unit", () => {
    assert.deepEqual([0, 1_500, 60_000, 90_000, 7_200_000, 86_400_000].map(formatDuration), [
      "0",
      "1500ms",
      "1m",
      "90s",
      "2h",
      "1d",
    ]);
  });
});
