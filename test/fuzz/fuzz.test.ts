/** A moment of `make fuzz` for each corpus, and what it says when something fails. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { amount } from "../support/amount.ts";
import fc, { seed } from "../support/draws.ts";
import { CORPORA } from "./corpora/index.ts";
import { corpus } from "./corpus.ts";
import { fuzz } from "./fuzz.ts";

describe("whatever is drawn", () => {
  for (const each of CORPORA) {
    it(`does no harm: ${each.name}`, async () => {
      const { failure } = await fuzz(each, seed, { seconds: amount(2) });
      assert.equal(failure, null, failure ?? "");
    });
  }
});

describe("the fuzzer", () => {
  const small = corpus("small", fc.integer({ min: 0, max: 1_000 }), (value) => {
    assert.ok(value < 100, "too large");
    return undefined;
  });

  it("says with which seed it failed, and with the smallest input that does", async () => {
    const { failure } = await fuzz(small, 7, { seconds: 60 });
    assert.match(failure ?? "", /^CORPUS=small SEED=7\ninput: 100\n.*too large/s);
  });

  it("ends after so many values, and counts them", async () => {
    const fine = corpus("fine", fc.nat(), () => 2);
    const { inputs, failure } = await fuzz(fine, 1, { seconds: 60, runs: 1_200 });
    assert.deepEqual([inputs, failure], [2_400, null]);
  });

  it("ends after so many seconds", async () => {
    const { inputs, seconds } = await fuzz(
      corpus("fine", fc.nat(), () => undefined),
      1,
      { seconds: 0.2 },
    );
    assert.ok(inputs > 0 && seconds < 20);
  });
});
