/** What becomes of the connections of targets that take no new ones. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Removals, type Removed } from "../../../src/targets/removal/removals.ts";
import { ManualClock } from "../../support/clock.ts";
import { FakeLive } from "./fake-live.ts";

class World {
  readonly clock = new ManualClock(1_000);
  readonly live = new FakeLive(this.clock);
  readonly pool = this.live.pool;
  readonly told: Removed[] = [];
  time: number | null;
  readonly removals: Removals;

  constructor(time: number | null) {
    this.time = time;
    this.removals = new Removals({
      engine: this.live,
      clock: this.clock,
      pools: new Map([["web", this.pool]]),
      timeOf: () => this.time,
      onRemoved: (removed) => this.told.push(removed),
    });
    for (const name of ["web/a", "web/b"]) this.live.target(name);
    for (let i = 0; i < 4; i++) this.live.connect();
    this.removals.changed("web");
    this.clock.advance(100);
  }

  /** Time passes, and what begins then is done. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let i = 0; i < 5; i++) await setImmediate();
  }

  /** Targets of connections that were ended, each as often. */
  get ended(): string[] {
    return this.live.ended.map(({ target }) => target);
  }
}

describe("connections of targets that take no new ones", () => {
  it("stay where their pool keeps them, and no time is spent on it", async () => {
    const world = new World(null);
    world.pool.setState("web/a", "down");
    world.removals.changed("web");
    assert.equal(world.clock.pending, 0);
    await world.pass(3_600_000);
    assert.deepEqual(world.ended, []);
  });

  for (const [how, why] of [
    ["down", "down"],
    ["removed", "left"],
  ] as const) {
    it(`are ended at once where it keeps none and their target is ${how}, those of others not`, async () => {
      const world = new World(0);
      if (how === "down") world.pool.setState("web/a", "down");
      else world.pool.remove("web/a");
      world.removals.changed("web");
      await world.pass(0);
      assert.deepEqual(world.ended, ["web/a", "web/a"]);
      await world.pass(10_000);
      assert.deepEqual(world.told, [{ pool: "web", target: "web/a", why, connections: 2, afterMs: 0 }]);
      assert.equal(world.live.on("web/b").length, 2);
    });
  }

  it("are ended where nothing is heard of their target's machine", async () => {
    const world = new World(0);
    assert.ok(world.pool.silence("web/a", true, 0));
    await world.pass(500);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
  });

  it("are ended where their target answers nobody, but for those that came as a last resort; not where it refuses new ones", async () => {
    const world = new World(0);
    world.pool.setState("web/b", "suspect", "ECONNREFUSED");
    world.pool.setState("web/a", "suspect", "silent");
    await world.pass(500);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
    assert.deepEqual(
      world.told.map(({ why }) => why),
      ["silent"],
    );
    await world.pass(1);
    world.pool.setState("web/b", "draining"); // it would come first, as a last resort
    const late = world.live.connect()!;
    assert.equal(world.live.open.get(late)!.target, "web/a");
    await world.pass(10_000);
    assert.ok(world.live.open.has(late));
    assert.equal(world.ended.length, 2);
  });

  it("are ended when they have had their time, counted from when the target began to take none", async () => {
    const world = new World(30_000);
    world.pool.setState("web/a", "draining");
    world.removals.changed("web");
    await world.pass(20_000);
    world.pool.setState("web/a", "down");
    world.removals.changed("web");
    await world.pass(9_400);
    assert.deepEqual(world.ended, []);
    await world.pass(1_100);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
    const [{ why, connections, afterMs }] = world.told as [Removed];
    assert.deepEqual([why, connections], ["down", 2]);
    assert.ok(afterMs >= 30_000 && afterMs <= 30_500, `after ${afterMs} ms`);
  });

  it("finish while their target drains and none is kept; what is left when it leaves is ended then", async () => {
    const world = new World(0);
    world.pool.setState("web/a", "draining");
    world.removals.changed("web");
    await world.pass(60_000);
    assert.deepEqual(world.ended, []);
    world.pool.remove("web/a");
    world.removals.changed("web");
    await world.pass(100);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
  });

  it("stay where the target is back in time, and have the whole time again when it goes again", async () => {
    const world = new World(30_000);
    world.pool.setState("web/a", "down");
    world.removals.changed("web");
    await world.pass(29_000);
    world.pool.setState("web/a", "up");
    world.removals.changed("web");
    await world.pass(60_000);
    assert.deepEqual(world.ended, []);
    world.pool.setState("web/a", "down");
    world.removals.changed("web");
    await world.pass(29_000);
    assert.deepEqual(world.ended, []);
    await world.pass(2_000);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
  });

  it("are looked for again until none is left, and no longer", async () => {
    const world = new World(0);
    const slow = world.live.on("web/a")[0]!;
    const { end } = world.live;
    let refusals = 2;
    world.live.end = (ids, cause) =>
      end.call(world.live, refusals-- > 0 ? [...ids].filter((id) => id !== slow) : ids, cause);
    world.pool.setState("web/a", "down");
    world.removals.changed("web");
    for (let i = 0; i < 5; i++) await world.pass(500);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
    let walks = 0;
    const { connections } = world.live;
    world.live.connections = () => {
      walks++;
      return connections.call(world.live);
    };
    await world.pass(10_000);
    assert.equal(walks, 0);
  });

  it("is heard of at the next look where nobody tells, and many changes are one look", async () => {
    const world = new World(0);
    let looks = 0;
    const { targetRows } = world.pool;
    world.pool.targetRows = () => {
      looks++;
      return targetRows.call(world.pool);
    };
    for (let i = 0; i < 1_000; i++) {
      world.removals.changed("web");
      await world.pass(1);
    }
    assert.ok(looks <= 21, `${looks} looks`);
    world.pool.setState("web/a", "down");
    await world.pass(500);
    assert.deepEqual(world.ended, ["web/a", "web/a"]);
  });

  it("follow what the pool's settings say at the time, and nothing is done after the end", async () => {
    const world = new World(null);
    world.pool.setState("web/a", "down");
    world.time = 0;
    world.removals.changed("web");
    await world.pass(0);
    assert.deepEqual(world.ended, ["web/a", "web/a"], "it was down before");
    world.time = null;
    await world.pass(1_000);
    assert.equal(world.clock.pending, 0);
    world.time = 0;
    world.removals.changed("web");
    world.removals.close();
    world.removals.changed("web");
    assert.equal(world.clock.pending, 0);
  });
});
