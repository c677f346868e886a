/** Connections that make room for a target that has come: which, how many, and how fast. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Rate, spacing } from "../../../src/targets/removal/rate.ts";
import { Rebalancer } from "../../../src/targets/removal/rebalancer.ts";
import type { Run } from "../../../src/targets/removal/rebalancing.ts";
import { amount } from "../../support/amount.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";
import { FakeLive } from "./fake-live.ts";

const perSecond = (amount: number): Rate => ({ amount, of: "connections", perMs: 1_000 });

class World {
  readonly clock = new ManualClock(1_000);
  readonly live: FakeLive;
  readonly begun: Run[] = [];
  readonly over: Run[] = [];
  rate: Rate | null;
  ramp = 0;
  readonly rebalancer: Rebalancer;

  /** Clients that are cut off are back after `away` ms; null: never. */
  constructor(rate: Rate | null, away: number | null = 0, random = () => 0) {
    this.live = new FakeLive(this.clock);
    this.rate = rate;
    this.rebalancer = new Rebalancer({
      engine: this.live,
      clock: this.clock,
      random,
      pools: new Map([["web", this.live.pool]]),
      rateOf: () => this.rate,
      rampOf: () => this.ramp,
      onBegin: (_, run) => this.begun.push(run),
      onEnd: (_, run) => this.over.push(run),
    });
    this.live.onEnded = () => {
      if (away !== null) this.clock.after(away, () => this.live.connect());
    };
  }

  /** One target with so many connections, of which the nth has been idle for longer than those after it. */
  async begin(connections: number): Promise<void> {
    this.live.target("web/a");
    this.rebalancer.changed("web");
    for (let i = 0; i < connections; i++) this.live.connect();
    await this.pass(1_000);
    for (let i = 0; i < connections; i++) this.live.moved(`${i}`, this.clock.now() - (connections - i) / 1_000);
  }

  join(identity: string, weight?: number): void {
    this.live.target(identity, weight);
    this.rebalancer.changed("web");
  }

  async pass(ms: number, step = 50): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await setImmediate();
    }
  }

  count(target: string): number {
    return this.live.on(target).length;
  }
}

