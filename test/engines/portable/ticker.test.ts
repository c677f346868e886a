import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TICK_MS, Ticker } from "../../../src/engines/portable/ticker.ts";
import type { Clock } from "../../../src/util/clock.ts";

/** A ticker on a clock whose timers come when the test says so. */
function tickerOf() {
  let now = 0;
  let timer: (() => void) | null = null;
  const clock: Clock = {
    now: () => now,
    after(_ms, run) {
      timer = run;
      return () => undefined;
    },
  };
  const ticks: number[] = [];
  let needed = true;
  const ticker = new Ticker(
    clock,
    (at) => ticks.push(at),
    () => needed,
  );
  /** Fires the timer `late` ms after it was due. */
  const fire = (late: number) => {
    now += TICK_MS + late;
    const run = timer;
    timer = null;
    run?.();
  };
  const stop = () => {
    needed = false;
  };
  return { ticker, ticks, fire, running: () => timer !== null, stop };
}

describe("the ticker", () => {
  it("puts a tick off that comes late, once: a busy process still has its time-outs", () => {
    const { ticker, ticks, fire } = tickerOf();
    ticker.wake();
    fire(10 * TICK_MS);
    assert.equal(ticks.length, 0, "what has come in meanwhile is heard first");
    fire(10 * TICK_MS);
    assert.equal(ticks.length, 1);
    fire(10 * TICK_MS);
    assert.equal(ticks.length, 1, "the next is put off again");
    fire(0);
    assert.equal(ticks.length, 2);
  });

  it("runs while it is needed, with one timer however often it is woken", () => {
    const { ticker, ticks, fire, running, stop } = tickerOf();
    for (let i = 0; i < 3; i++) ticker.wake();
    fire(0);
    fire(1);
    assert.equal(ticks.length, 2);
    stop();
    fire(0);
    assert.deepEqual([ticks.length, running()], [3, false]);
    ticker.wake();
    assert.equal(running(), true);
  });
});
