import assert from "node:assert/strict";
import { it } from "node:test";
import * as states from "../../src/proxy/states.ts";

const { PERMIT, ROW, isWaiting: _, ...numbers } = states;

it("every state has a number of its own, and each hold a bit", () => {
  const all = Object.values(numbers);
  assert.equal(new Set(all).size, all.length);
  assert.equal(PERMIT & ROW, 0);
});
