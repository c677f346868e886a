import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import { Advice } from "../../src/targets/advice.ts";
import { LEASE, leavesNothing, REPORT, World } from "../control/harness.ts";

const options = { name: "default", algorithm: "leastconn", concurrency: -1, queue: 0 } as const;
const client = (n: number) => Uint32Array.of(0, 0, 0xffff, n);

describe("a balancer all of whose clients share an address", () => {
  it("says once that stickiness sends them to one target, if there are several", async () => {
    const pool = Pool.create({ ...options, persistent: 3_600_000 });
    const world = await World.start({ pools: new Map([["default", pool]]) });
    for (const host of ["10.0.0.7", "10.0.0.8"]) await world.target(host);
    const raws = [await world.raw("10.0.0.7")];
    await raws[0]!.ask(REPORT);
    const visit = (n: number) => pool.release(pool.pick(client(n), [], 0), client(n), 0, 0, 0);
    const warnings = () => world.story.filter((line) => line.startsWith("warning"));
    for (let i = 0; i < 200; i++) visit(1);
    await world.pass(2_000);
    assert.deepEqual(warnings(), [], "there is one target only");
    raws.push(await world.raw("10.0.0.8"));
    await raws[1]!.ask(REPORT);
    for (let i = 0; i < 1_000; i++) visit(i % 20);
    await world.pass(2_000);
    assert.deepEqual(warnings(), [], "there are several clients");
    for (let i = 0; i < 200; i++) visit(1);
    await world.pass(5_000);
    for (let i = 0; i < 200; i++) visit(2);
    await world.pass(5_000);
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /one address, 0\.0\.0\.1, .*--persistent off/);
    await leavesNothing(world, ...raws);
  });
});

describe("a pool all of whose targets fail their checks", () => {
  it("is told of once, and again when that has been over", () => {
    const told: string[] = [];
    const advice = new Advice((message) => told.push(message));
    const pool = Pool.create({ ...options, persistent: null });
    const why = "its check http:/healthz fails (HTTP 404)";
    for (const each of [null, why, why, null, why]) advice.look("web", pool, each);
    assert.equal(told.length, 2);
    assert.match(
      told[0]!,
      /^pool web: all of its targets fail their checks.*http:\/healthz fails \(HTTP 404\).*reload$/,
    );
  });
});

describe("a balancer with more clients than bindings", () => {
  it("says once that some are given up", async () => {
    const pool = Pool.create({ ...options, persistent: 3_600_000, maxBindings: 8 });
    const world = await World.start({ pools: new Map([["default", pool]]) });
    const raw = await world.raw("10.0.0.7");
    await raw.ask(REPORT);
    const visit = (n: number) => pool.release(pool.pick(client(n), [], 0), client(n), 0, 0, 0);
    for (let n = 0; n < 8; n++) visit(n);
    await world.pass(3_000);
    const warnings = () => world.story.filter((line) => line.startsWith("warning"));
    assert.deepEqual(warnings(), []);
    for (let n = 8; n < 50; n++) visit(n);
    await world.pass(LEASE / 2);
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /--max-bindings/);
    await leavesNothing(world, raw);
  });
});
