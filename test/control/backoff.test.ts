import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { Backoff } from "../../src/control/client/backoff.ts";
import { Random } from "../support/kernel/random.ts";

const REPORTERS = 10_000;

/** ms from a balancer's return to each reporter's next attempt, in order, if it was away for `downMs`. */
function returns(downMs: number): number[] {
  const random = new Random(downMs);
  const waits = Array.from({ length: REPORTERS }, () => {
    const backoff = new Backoff(() => random.unit());
    let at = backoff.next();
    while (at < downMs) at += backoff.next();
    return at - downMs;
  });
  return waits.sort((a, b) => a - b);
}

describe("reporters whose balancer restarts", () => {
  // What docs/how-it-works.md says.
  for (const [downMs, share] of [
    [100, 0.999],
    [500, 0.99],
    [1_000, 0.94],
  ] as const) {
    it(`are back before it stops to hold its clients: ${100 * share} % of them after ${downMs} ms`, () => {
      const hold = balancerOptions.startHold.default;
      const back = returns(downMs).filter((ms) => ms <= hold).length / REPORTERS;
      assert.ok(back >= share - 0.005, `${back} are`);
    });
  }

  it("are back within 10 s, however long it was away", () => {
    for (const downMs of [5_000, 60_000, 600_000]) assert.ok(returns(downMs).at(-1)! <= 10_000);
  });

  it("do not come in step", () => {
    const waits = returns(0);
    assert.ok(
      waits[REPORTERS / 10]! < 20 && waits[(9 * REPORTERS) / 10]! > 80,
      "the first attempts are spread over 100 ms",
    );
  });
});
