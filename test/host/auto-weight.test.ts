/** The controller of a weight that follows what is left: alone, over time, and with two machines in its loop. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AutoWeight } from "../../src/host/auto-weight.ts";
import { FollowedWeight } from "../../src/host/follow.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { settle } from "../support/wait.ts";

const RANGE = { floor: 25, ceiling: 500 };

describe("a weight that follows what is left", () => {
  it("begins at the floor, and is right with the first measurement", () => {
    const weight = new AutoWeight(RANGE);
    assert.deepEqual([weight.weight, weight.headroom], [25, null]);
    weight.note(0.45, 1);
    assert.equal(weight.weight, 250);
  });

  it("is whole where next to nothing is used, and the floor where nothing is left", () => {
    const weight = new AutoWeight(RANGE);
    for (let i = 0; i < 100; i++) weight.note(0.93, 1);
    assert.equal(weight.weight, 500);
    for (let i = 0; i < 100; i++) weight.note(0, 1);
    assert.equal(weight.weight, 25);
  });

  it("falls faster than it rises", () => {
    const intervals = (from: number, to: number, isThere: (weight: number) => boolean) => {
      const weight = new AutoWeight(RANGE);
      weight.note(from, 1);
      for (let count = 0; ; count++) {
        if (isThere(weight.weight)) return count;
        weight.note(to, 1);
      }
    };
    const fall = intervals(0.9, 0.1, (weight) => weight < 275);
    const rise = intervals(0.1, 0.9, (weight) => weight > 275);
    assert.ok(fall <= 3 && rise > fall && rise <= 8, `${fall}, ${rise}`);
  });

  it("is smoothed by the time that has passed, not by the number of looks", () => {
    const [often, seldom] = [new AutoWeight(RANGE), new AutoWeight(RANGE)];
    for (const each of [often, seldom]) each.note(0.9, 1);
    for (let i = 0; i < 4; i++) often.note(0.1, 1);
    seldom.note(0.1, 4);
    assert.ok(Math.abs(often.headroom! - seldom.headroom!) < 1e-9);
  });

  it("does not follow small changes", () => {
    const weight = new AutoWeight(RANGE);
    weight.note(0.5, 1);
    const before = weight.weight;
    for (let i = 0; i < 200; i++) {
      weight.note(i % 2 === 0 ? 0.56 : 0.46, 1);
      assert.equal(weight.weight, before);
    }
  });

  it("stays where it was while nothing can be measured, and is whole where nothing ever could", () => {
    const [known, unknown] = [new AutoWeight(RANGE), new AutoWeight(RANGE)];
    known.note(0.45, 1);
    for (const each of [known, unknown]) each.noteFailure();
    assert.deepEqual([known.weight, unknown.weight], [250, 500]);
  });

  it("is a whole number from floor to ceiling, whatever is measured", () => {
    const range = fc
      .integer({ min: 1, max: 1_000_000 })
      .chain((ceiling) => fc.record({ ceiling: fc.constant(ceiling), floor: fc.integer({ min: 1, max: ceiling }) }));
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const looks = fc.array(fc.option(fc.tuple(part, fc.double({ min: 0, max: 1e9, noNaN: true }))));
    fc.assert(
      fc.property(range, looks, (given, all) => {
        const weight = new AutoWeight(given);
        for (const look of all) {
          if (look === null) weight.noteFailure();
          else weight.note(...look);
          assert.ok(Number.isInteger(weight.weight) && weight.weight >= given.floor && weight.weight <= given.ceiling);
        }
      }),
    );
  });
});

describe("measuring", () => {
  function world(measure: (clock: ManualClock, signal: AbortSignal) => Promise<number | null>) {
    const clock = new ManualClock();
    const told: string[] = [];
    const followed = new FollowedWeight({
      ...RANGE,
      clock,
      interval: 1_000,
      measure: (_now, signal) => measure(clock, signal),
      onWeight: (weight) => told.push(`weight ${weight}`),
      onTrouble: (reason) => told.push(`trouble ${reason}`),
    });
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 250) {
        clock.advance(250);
        await settle(3);
      }
    };
    return { clock, told, followed, pass };
  }

  it("goes on once an interval, and tells of weights that differ", async () => {
    let now = 0.9;
    let looks = 0;
    const { told, followed, pass } = world(async () => {
      looks++;
      return now;
    });
    await pass(3_000);
    assert.deepEqual([told, looks], [["weight 500"], 4]);
    now = 0;
    await pass(60_000);
    assert.equal(told.at(-1), "weight 25");
    assert.ok(told.length < 30, told.join());
    followed.end();
  });

  it("tells of trouble when it begins and ends, and keeps the weight meanwhile", async () => {
    let left: () => Promise<number> = async () => 0.45;
    const { told, followed, pass } = world(() => left());
    await pass(1_000);
    let count = 0;
    left = async () => {
      throw new Error(`no ${++count}`);
    };
    await pass(5_000);
    assert.deepEqual([followed.weight, followed.trouble, count], [250, "no 5", 5]);
    left = async () => 0.45;
    await pass(1_000);
    assert.deepEqual(told, ["weight 250", "trouble no 1", "trouble null"]);
    assert.equal(followed.trouble, null);
    followed.end();
  });

  it("is never done twice at once, pauses even where it takes longer than an interval, and leaves no timer", async () => {
    let open = 0;
    let most = 0;
    let looks = 0;
    const { clock, followed, pass } = world(async (clock) => {
      looks++;
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => void clock.after(3_500, resolve));
      open--;
      return 0.5;
    });
    await pass(20_000);
    assert.deepEqual([most, looks], [1, 6]); // one in four seconds, the first at once
    followed.end();
    await pass(10_000);
    assert.equal(clock.pending, 0);
  });

  it("ends what is under way when it ends, and tells nothing of that", async () => {
    const signals: AbortSignal[] = [];
    const { told, followed, pass } = world((_clock, signal) => {
      signals.push(signal);
      if (signals.length === 1) return Promise.resolve(0.9);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("ended"))));
    });
    await pass(1_000);
    followed.end();
    await pass(5_000);
    assert.deepEqual([signals.map(({ aborted }) => aborted), told], [[false, true], ["weight 500"]]);
  });
});

/**
 * Two machines of one processor each, with work for `load` of one between them, of which the first is busy with something else from second
 * 30 to 90. What each has to do waits in a line; what a request takes follows from the line, and from how much of what the other thing leaves
 * is in use. `noise`: of what is measured.
 */
