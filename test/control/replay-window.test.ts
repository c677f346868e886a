import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClockIsWrong, Freshness } from "../../src/control/server/freshness.ts";
import { ReplayWindow } from "../../src/control/server/replay-window.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";

describe("a replay window", () => {
  it("takes nothing twice, whatever is said in which order and however the clock jumps", () => {
    const step = fc.record({
      said: fc.integer({ min: 0, max: 40 }),
      jump: fc.integer({ min: -300, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, capacity) => {
        const window = new ReplayWindow({ since: 0, span: 100, capacity });
        const taken = new Set<string>();
        let now = 1_000;
        for (const { said, jump } of steps) {
          now += jump;
          // What is said bears one time: that is sealed together with it.
          const bears = 1_000 + said * 7;
          const text = `${said}`;
          const judged = window.judge(text, bears, now);
          if (judged === "fresh") {
            assert.ok(!taken.has(text));
            assert.ok(Math.abs(now - bears) <= 100);
            taken.add(text);
          }
          if (judged === "repeated") assert.ok(taken.has(text));
        }
      }),
    );
  });

  it("takes whatever is new, as long as there is room", () => {
    const window = new ReplayWindow({ since: 0, span: 100, capacity: 3 });
    assert.deepEqual(
      ["a", "b", "c", "a"].map((said, n) => window.judge(said, 10 + (said === "a" ? 0 : n), 20)),
      ["fresh", "fresh", "fresh", "repeated"],
    );
    assert.equal(window.judge("d", 20, 20), "fresh"); // the older half is forgotten
    assert.equal(window.judge("a", 10, 20), "stale");
    assert.equal(window.judge("c", 12, 20), "repeated");
  });

  it("takes nothing that bears a time before its own", () => {
    const window = new ReplayWindow({ since: 1_000, span: 100 });
    assert.equal(window.judge("a", 999, 1_000), "stale");
    assert.equal(window.judge("a", 1_000, 1_000), "fresh");
  });

  it("has room again for what comes later", () => {
    const window = new ReplayWindow({ since: 0, span: 100, capacity: 2 });
    for (let now = 0; now < 10_000; now += 60) assert.equal(window.judge(`${now}`, now, now), "fresh");
  });

  it("remembers nothing that is too old, and takes none of it where the clock goes back", () => {
    const window = new ReplayWindow({ since: 0, span: 100 });
    assert.equal(window.judge("a", 1_000, 1_000), "fresh");
    assert.equal(window.endedBy(1_100), null);
    assert.equal(window.endedBy(1_101), 1_001);
    assert.equal(window.judge("a", 1_000, 1_050), "stale");
    assert.equal(window.judge("b", 1_001, 1_050), "fresh");
  });
});

describe("freshness", () => {
  it("remembers nothing of keys that nobody has proved for a minute, and still takes none of their hellos again", () => {
    const clock = new ManualClock();
    let wallClock = 1_000_000;
    const freshness = new Freshness({ clock, wallClock: () => wallClock });
    const demand = (whose: string, time = wallClock) =>
      freshness.demand(whose, Buffer.from(whose), { time }, "192.0.2.1");
    const early = wallClock;
    for (let key = 0; key < 10_000; key += 1) {
      wallClock += 1_000;
      clock.advance(1_000);
      demand(`${key}`);
      assert.ok(freshness.size <= 200, `${freshness.size} keys`);
    }
    const late = wallClock;
    for (const [whose, time, back] of [
      ["0", early + 1_000, early],
      ["9900", early + 9_901_000, late - 99_000],
    ] as const) {
      wallClock = back;
      assert.throws(() => demand(whose, time), { code: "CLOCK" });
    }
    wallClock = late;
    assert.throws(() => demand("9999"), { code: "REPLAYED" });
  });

  for (const by of ["time", "ticket"]) {
    it(`remembers what may be taken still of all keys by its ${by}, however many there are`, () => {
      const freshness = new Freshness({ clock: new ManualClock(), wallClock: () => 1_000_000 });
      const demand = (whose: string, payload: { time: number; ticket?: string }) =>
        freshness.demand(whose, Buffer.from(whose), payload, "192.0.2.1");
      const payload =
        by === "time" ? { time: 1_000_000 } : { time: 0, ticket: ticketOf(() => demand("x", { time: 0 })) };
      const keys = Array.from({ length: 200 }, (_, key) => `${key}`);
      for (const key of keys) demand(key, payload);
      for (const key of keys) assert.throws(() => demand(key, payload), { code: "REPLAYED" });
    });
  }

  it("says by how much a reporter's clock is wrong, and which way", () => {
    const freshness = new Freshness({ clock: new ManualClock(), wallClock: () => 1_000_000 });
    const demand = (time: number) => freshness.demand("web", Buffer.from("e"), { time }, "192.0.2.1");
    assert.throws(() => demand(100_000), /900 s behind the balancer's/);
    assert.throws(() => demand(1_300_000), /300 s ahead of the balancer's/);
  });
});

/** The ticket that comes with a refusal. */
function ticketOf(demand: () => void): string {
  try {
    demand();
  } catch (error) {
    if (error instanceof ClockIsWrong) return error.ticket.toString("base64");
    throw error;
  }
  throw new Error("it was not refused");
}
