import assert from "node:assert/strict";
import { it } from "node:test";
import { Running } from "../../src/app/running.ts";

const PASSES = { health: "up", weight: 5 } as const;
const FAILS = { health: "down", weight: 5, reason: "check: refused" } as const;

it("what is said of a server that runs on demand is what its check finds, while it is up", () => {
  const running = new Running();
  assert.deepEqual(running.over(FAILS), { health: "down", weight: 5, reason: undefined, asleep: true });
  running.becomes("up");
  assert.deepEqual(running.over(PASSES), { ...PASSES, asleep: false });
  assert.deepEqual(running.over(FAILS), { ...FAILS, asleep: false });
  running.becomes("resting");
  assert.deepEqual(running.over(PASSES), { ...PASSES, asleep: true });
  running.becomes({ failed: "x".repeat(300) });
  assert.deepEqual(running.over(PASSES), { health: "down", weight: 5, reason: "x".repeat(200), asleep: false });
  running.becomes("asleep");
  assert.equal(running.over(PASSES).asleep, true);
});
