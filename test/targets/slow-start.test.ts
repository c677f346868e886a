/** Targets that come get a small part of their share at first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TargetMonitor } from "../../src/targets/monitor.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import { partAt, ramped } from "../../src/targets/ramps.ts";
import type { Registry } from "../../src/targets/registry.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { settle } from "../support/wait.ts";
import { plainPool, watchedRegistry } from "./registry-of.ts";

const LEASE = 1e9;
const SLOW_START = 10_000;
const REPORT: Report = { pool: "p", port: 80, weight: 500, health: "up", drain: false };
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);

class World {
  readonly clock = new ManualClock();
  readonly pool = plainPool("p", 16);
  readonly registry: Registry;
  readonly monitor: TargetMonitor;
  readonly told: string[] = [];
  readonly #owners = new Map<string, TargetOwner>();
  outcome: ProbeOutcome = "connected";

  slowStart: number;

  constructor(slowStart = SLOW_START) {
    this.slowStart = slowStart;
    const pools = new Map([["p", this.pool]]);
    const { clock } = this;
    const { registry, monitor } = watchedRegistry({
      pools,
      clock,
      lease: LEASE,
      quotaOf: ({ limits }) => quotaOf(limits, 100),
      slowStartOf: () => this.slowStart,
      onEvent: (...event) => {
        if (event[0] === "targetUp") this.told.push(`${event[1].identity} ${event[1].weight}`);
      },
      probe: async () => this.outcome,
    });
    this.registry = registry;
    this.monitor = monitor;
  }

  async report(id: string, report: Partial<Report> = {}): Promise<void> {
    const owner = this.#owners.get(id) ?? ownerOf(this.#owners.size + 1);
    this.#owners.set(id, owner);
    this.registry.report(owner, { ...REPORT, id, ...report }, owner.remote.host);
    await settle(5);
  }

  leave(id: string): void {
    this.registry.leave(this.#owners.get(id)!);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left));
      await settle(2);
    }
  }

  weight(id: string): number {
    return this.pool.view(`p/${id}`)!.weight;
  }

  /** A target that has been there for long. */
  static async withOld(slowStart = SLOW_START): Promise<World> {
    const world = new World(slowStart);
    await world.report("old");
    await world.pass(slowStart + 1_000);
    return world;
  }
}

function ownerOf(n: number): TargetOwner {
  return {
    remote: { host: `10.0.0.${n}`, port: 1 },
    key: { id: "key", limits: {} },
    forbids: () => null,
    replaced: () => undefined,
  };
}