function simulate(load: number, busy: number, isAuto: boolean, noise: number) {
  const [STEP, SECONDS, SERVICE] = [0.05, 150, 0.02];
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const machines = [0, 1].map((index) => ({ index, weight: new AutoWeight(RANGE), line: 0, used: 0 }));
  const shares: number[] = [];
  let waited = 0;
  for (let step = 0; step < SECONDS / STEP; step++) {
    const time = step * STEP;
    const weights = machines.map(({ weight }) => (isAuto ? weight.weight : 500));
    const sum = weights[0]! + weights[1]!;
    for (const machine of machines) {
      const other = machine.index === 0 && time >= 30 && time < 90 ? busy : 0;
      const free = 1 - other;
      const comes = (load * weights[machine.index]!) / sum;
      machine.line = Math.max(0, machine.line + (comes - free) * STEP);
      machine.used += Math.min(1, other + (machine.line > 0 ? free : comes)) * STEP;
      waited += comes * (SERVICE / free / (1 - Math.min(0.98, comes / free)) + machine.line / free);
    }
    if ((step + 1) % (1 / STEP) !== 0) continue;
    shares.push(weights[0]! / sum);
    for (const machine of machines) {
      const left = 1 - machine.used + noise * (random() - 0.5);
      machine.weight.note(Math.min(1, Math.max(0, left)), 1);
      machine.used = 0;
    }
  }
  return { latency: waited / (load * (SECONDS / STEP)), shares };
}

/** How often a series turns from rising to falling, or back. */
function turns(values: readonly number[]): number {
  const steps = values.slice(1).map((value, index) => Math.sign(value - values[index]!));
  const moves = steps.filter((step) => step !== 0);
  return moves.filter((move, index) => index > 0 && move !== moves[index - 1]).length;
}

describe("two machines, one of which is busy for a while", () => {
  const worlds = [
    [0.3, 0.5],
    [0.6, 0.7],
    [0.9, 0.7],
    [1.1, 0.5],
    [0.6, 0.95],
  ] as const;
  for (const [load, busy] of worlds) {
    it(`with ${busy}, at a load of ${load}: traffic moves, comes back, waits less than with fixed weights, and does not swing`, () => {
      const auto = simulate(load, busy, true, 0.06);
      const fixed = simulate(load, busy, false, 0.06);
      assert.ok(auto.latency < fixed.latency, `${auto.latency} s against ${fixed.latency} s`);
      const [during, after] = [auto.shares.slice(60, 90), auto.shares.slice(125)];
      assert.ok(Math.max(...during) < 0.42, during.join());
      assert.ok(Math.min(...after) > 0.43 && Math.max(...after) < 0.57, after.join());
      for (const settled of [during, after]) {
        assert.ok(Math.max(...settled) - Math.min(...settled) < 0.08, settled.join());
        assert.ok(turns(settled) <= 4, settled.join());
      }
    });
  }
});