describe("rebalancing", () => {
  it("ends nothing without the option, and takes no time", async () => {
    const world = new World(null);
    await world.begin(20);
    world.join("web/b");
    assert.equal(world.clock.pending, 0);
    await world.pass(60_000, 1_000);
    assert.deepEqual(world.live.ended, []);
  });

  it("ends nothing while no target comes, however uneven the shares are", async () => {
    const world = new World(perSecond(100));
    await world.begin(20);
    world.live.target("web/b", 0);
    await world.pass(5_000);
    assert.deepEqual(world.live.ended, []);
  });

  it("evens the shares out after one has come, idle ones first, no faster than the rate, and then no more", async () => {
    const world = new World(perSecond(10));
    await world.begin(40);
    world.join("web/b");
    await world.pass(1_000);
    const { length } = world.live.ended;
    assert.ok(length >= 8 && length <= 10, `${length} in a second`);
    await world.pass(30_000);
    const ids = world.live.ended.map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      ids.map((_, nth) => nth),
      "in the order in which they were idle",
    );
    assert.ok(world.live.ended.every(({ cause }) => cause === "rebalanced"));
    assert.deepEqual([world.count("web/a"), world.count("web/b")], [21, 19]);
    const told = ({ targets, ended }: Run) => ({ targets, ended });
    assert.deepEqual(world.begun.map(told), [{ targets: ["web/b"], ended: 1 }]);
    assert.deepEqual(world.over.map(told), [{ targets: ["web/b"], ended: 19 }]);
    assert.equal(world.rebalancer.runOf("web"), null);
  });

  it("is done as well after one has come back", async () => {
    const world = new World(perSecond(10));
    await world.begin(10);
    world.join("web/b");
    await world.pass(10_000);
    const ended = world.live.ended.length;
    world.live.pool.setState("web/b", "down");
    for (const id of world.live.on("web/b")) world.live.close(id);
    world.rebalancer.changed("web");
    await world.pass(1_000);
    while (world.live.open.size < 10) world.live.connect();
    await world.pass(5_000);
    assert.equal(world.live.ended.length, ended, "while it is away");
    world.live.pool.setState("web/b", "up");
    world.rebalancer.changed("web");
    await world.pass(10_000);
    assert.ok(world.live.ended.length > ended);
    assert.ok(world.count("web/b") >= 4);
  });

  it("does not end more than the share because clients take their time to come back, or stay away", async () => {
    for (const away of [5_000, null]) {
      const world = new World(perSecond(20), away);
      await world.begin(40);
      world.join("web/b");
      await world.pass(60_000);
      assert.equal(world.live.ended.length, 19, `away for ${away} ms`);
    }
  });

  it("ends each connection once at most, also where its client comes back to the same target", async () => {
    const world = new World(perSecond(100));
    await world.begin(20);
    world.live.onEnded = () => world.live.connect("relay", ["web/b", "web/c"]);
    const before = new Set(world.live.open.keys());
    for (const name of ["web/b", "web/c"]) world.join(name);
    await world.pass(60_000, 100);
    const ids = world.live.ended.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.every((id) => before.has(id)));
    assert.equal(world.rebalancer.runOf("web"), null);
  });

  it("stops when the one that has come goes, and when the option is taken away", async () => {
    for (const stop of ["goes", "off"] as const) {
      const world = new World(perSecond(10));
      await world.begin(40);
      world.join("web/b");
      await world.pass(500);
      if (stop === "off") world.rate = null;
      else world.live.pool.setState("web/b", "suspect");
      world.rebalancer.changed("web");
      await world.pass(100);
      const { length } = world.live.ended;
      assert.ok(length > 0);
      await world.pass(20_000);
      assert.equal(world.live.ended.length, length, stop);
    }
  });

  it("goes on for as long as the weight of the one that has come may grow", async () => {
    const world = new World(perSecond(100));
    await world.begin(40);
    world.ramp = 10_000;
    world.join("web/b", 10);
    await world.pass(5_000);
    assert.equal(world.count("web/b"), 1, "within the margin of its share, 3.6");
    world.live.pool.set(
      { identity: "web/b", address: { host: "10.0.0.1", port: 2 }, weight: 100, maxConnections: 0 },
      "up",
    );
    await world.pass(3_000);
    assert.ok(world.count("web/b") >= 19);
    await world.pass(10_000);
    assert.equal(world.rebalancer.runOf("web"), null);
  });

  it("leaves those alone that are being connected or wait", async () => {
    const world = new World(perSecond(100));
    world.live.target("web/a");
    world.rebalancer.changed("web");
    for (let i = 0; i < 10; i++) world.live.connect(i < 8 ? "connect" : "relay");
    await world.pass(1_000);
    world.join("web/b");
    await world.pass(10_000);
    assert.deepEqual(world.live.ended.map(({ id }) => id).toSorted(), ["8", "9"]);
  });

  it("holds nothing after its end", async () => {
    const world = new World(perSecond(10));
    await world.begin(40);
    world.join("web/b");
    await world.pass(500);
    world.rebalancer.close();
    assert.equal(world.clock.pending, 0);
  });

  it("is never faster than the rate, whatever happens", async () => {
    const rate = fc.record({
      amount: fc.integer({ min: 1, max: 60 }),
      of: fc.constantFrom("connections" as const, "percent" as const),
      perMs: fc.constantFrom(1_000, 60_000),
    });
    const event = fc.record({
      what: fc.constantFrom("join", "down", "up", "leave", "connect", "close", "pass", "weight"),
      at: fc.nat(5),
      ms: fc.integer({ min: 1, max: 2_000 }),
    });
    await fc.assert(
      fc.asyncProperty(rate, fc.array(event, { maxLength: 30 }), fc.nat(), async (given, events, seed) => {
        let drawn = seed;
        const random = () => {
          drawn = (drawn * 48_271 + 11) % 2_147_483_647;
          return drawn / 2_147_483_647;
        };
        const world = new World(given, 300, random);
        await world.begin(60);
        const { live, rebalancer } = world;
        const { pool } = live;
        for (const { what, at, ms } of events) {
          const identity = `web/${at}`;
          if (what === "join") live.target(identity);
          else if (what === "down" || what === "up") pool.setState(identity, what);
          else if (what === "leave") pool.remove(identity);
          else if (what === "weight" && pool.view(identity) !== undefined) live.target(identity, 10 + ms);
          else if (what === "connect") for (let i = 0; i < at; i++) live.connect();
          else if (what === "close" && live.open.size > 0) live.close([...live.open.keys()][at % live.open.size]!);
          rebalancer.changed("web");
          await world.pass(ms, 100);
        }
        await world.pass(20_000, 200);
        rebalancer.close();
        const times = live.ended.map((each) => each.at);
        const each = spacing(given, live.most);
        const batch = Math.max(1, Math.floor(100 / each));
        for (let from = 0; from < times.length; from++) {
          for (let to = from; to < times.length; to++) {
            const span = times[to]! - times[from]!;
            assert.ok(
              to - from + 1 <= span / each + batch + 1e-6,
              `${to - from + 1} in ${span} ms, one each ${each} ms`,
            );
          }
        }
      }),
      { numRuns: amount(20) },
    );
  });
});
