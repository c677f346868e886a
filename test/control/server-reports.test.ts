import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle, until } from "../support/wait.ts";
import { ADVERTISER, leavesNothing, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const ID_A = `default/${A}:8080`;

describe("a report", () => {
  it("registers the target at the address the reporter is seen at, not the balancer's", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    assert.deepEqual(await raw.ask(REPORT), { t: "ok", target: ID_A, active: 0 });
    await settle();
    const [target] = world.pool.targets();
    assert.deepEqual(target?.address, { host: A, port: 8080 });
    assert.equal(target?.weight, 500);
    assert.equal(target?.state, "up");
    assert.deepEqual(world.story, [`targetUp ${ID_A}`]);
    assert.ok(world.changes > 0);
    await leavesNothing(world, raw);
  });

  it("registers an advertised address, resolved when it is a name", async () => {
    const world = await World.start({ resolve: async () => ["192.168.7.7"] }, [ADVERTISER]);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, advertise: "inside.example" });
    assert.deepEqual(world.pool.targets()[0]?.address, { host: "192.168.7.7", port: 8080 });
    await leavesNothing(world, raw);
  });

  it("is refused for now when the advertised name has no address", async () => {
    const world = await World.start({}, [ADVERTISER]);
    const raw = await world.raw(A);
    const answer = await raw.ask({ ...REPORT, advertise: "no-such-host.invalid" });
    assert.ok(answer?.t === "reject" && answer.code === "UNRESOLVED" && answer.retry);
    assert.ok(answer.reason.includes('"no-such-host.invalid"'));
    assert.equal((await raw.ask(REPORT))?.t, "ok", "the session goes on");
    await leavesNothing(world, raw);
  });

  it("carries the full state each time: weight, limit, health and drain", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    const seen = async (change: object) => {
      await raw.ask({ ...REPORT, ...change });
      await settle();
      const { state, weight, maxConnections, priority } = world.pool.targets()[0]!;
      return [state, weight, maxConnections, priority];
    };
    assert.deepEqual(await seen({}), ["up", 500, 0, 0]);
    assert.deepEqual(await seen({ weight: 7, maxConnections: 3, priority: 9 }), ["up", 7, 3, 9]);
    assert.deepEqual(await seen({ health: "down" }), ["down", 500, 0, 0]);
    assert.deepEqual(await seen({ drain: true }), ["draining", 500, 0, 0]);
    assert.deepEqual(await seen({}), ["up", 500, 0, 0]);
    assert.deepEqual(world.story, [
      `targetUp ${ID_A}`,
      `targetDown ${ID_A} reported`,
      `targetDrain ${ID_A} reported`,
      `targetUp ${ID_A}`,
    ]);
    await leavesNothing(world, raw);
  });

  it("that says down may say why: the target's reason has it, and so has the event", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, reason: "said of one that is up" });
    await settle();
    const why = () => world.server.registry.standingOf(ID_A)!.reason;
    assert.doesNotMatch(why(), /said/);
    await raw.ask({ ...REPORT, health: "down", reason: "it answers 503" });
    assert.equal(why(), "its reporter says that it is down: it answers 503");
    assert.deepEqual(world.events.at(-1)?.slice(2), ["reported", "it answers 503"]);
    await raw.ask({ ...REPORT, health: "down", reason: "it does not accept\nconnections" });
    assert.equal(why(), "its reporter says that it is down: it does not accept?connections");
    assert.equal(world.story.filter((line) => line.startsWith("targetDown")).length, 1, "it was down before");
    await raw.ask({ ...REPORT, health: "down" });
    assert.equal(why(), "its reporter says that it is down");
    await leavesNothing(world, raw);
  });

  it("for another port moves the target instead of leaving the old one behind", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await raw.ask({ ...REPORT, port: 9090 });
    assert.deepEqual(
      world.pool.targets().map(({ identity }) => identity),
      [`default/${A}:9090`],
    );
    assert.ok(world.story.includes(`targetLeave ${ID_A} moved`));
    await leavesNothing(world, raw);
  });

  it("is answered with the connections that the target has", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    world.pool.pick(Uint32Array.of(0, 0, 0xffff, 1), [], 0);
    assert.deepEqual(await raw.ask({ ...REPORT, drain: true }), { t: "ok", target: ID_A, active: 1 });
    assert.deepEqual(await raw.ask({ t: "leave" }), { t: "ok", target: ID_A, active: 1 });
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, raw);
  });
});

