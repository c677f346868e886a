/** A target is connected to before it is announced as up, and every time it comes back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "../support/wait.ts";
import { LEASE, leavesNothing, type RawReporter, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const ID_A = `default/${A}:8080`;
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);

async function report(raw: RawReporter, change: object = {}): Promise<void> {
  assert.equal((await raw.ask({ ...REPORT, ...change }))?.t, "ok");
  await settle();
}

const seen = (world: World) =>
  world.pool.targets().map(({ state, failure }) => (failure ? `${state} ${failure}` : state));

describe("a target that registers", () => {
  it("where nothing listens is not up: it is said and shown why, once, and it is up when it accepts", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await report(raw);
    await report(raw, { weight: 7 });
    await world.pass(4_000);
    assert.deepEqual(seen(world), ["suspect ECONNREFUSED"]);
    assert.deepEqual(world.story, [`targetSuspect ${ID_A} ECONNREFUSED new`]);
    await world.target(A);
    await world.pass(10_000);
    assert.deepEqual(seen(world), ["up"]);
    assert.deepEqual(world.story.slice(1), [`targetUp ${ID_A}`]);
    await leavesNothing(world, raw);
  });

  it("is picked only when no other is left until it has been reached", async () => {
    const world = await World.start();
    await world.target(A);
    const raws = [await world.raw(A), await world.raw(B), await world.raw("10.0.0.9")];
    for (const raw of raws) await report(raw);
    assert.deepEqual(seen(world), ["up", "suspect ECONNREFUSED", "suspect ECONNREFUSED"]);
    for (let i = 0; i < 10; i++) assert.equal(world.pool.identity(world.pool.pick(CLIENT, [], 0)), ID_A);
    await leavesNothing(world, ...raws);
  });

  it("is up as soon as a client has reached it, though nothing has answered a probe", async () => {
    const world = await World.start();
    world.network.connectFault = (to) => (to.host === A ? "blackhole" : undefined);
    const raw = await world.raw(A);
    await report(raw);
    const row = world.pool.pick(CLIENT, [], 0);
    world.pool.connected(row, 1);
    await report(raw);
    assert.deepEqual(seen(world), ["up"]);
    await world.pass(3_000);
    assert.deepEqual([seen(world), world.story], [["up"], [`targetUp ${ID_A}`]]);
    world.pool.release(row, CLIENT, 0, 0, 0);
    await leavesNothing(world, raw);
  });

  it("in time is connected to once, not at each report", async () => {
    const world = await World.start();
    let dials = 0;
    world.network.connectFault = (to) => {
      if (to.host === A) dials += 1;
      return undefined;
    };
    await world.target(A);
    const raw = await world.raw(A);
    for (let i = 0; i < 5; i++) await report(raw, { weight: i });
    await world.pass(10_000);
    assert.equal(dials, 1);
    await leavesNothing(world, raw);
  });

  for (const [how, away] of [
    ["was drained", { drain: true }],
    ["was reported down", { health: "down" }],
    ["had another port", { id: "a", port: 9090 }],
  ] as const) {
    it(`and ${how} is connected to again`, async () => {
      const world = await World.start();
      const target = await world.target(A);
      if ("port" in away) await world.target(A, away.port);
      const raw = await world.raw(A);
      await report(raw, { id: "a", ...away });
      await report(raw, { id: "a" });
      assert.deepEqual(seen(world), ["up"]);
      await report(raw, { id: "a", ...away });
      await target.close();
      await report(raw, { id: "a" });
      assert.deepEqual(seen(world), ["suspect ECONNREFUSED"]);
      assert.equal(world.story.at(-1), "targetSuspect default/a ECONNREFUSED new");
      await leavesNothing(world, raw);
    });
  }

  it("and has lost its lease is connected to again", async () => {
    const world = await World.start();
    const target = await world.target(A);
    const raw = await world.raw(A);
    await report(raw);
    await world.pass(LEASE + 1_000);
    await target.close();
    const again = await world.raw(A);
    await report(again);
    const story = [`targetUp ${ID_A}`, `targetDown ${ID_A} lease-expired`, `targetSuspect ${ID_A} ECONNREFUSED new`];
    assert.deepEqual(world.story, story);
    await leavesNothing(world, again);
  });
});

describe("a target that was up", () => {
  it("and fails a client is said to be suspect, and how long it was when it is reached again", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await report(raw);
    world.pool.failed(world.pool.pick(CLIENT, [], 0), CLIENT, 0, "ECONNRESET");
    assert.deepEqual(seen(world), ["suspect ECONNRESET"]);
    await world.pass(1_000);
    assert.deepEqual(world.story.slice(1), [`targetSuspect ${ID_A} ECONNRESET`]);
    await world.pass(2_000);
    assert.deepEqual(seen(world), ["up"]);
    assert.deepEqual(world.story.slice(2), [`targetRecovered ${ID_A} 1000`]);
    await leavesNothing(world, raw);
  });
});
