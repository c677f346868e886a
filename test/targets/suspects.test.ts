import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Address } from "../../src/net/runtime.ts";
import { Pool } from "../../src/pool/pool.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { ProbePace } from "../../src/targets/probe-pace.ts";
import { Suspects } from "../../src/targets/suspects.ts";
import { ManualClock } from "../support/clock.ts";
import { settle } from "../support/wait.ts";

/** Suspects in a pool; a target's name is the host it is probed at. */
class World {
  readonly clock = new ManualClock();
  readonly pool = Pool.create({ name: "p", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
  /** The probes that were made, as `time name`. */
  readonly probes: string[] = [];
  /** What was told, as `failed name code` and `reached name ms`. */
  readonly story: string[] = [];
  /** What probes come to; null leaves them under way. */
  outcome: ProbeOutcome | null = "ECONNREFUSED";
  /** Ends the probes under way. */
  answer: (outcome: ProbeOutcome) => void = () => assert.fail("no probe was made");
  readonly suspects = new Suspects({
    pools: new Map([["p", this.pool]]),
    panics: { has: () => false, waiting: () => [], failed: () => assert.fail("nothing is in panic") },
    clock: this.clock,
    pace: new ProbePace((to) => this.#probe(to), this.clock),
    onFailure: (identity, code) => void this.story.push(`failed ${identity} ${code}`),
    onReached: (identity, ms) => void this.story.push(`reached ${identity} ${ms}`),
  });

  async #probe(to: Address): Promise<ProbeOutcome> {
    assert.ok("host" in to);
    this.probes.push(`${this.clock.now()} ${to.host}`);
    return this.outcome ?? new Promise<ProbeOutcome>((resolve) => (this.answer = resolve));
  }

  spec(name: string) {
    return { identity: `p/${name}`, address: { host: name, port: 1 }, weight: 1, maxConnections: 0 };
  }

  suspect(name: string): void {
    this.pool.set(this.spec(name), "up");
    this.pool.setState(`p/${name}`, "suspect", "ECONNRESET");
  }

  state(name: string) {
    return this.pool.view(`p/${name}`)?.state;
  }

  /** Moves time on to `ms`, and looks at the suspects each half second. */
  async passTo(ms: number): Promise<void> {
    for (;;) {
      this.suspects.tick();
      await settle(1);
      if (this.clock.now() >= ms) return;
      this.clock.advance(500);
    }
  }
}

const A = "10.0.0.1";
const B = "10.0.0.2";

describe("suspects", () => {
  it("are probed after 1 s, then every 2 s", async () => {
    const world = new World();
    world.suspect(A);
    await world.passTo(10_000);
    const times = [1_000, 3_000, 5_000, 7_000, 9_000];
    assert.deepEqual(
      world.probes,
      times.map((time) => `${time} ${A}`),
    );
  });

  it("have a schedule of their own each, and are not probed twice at a time", async () => {
    const world = new World();
    world.outcome = null;
    world.suspect(A);
    world.suspects.tick();
    world.clock.advance(500);
    world.suspect(B);
    await world.passTo(9_000);
    assert.deepEqual(world.probes, [`1000 ${A}`, `1500 ${B}`]);
  });

  it("are up again once they answer", async () => {
    const world = new World();
    world.suspect(A);
    world.suspect(B);
    await world.passTo(1_500);
    world.outcome = "connected";
    await world.passTo(3_000);
    assert.deepEqual([world.state(A), world.state(B)], ["up", "up"]);
    const failures = [`failed p/${A} ECONNRESET`, `failed p/${B} ECONNRESET`];
    assert.deepEqual(world.story, [...failures, `reached p/${A} 3000`, `reached p/${B} 3000`]);
    await world.passTo(20_000);
    assert.equal(world.probes.length, 4, "no further probes");
  });

  it("are not lifted by silence", async () => {
    const world = new World();
    world.outcome = "ETIMEDOUT";
    world.suspect(A);
    await world.passTo(3_000);
    assert.equal(world.state(A), "suspect");
    assert.equal(world.probes.length, 2);
  });

  it("that a connection has reached meanwhile are forgotten: the outcome of their probe no longer counts", async () => {
    const world = new World();
    world.outcome = null;
    world.suspect(A);
    await world.passTo(1_000);
    world.pool.setState(`p/${A}`, "up");
    world.suspects.tick();
    const story = [`failed p/${A} ECONNRESET`, `reached p/${A} 1000`];
    assert.deepEqual(world.story, story);
    world.answer("ECONNREFUSED");
    await settle(3);
    assert.deepEqual([world.state(A), world.story], ["up", story]);
  });

  it("that a connection has reached meanwhile, which their probe hears of first, are told of once", async () => {
    const world = new World();
    world.outcome = null;
    world.suspect(A);
    await world.passTo(1_000);
    world.pool.setState(`p/${A}`, "up");
    world.answer("connected");
    await settle(3);
    world.suspects.tick();
    assert.deepEqual(world.story, [`failed p/${A} ECONNRESET`, `reached p/${A} 1000`]);
  });

  it("show how the last attempt failed, and are told of once", async () => {
    const world = new World();
    world.suspect(A);
    await world.passTo(20_000);
    assert.equal(world.pool.view(`p/${A}`)?.failure, "ECONNREFUSED");
    assert.deepEqual(world.story, [`failed p/${A} ECONNRESET`]);
  });

  it("that nobody has reached yet are probed at once, and then after 1 s, 2 s …", async () => {
    const world = new World();
    world.pool.set(world.spec(A), "suspect");
    world.suspects.check(`p/${A}`, world.pool);
    await world.passTo(4_000);
    assert.deepEqual(world.probes, [`0 ${A}`, `1000 ${A}`, `3000 ${A}`]);
    assert.deepEqual(world.story, [`failed p/${A} ECONNREFUSED`]);
  });

  it("checked anew are at another address: the outcome of an earlier probe no longer counts", async () => {
    const world = new World();
    world.outcome = null;
    world.suspect(A);
    await world.passTo(1_000);
    const late = world.answer;
    world.pool.set({ ...world.spec(A), address: { host: B, port: 1 } }, "suspect");
    world.suspects.check(`p/${A}`, world.pool);
    late("connected");
    await settle(3);
    assert.equal(world.state(A), "suspect");
    assert.deepEqual(world.probes, [`1000 ${A}`, `1000 ${B}`]);
    world.answer("connected");
    await settle(3);
    assert.equal(world.state(A), "up");
  });

  it("drained while their probe is under way stay drained", async () => {
    const world = new World();
    world.outcome = null;
    world.suspect(A);
    await world.passTo(1_000);
    world.pool.set(world.spec(A), "draining");
    world.answer("connected");
    await settle(3);
    assert.equal(world.state(A), "draining");
  });

  /** How many probes began at each whole second, from the first on. */
  const perSecond = ({ probes }: World) => {
    const counts = new Map<number, number>();
    for (const probe of probes) {
      const second = Math.floor(Number.parseInt(probe, 10) / 1_000);
      counts.set(second, (counts.get(second) ?? 0) + 1);
    }
    return [...counts.values()];
  };
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

  it("at one address are probed as one, however many they are", async () => {
    const world = new World();
    for (const id of numbers(60)) {
      world.pool.set({ ...world.spec(A), identity: `p/${id}` }, "up");
      world.pool.setState(`p/${id}`, "suspect", "ECONNRESET");
    }
    await world.passTo(8_000);
    assert.deepEqual(
      world.probes,
      [1_000, 3_000, 5_000, 7_000].map((time) => `${time} ${A}`),
    );
    world.outcome = "connected";
    await world.passTo(25_000);
    assert.ok(world.pool.targets().every(({ state }) => state === "up"));
  });

  it("of one host are probed by no more than 30 a second, and each has its turn", async () => {
    const world = new World();
    for (const port of numbers(90)) {
      world.pool.set({ ...world.spec(A), identity: `p/${port}`, address: { host: A, port: port + 1 } }, "up");
      world.pool.setState(`p/${port}`, "suspect", "ECONNRESET");
    }
    await world.passTo(3_500);
    world.outcome = "connected";
    await world.passTo(10_000);
    assert.ok(Math.max(...perSecond(world)) <= 30, perSecond(world).join());
    assert.ok(world.pool.targets().every(({ state }) => state === "up"));
  });

  it("are probed by no more than 100 a second in all, and each has its turn", async () => {
    const world = new World();
    for (const n of numbers(300)) world.suspect(`10.1.${n >> 8}.${n & 255}`);
    await world.passTo(30_000);
    assert.ok(Math.max(...perSecond(world)) <= 100, perSecond(world).join());
    assert.equal(new Set(world.probes.map((probe) => probe.split(" ")[1])).size, 300);
  });

  it("are not held to blame when the balancer has run out of something: they are probed again within a second", async () => {
    const world = new World();
    world.outcome = "EMFILE";
    world.pool.set(world.spec(A), "suspect");
    void world.suspects.check(`p/${A}`, world.pool);
    await world.passTo(3_000);
    assert.deepEqual([world.pool.view(`p/${A}`)?.failure, world.story], [null, []]);
    assert.deepEqual(
      world.probes,
      [0, 1_000, 2_000, 3_000].map((time) => `${time} ${A}`),
    );
    world.outcome = "connected";
    await world.passTo(4_000);
    assert.deepEqual([world.state(A), world.story], ["up", [`reached p/${A} 0`]]);
  });
});
