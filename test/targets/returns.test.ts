/** When a balancer that stops tells reporters what is left of connections that they have issued credits for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Row } from "../../src/targets/entry.ts";
import { Returns } from "../../src/targets/returns.ts";
import type { Rows } from "../../src/targets/rows.ts";
import { ManualClock } from "../support/clock.ts";

/** ms. */
const INTERVAL = 1_000;

function world() {
  const clock = new ManualClock();
  /** Connections of each target. */
  const active = new Map<string, number>();
  const told: string[] = [];
  const rows = {
    giveBack(identity: string) {
      const pool = { connections: () => active.get(identity) };
      return { ref: 0, row: { identity, pool } as unknown as Row } as ReturnType<Rows["giveBack"]>;
    },
  };
  const returns = new Returns(rows, clock, INTERVAL);
  const begin = (name: string, connections: number, gone = new AbortController().signal) => {
    active.set(name, connections);
    const tell = (_ref: number, left: number) => told.push(`${name} ${left}`) > 0;
    return returns.begin([name], tell, gone);
  };
  return { clock, active, told, returns, begin };
}

describe("what a balancer gives back", () => {
  it("is told of one reporter after that of another has all been told", async () => {
    const { clock, active, told, begin } = world();
    const first = begin("a", 1);
    active.set("a", 0);
    clock.advance(INTERVAL);
    await first;
    assert.equal(clock.pending, 0);
    const second = begin("b", 2);
    active.set("b", 0);
    clock.advance(INTERVAL);
    await second;
    assert.deepEqual(told, ["a 1", "a 0", "b 2", "b 0"]);
    assert.equal(clock.pending, 0);
  });

  it("is told to nobody who is gone, before it begins or meanwhile", async () => {
    const { clock, told, begin } = world();
    const gone = new AbortController();
    const begun = begin("a", 1, gone.signal);
    gone.abort();
    await begun;
    await begin("b", 1, gone.signal);
    clock.advance(2 * INTERVAL);
    assert.deepEqual(told, ["a 1"]);
    assert.equal(clock.pending, 0);
  });
});
