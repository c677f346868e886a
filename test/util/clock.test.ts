/** The clock of the system. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { pass, systemClock } from "../../src/util/clock.ts";

it("does not do at once what is to be done in months, which a peer may ask for", async () => {
  let done = 0;
  const cancels = [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER].map((ms) => systemClock.after(ms, () => done++));
  await pass(systemClock, 5); // what is done at once is done before that
  for (const cancel of cancels) cancel();
  assert.equal(done, 0);
});
