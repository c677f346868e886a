/** The first of a sorted list, found without sorting it: against sorting it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Best } from "../../src/util/best.ts";
import fc from "../support/draws.ts";

describe("the best of many", () => {
  it("are the first of all, sorted", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.nat({ max: 40 }), (all, most) => {
        const best = new Best<number>((a, b) => a - b, most);
        for (const each of all) best.add(each);
        assert.equal(best.size, Math.min(most, all.length));
        assert.deepEqual([...best.lastToFirst()].reverse(), [...all].sort((a, b) => a - b).slice(0, most));
        assert.equal(best.size, 0);
      }),
    );
  });
});
