import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ADMITTED, MAY_WAIT, NO_TARGET, Pool } from "../../src/pool/pool.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { Sleepers } from "../../src/targets/sleepers.ts";
import { Waking } from "../../src/targets/waking.ts";
import { amount } from "../support/amount.ts";
import { ManualClock } from "../support/clock.ts";
import fc from "../support/draws.ts";
import { registryOf } from "./registry-of.ts";

const KEY = { id: "key", limits: {} };
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);

class World {
  readonly clock = new ManualClock(1_000);
  readonly pool = Pool.create({ name: "web", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 10 });
  readonly told: string[] = [];
  readonly events: string[] = [];
  readonly registry;
  readonly #waking: Waking;
  #ticket = 0;

  constructor() {
    const sleepers = new Sleepers();
    const onEvent = (name: string, ...[target]: readonly unknown[]) => {
      this.events.push(`${name} ${(target as { identity?: string }).identity ?? ""}`);
    };
    this.#waking = new Waking({ sleepers, clock: this.clock, onEvent, onChange: () => undefined });
    this.registry = registryOf({
      pools: new Map([["web", this.pool]]),
      clock: this.clock,
      lease: 60_000,
      quotaOf: () => ({ targets: 100, sessions: 100, newTargets: 1_000 }),
      sleepers,
      onEvent,
    });
  }

  owner(name: string): TargetOwner {
    return {
      remote: { host: "10.0.0.1", port: 1 },
      key: KEY,
      forbids: () => null,
      replaced: () => undefined,
      wake: (ref) => this.told.push(`${name} ${ref}`),
    };
  }

  report(owner: TargetOwner, id: string, said: Partial<Report> = {}): void {
    const report = {
      id,
      pool: "web",
      port: 80,
      weight: 1,
      health: "down",
      drain: false,
      asleep: true,
      ...said,
    } as const;
    this.registry.report(owner, report, `10.0.0.${id}`, { ref: Number(id) });
  }

  /** Somebody waits, or is told that there is no target. */
  client(): boolean {
    const entered = this.pool.enter(++this.#ticket);
    if (entered !== ADMITTED) return true;
    const row = this.pool.pick(CLIENT, [], 0);
    if (row === MAY_WAIT) return this.pool.wait(this.#ticket) >= 0;
    assert.equal(row, NO_TARGET);
    this.pool.leave();
    return false;
  }

  close(): void {
    this.#waking.close();
  }
}

const UP = { health: "up", asleep: false } as const;

describe("targets that are asleep", () => {
  it("are woken when somebody waits, one at a time, and another one where that does not come up", () => {
    const world = new World();
    const owner = world.owner("a");
    for (const id of ["1", "2"]) world.report(owner, id);
    world.clock.advance(10_000);
    assert.deepEqual(world.told, []);
    assert.ok(world.client());
    world.clock.advance(4_000);
    assert.deepEqual(world.told, ["a 1"]);
    world.clock.advance(2_000);
    assert.deepEqual(world.told, ["a 1", "a 2"]);
    world.clock.advance(5_000);
    assert.deepEqual(world.told, ["a 1", "a 2", "a 1"], "that it is told again is no event");
    assert.deepEqual(
      world.events.filter((event) => event.startsWith("targetWoken")),
      ["targetWoken web/1", "targetWoken web/2"],
    );
    world.close();
  });

  it("are woken at once where another one has failed, or is full", () => {
    for (const how of ["fails", "is full"]) {
      const world = new World();
      const owner = world.owner("a");
      for (const id of ["1", "2"]) world.report(owner, id);
      world.client();
      world.client();
      world.clock.advance(50);
      assert.deepEqual(world.told, ["a 1"]);
      if (how === "fails") {
        world.report(owner, "1", { asleep: false, reason: "it broke" });
      } else {
        world.report(owner, "1", { ...UP, maxConnections: 1 });
        world.registry.reached("web/1");
        assert.ok(world.pool.pickGranted(world.pool.grant()!.ticket, CLIENT, [], 0) >= 0);
      }
      world.clock.advance(400);
      assert.deepEqual(world.told, ["a 1", "a 2"], how);
      world.close();
    }
  });

  it("have clients wait while there is one, and look at nothing once there is none", () => {
    const world = new World();
    const owner = world.owner("a");
    assert.equal(world.client(), false);
    world.report(owner, "1");
    assert.ok(world.client());
    assert.equal(world.registry.standingOf("web/1")!.reason, "asleep: it starts when somebody waits");
    world.registry.leave(owner, 1);
    assert.equal(world.pool.sleeping, 0);
    world.clock.advance(50);
    assert.equal(world.clock.pending, 0);
  });

  it("are not woken while their reporter is away, and by the one that is back", () => {
    const world = new World();
    const [before, after] = [world.owner("before"), world.owner("after")];
    world.report(before, "1");
    world.registry.lost(before);
    assert.ok(world.client(), "its report counts");
    world.clock.advance(10_000);
    assert.deepEqual(world.told, []);
    world.report(after, "1");
    world.clock.advance(50);
    assert.deepEqual(world.told, ["after 1"]);
    world.close();
  });

  it("count as any that are down once their lease is over, an operator has them out, or their weight is 0", () => {
    const world = new World();
    const owner = world.owner("a");
    world.report(owner, "1", { weight: 0 });
    assert.equal(world.pool.sleeping, 0);
    world.report(owner, "1");
    world.registry.ordering.order("web/1", { state: "maintain" }, "an operator");
    assert.equal(world.pool.sleeping, 0);
    world.close();
  });

  it("are exactly those that the pool counts, whatever is reported of them", () => {
    const step = fc.record({
      which: fc.integer({ min: 1, max: 3 }),
      what: fc.constantFrom("asleep", "up", "draining", "failed", "leave", "reached", "time", "client"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        const owner = world.owner("a");
        const asleep = new Set<number>();
        for (const { which, what } of steps) {
          const id = String(which);
          if (what === "asleep") world.report(owner, id);
          if (what === "draining") world.report(owner, id, { health: "up", drain: true });
          if (what === "up") world.report(owner, id, UP);
          if (what === "failed") world.report(owner, id, { asleep: false });
          if (what === "leave") world.registry.leave(owner, which);
          if (what === "reached") world.registry.reached(`web/${id}`);
          if (what === "time") world.clock.advance(700);
          if (what === "client" && world.pool.targets().every(({ state }) => state === "down" || state === "draining"))
            assert.equal(world.client(), asleep.size > 0 || world.pool.waiting > 0);
          if (what === "asleep" || what === "draining") asleep.add(which);
          if (what === "up" || what === "failed" || what === "leave") asleep.delete(which);
          assert.equal(world.pool.sleeping, asleep.size);
          const woken = world.told.splice(0).map((told) => Number(told.split(" ")[1]));
          assert.deepEqual(
            woken.filter((each) => !asleep.has(each)),
            [],
            "none that is awake",
          );
        }
        world.close();
      }),
      { numRuns: amount(200) },
    );
  });
});
