/** A balancer that wants to hear of a target without a pause. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { Heartbeat } from "../../src/control/client/heartbeat.ts";
import { ManualClock } from "../support/clock.ts";

it("gets a hundred signs of life a second, and not a thousand", () => {
  const clock = new ManualClock(0);
  let beats = 0;
  const heartbeat = new Heartbeat(clock, 1, () => beats++);
  for (let ms = 0; ms < 1_000; ms++) clock.advance(1);
  heartbeat.end();
  assert.equal(beats, 100);
});