describe("a slow start", () => {
  it("gives a target that comes a twentieth of its weight at once, and all of it in the end", async () => {
    const world = await World.withOld();
    await world.report("new");
    assert.equal(world.weight("new"), 25);
    let before = 25;
    for (let second = 1; second < 10; second++) {
      await world.pass(1_000);
      const weight = world.weight("new");
      const due = 500 * (0.05 + (0.95 * second) / 10);
      assert.ok(weight > before && Math.abs(weight - due) <= 10, `${weight} after ${second} s, ${due} is due`);
      assert.ok(Math.abs(world.registry.standingOf("p/new")!.ramp! - weight / 500) < 1e-9);
      before = weight;
    }
    await world.pass(1_000);
    assert.equal(world.weight("new"), 500);
    assert.equal(world.registry.standingOf("p/new")!.ramp, null);
    assert.equal(world.weight("old"), 500);
    assert.deepEqual(world.told, ["p/old 500", "p/new 500"], "what is told is what it says");
    world.monitor.close();
  });

  it("is over for a target that is alone", async () => {
    const world = new World();
    await world.report("only");
    assert.equal(world.weight("only"), 500);
    await world.report("second");
    assert.equal(world.weight("second"), 500, "they are of the same age");
    world.leave("only");
    await world.pass(2_000);
    await world.report("third");
    assert.ok(world.weight("third") < 200);
    world.leave("second");
    await world.pass(1_000);
    assert.equal(world.weight("third"), 500, "the older one is gone");
    world.monitor.close();
  });

  it("begins again when a target comes back from a drain or an order", async () => {
    const world = await World.withOld();
    await world.report("b");
    await world.pass(SLOW_START);
    assert.equal(world.weight("b"), 500);
    await world.report("b", { drain: true });
    assert.equal(world.weight("b"), 500);
    await world.report("b");
    assert.equal(world.weight("b"), 25);
    await world.pass(SLOW_START);
    assert.equal(world.weight("b"), 500);
    world.registry.ordering.order("p/b", { state: "maintain" }, "ops");
    world.registry.ordering.order("p/b", { state: null }, "ops");
    await settle(5);
    assert.equal(world.weight("b"), 25);
    world.monitor.close();
  });

  it("begins again when a target was not to be reached for two seconds, and not for a moment's failure", async () => {
    const world = await World.withOld();
    await world.report("b");
    await world.pass(SLOW_START);
    for (const [away, weight] of [
      [1_000, 500],
      [6_000, 25],
    ] as const) {
      const row = world.pool.row("p/b");
      while (world.pool.pick(CLIENT, [world.pool.row("p/old")], 0) !== row);
      world.pool.failed(row, CLIENT, world.clock.now(), "ECONNREFUSED");
      world.outcome = "ECONNREFUSED";
      await world.pass(away - 500);
      world.outcome = "connected";
      for (let i = 0; i < 200 && world.pool.view("p/b")!.state !== "up"; i++) await world.pass(100);
      assert.equal(world.weight("b"), weight, `away for ${away} ms`);
    }
    world.monitor.close();
  });

  it("goes on through reports, and takes another weight and an operator's factor as they are", async () => {
    const world = await World.withOld();
    await world.report("new");
    await world.pass(5_000);
    const half = world.weight("new");
    await world.report("new");
    assert.equal(world.weight("new"), half);
    await world.report("new", { weight: 1_000 });
    assert.ok(Math.abs(world.weight("new") - 2 * half) <= 1);
    world.registry.ordering.order("p/new", { factor: 0.5 }, "ops");
    assert.equal(world.weight("new"), half);
    await world.pass(5_000);
    assert.equal(world.weight("new"), 500);
    world.registry.ordering.order("p/new", { factor: 0 }, "ops");
    assert.equal(world.weight("new"), 0);
    world.monitor.close();
  });

  it("is switched on, off and to another length while targets are there", async () => {
    const world = await World.withOld();
    world.slowStart = 0;
    await world.report("new");
    assert.equal(world.weight("new"), 500);
    world.slowStart = SLOW_START;
    await world.report("new");
    assert.equal(world.weight("new"), 25);
    await world.pass(1_000);
    assert.ok(world.weight("new") > 60);
    world.slowStart = 0;
    await world.pass(1_000);
    assert.equal(world.weight("new"), 500);
    world.monitor.close();
  });

  it("is that of the time at which the target is reached: not one that was switched off since it came", async () => {
    const world = await World.withOld();
    world.outcome = "ECONNREFUSED";
    await world.report("new");
    assert.equal(world.weight("new"), 25);
    world.slowStart = 0;
    world.outcome = "connected";
    await world.pass(3_000);
    assert.deepEqual([world.pool.view("p/new")!.state, world.weight("new")], ["up", 500]);
    world.monitor.close();
  });

  it("begins at once for a target whose answer has brought it back, whichever thread it was given to", async () => {
    const world = await World.withOld();
    await world.report("b");
    await world.pass(SLOW_START);
    const row = world.pool.row("p/b");
    world.pool.change({ ejectAfter: 1, ejectTime: 1_000 });
    world.pool.unanswered(row, null, world.clock.now());
    await world.pass(3_000);
    await world.report("b");
    world.pool.observe({ tell: () => undefined }, world.clock.now());
    assert.equal(world.pool.pick(CLIENT, [], world.clock.now()), row, "its trial");
    world.pool.answered(row, 0, world.clock.now());
    assert.deepEqual([world.pool.view("p/b")!.state, world.weight("b")], ["up", 25]);
    await world.pass(SLOW_START + 1_000);
    assert.deepEqual([world.weight("b"), world.weight("old")], [500, 500]);
    world.monitor.close();
  });

  it("has no timer when nothing starts", async () => {
    const world = await World.withOld();
    world.leave("old");
    await world.pass(2_000);
    assert.equal(world.clock.pending, 0);
    world.monitor.close();
  });

  it("never gives a target more than its weight, nor, if it has any, nothing; and ends exactly at it", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(100_000), fc.integer({ min: 1, max: 100_000 }), (full, age, slowStart) => {
        const weight = ramped(full, partAt(age, slowStart));
        assert.ok(weight <= full && (weight > 0 || full === 0));
        assert.ok(weight <= ramped(full, partAt(age + 1, slowStart)), "it never falls");
        assert.equal(ramped(full, partAt(slowStart, slowStart)), full);
      }),
    );
  });

  it("whatever targets do, none has more than its weight, and all have theirs in the end", async () => {
    const act = fc.record({
      id: fc.constantFrom("a", "b", "c"),
      do: fc.constantFrom("report", "report", "drain", "down", "leave", "factor", "fail"),
      weight: fc.constantFrom(1, 3, 500, 1_000_000),
      pass: fc.constantFrom(0, 100, 3_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
        const world = new World();
        const full = new Map<string, number>();
        const judge = (isOver: boolean) => {
          for (const { identity, weight } of world.pool.targets()) {
            const most = full.get(identity)!;
            assert.ok(weight <= most && weight > 0, `${identity} has ${weight} of ${most}`);
            if (isOver) assert.equal(weight, most, identity);
          }
        };
        const factors = new Map<string, number>();
        for (const { id, do: what, weight, pass } of acts) {
          const isThere = world.pool.view(`p/${id}`) !== undefined;
          if (what === "leave" && isThere) world.leave(id);
          else if (what === "fail" && world.pool.view(`p/${id}`)?.state === "up") {
            world.pool.setState(`p/${id}`, "suspect", "ECONNREFUSED");
          } else if (what === "factor" && isThere) {
            world.registry.ordering.order(`p/${id}`, { factor: 2 }, "ops");
            factors.set(id, 2);
          } else await world.report(id, { weight, drain: what === "drain", health: what === "down" ? "down" : "up" });
          for (const name of ["a", "b", "c"]) {
            const own = world.registry.standingOf(`p/${name}`)?.ownWeight;
            if (own !== undefined) full.set(`p/${name}`, Math.min(1_000_000, own * (factors.get(name) ?? 1)));
          }
          judge(false);
          await world.pass(pass);
          judge(false);
        }
        await world.pass(SLOW_START + 1_000);
        judge(true);
        world.monitor.close();
      }),
      { numRuns: 40 },
    );
  });
});
