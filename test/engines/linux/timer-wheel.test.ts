import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Slots } from "../../../src/engines/linux/shared/slots.ts";
import { TICK_MS, TimerWheel } from "../../../src/engines/linux/worker/timer-wheel.ts";
import fc from "../../support/draws.ts";

const SLOTS = 64;

function wheelAt(now: number): TimerWheel {
  return new TimerWheel(Slots.create(SLOTS), now);
}

/** Advances to each time in turn; what fell due, with the time at which it did. */
function run(wheel: TimerWheel, times: readonly number[]): [slot: number, at: number][] {
  const fired: [number, number][] = [];
  for (const now of times) wheel.advance(now, (slot) => fired.push([slot, now]));
  return fired;
}

describe("timer wheel", () => {
  it("fires no timer early, none more than a tick late, and each once", () => {
    const timer = fc.record({ slot: fc.nat(SLOTS - 1), delay: fc.double({ min: 0, max: 200_000, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(timer, { maxLength: 40 }), fc.nat(1e6), (timers, start) => {
        const wheel = wheelAt(start);
        const due = new Map<number, number>();
        for (const { slot, delay } of timers) {
          wheel.set(slot, start + delay); // the later of two for one slot counts
          due.set(slot, start + delay);
        }
        const fired = new Map<number, number>();
        let now = start;
        while (due.size > fired.size) {
          const wait = wheel.untilNext(now);
          assert.ok(wait >= 0, "a timer is set, so there is something to wait for");
          now += Math.max(wait, 1);
          wheel.advance(now, (slot) => {
            assert.ok(!fired.has(slot), "once");
            fired.set(slot, now);
          });
        }
        assert.equal(wheel.untilNext(now), -1);
        for (const [slot, at] of fired) {
          assert.ok(at >= due.get(slot)!, `early by ${due.get(slot)! - at}`);
          assert.ok(at < due.get(slot)! + 2 * TICK_MS, `late by ${at - due.get(slot)!}`);
        }
      }),
    );
  });

  it("lets its thread sleep until a timer may be due, however far ahead in a turn of the wheel", () => {
    for (let delay = TICK_MS; delay < 500 * TICK_MS; delay += 7 * TICK_MS) {
      const wheel = wheelAt(0);
      wheel.set(1, delay);
      const wait = wheel.untilNext(0);
      assert.ok(wait >= delay && wait <= delay + 2 * TICK_MS, `${wait} ms for one in ${delay} ms`);
    }
  });

  it("fires nothing that was cleared", () => {
    const wheel = wheelAt(0);
    for (const slot of [1, 2, 3]) wheel.set(slot, 100);
    wheel.clear(2);
    wheel.clear(2);
    assert.deepEqual(
      run(wheel, [1000])
        .map(([slot]) => slot)
        .sort(),
      [1, 3],
    );
    assert.equal(wheel.untilNext(1000), -1);
  });

  it("finds everything after a sleep of many turns", () => {
    const wheel = wheelAt(0);
    for (let slot = 0; slot < SLOTS; slot++) wheel.set(slot, slot * 1_000);
    assert.equal(run(wheel, [10_000_000]).length, SLOTS);
  });

  it("lets what it fires set and clear others, in the same bucket too", () => {
    const wheel = wheelAt(0);
    for (const slot of [1, 2, 3]) wheel.set(slot, 50);
    const fired: number[] = [];
    const expire = (slot: number) => {
      fired.push(slot);
      if (slot === 3 && fired.length === 1) {
        wheel.clear(2);
        wheel.set(3, 60);
      }
    };
    wheel.advance(100, expire);
    wheel.advance(200, expire);
    assert.deepEqual(fired, [3, 1, 3]);
  });
});