describe("identities", () => {
  it("held by a live session at another address are refused, with the reason", async () => {
    const world = await World.start();
    const first = await world.raw(A);
    await first.ask({ ...REPORT, id: "one" });
    const second = await world.raw(B);
    const answer = await second.ask({ ...REPORT, id: "one" });
    assert.ok(answer?.t === "reject" && answer.code === "ID_TAKEN" && answer.retry);
    assert.ok(answer.reason.includes(`${A}:8080`));
    assert.deepEqual(world.pool.targets()[0]?.address, { host: A, port: 8080 });
    // It stays connected, and is registered when the other has left.
    await first.ask({ t: "leave" });
    assert.equal((await second.ask({ ...REPORT, id: "one" }))?.t, "ok");
    assert.deepEqual(world.pool.targets()[0]?.address, { host: B, port: 8080 });
    await leavesNothing(world, first, second);
  });

  it("without a reporter move with a holder of their key at once", async () => {
    const world = await World.start();
    await world.target(A);
    const first = await world.raw(A);
    await first.ask({ ...REPORT, id: "one" });
    await first.close();
    await until("the end of the session", () => world.server.sessions === 0);
    const second = await world.raw(B);
    assert.equal((await second.ask({ ...REPORT, id: "one" }))?.t, "ok");
    assert.deepEqual(world.pool.targets()[0]?.address, { host: B, port: 8080 });
    await leavesNothing(world, second);
  });

  it("at the same address belong to the newest session; the old one gets a goodbye", async () => {
    const world = await World.start();
    await world.target(A);
    const first = await world.raw(A);
    await first.ask(REPORT);
    const second = await world.raw(A);
    await second.ask({ ...REPORT, weight: 9 });
    const farewell = await first.hear();
    assert.ok(farewell?.t === "goodbye" && farewell.code === "REPLACED");
    await first.close();
    await until("the session", () => world.server.sessions === 1);
    assert.equal(world.pool.targets()[0]?.weight, 9);
    assert.equal(world.pool.targets()[0]?.state, "up", "the end of the old session does not affect it");
    assert.deepEqual(world.story, [`targetUp ${ID_A}`, `targetTakenOver ${ID_A} ${A} ${A}`]);
    await leavesNothing(world, second);
  });

  it("are not taken over by a reporter that reconnects: its new session says the same instance", async () => {
    const world = await World.start();
    const first = await world.raw(A);
    await first.ask({ ...REPORT, instance: "a" });
    const again = await world.raw(A);
    assert.equal((await again.ask({ ...REPORT, instance: "a" }))?.t, "ok");
    assert.equal(world.story.filter((event) => event.startsWith("targetTakenOver")).length, 0);
    await leavesNothing(world, first, again);
  });

  it("are refused to whoever was displaced, as long as the other one is connected", async () => {
    const world = await World.start();
    const [older, newer] = [await world.raw(A), await world.raw(A)];
    await older.ask({ ...REPORT, instance: "old" });
    await newer.ask({ ...REPORT, instance: "new" });
    const again = await world.raw(A);
    const answer = await again.ask({ ...REPORT, instance: "old" });
    assert.ok(answer?.t === "reject" && answer.code === "REPLACED" && answer.retry);
    assert.match(answer.reason, /another reporter has taken this target over, the one at 10\.0\.0\.7:\d+/);
    assert.equal(world.story.filter((event) => event.startsWith("rejected")).length, 0, "the takeover said it");
    await Promise.all([older.close(), newer.close()]);
    await until("the end of its session", () => world.server.sessions === 1);
    assert.equal((await again.ask({ ...REPORT, instance: "old" }))?.t, "ok");
    await leavesNothing(world, again);
  });
});
