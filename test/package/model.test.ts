/** The model of the control channel's handshake: what Spin finds in it and in weaker ones, and how its words are understood. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CASES } from "../../scripts/model/cases.ts";
import { check, missing, verdict } from "../../scripts/model/spin.ts";

describe("the handshake, as Spin looks at it", { skip: missing() ?? false }, () => {
  for (const each of CASES.filter(({ long }) => !long)) {
    const promise = each.breaks === null ? "holds" : "is seen to break what it should";
    it(`${each.name}: ${promise}`, async () => assert.equal((await check(each)).broken, each.breaks));
  }
});

describe("what Spin says", () => {
  const end = (errors: number) => `State-vector 148 byte, errors: ${errors}\n    22058 states, stored\n`;

  it("is that all holds, or the property that does not", () => {
    assert.deepEqual(verdict(end(0)), { broken: null, states: 22_058 });
    const failed = "pan:1: assertion violated ((0==4)||(x>0)) (at depth 36)\n";
    assert.deepEqual(verdict(failed + end(1)), { broken: 4, states: 22_058 });
  });

  it("does not count where it has not looked at everything, or failed otherwise", () => {
    assert.throws(() => verdict(`error: max search depth too small\n${end(0)}`), /did not come to an end/);
    assert.throws(() => verdict(`pan: reached -DMEMLIM bound\n${end(0)}`), /did not come to an end/);
    assert.throws(() => verdict(`pan:1: invalid end state (at depth 3)\n${end(1)}`), /did not come to an end/);
    assert.throws(() => verdict(""), /did not come to an end/);
  });
});
