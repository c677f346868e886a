import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod/mini";
import { key, reporter } from "../../../src/admin/api/schemas/people.ts";
import { target } from "../../../src/admin/api/schemas/targets.ts";
import { shownBindings } from "../../../src/app/operated/bindings.ts";
import { shownKeys, shownReporters } from "../../../src/app/operated/reporters.ts";
import { ShownTargets } from "../../../src/app/operated/targets.ts";
import { parseKeyLine } from "../../../src/control/keys/key.ts";
import { hostEnvironment } from "../../../src/control/keys/key-places.ts";
import { Keys } from "../../../src/control/keys/keys.ts";
import { Pool } from "../../../src/pool/pool.ts";
import type { DeclaredTarget } from "../../../src/targets/wanted.ts";
import { clientKey } from "../../../src/util/client-key.ts";
import { LEASE, leavesNothing, REPORT, SECRET, START, World } from "../../control/harness.ts";
import { settle } from "../../support/wait.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";

function shownOf(world: World): ShownTargets {
  return new ShownTargets({
    pools: new Map([["default", world.pool]]),
    registry: world.server.registry,
    statistics: { target: () => undefined },
    clock: world.clock,
    wallClock: () => world.wall,
  });
}

function declared(host: string, terms: Partial<DeclaredTarget> = {}): DeclaredTarget {
  const address = { host, port: 8080 };
  return {
    address,
    weight: 100,
    maxConnections: 0,
    priority: 0,
    backup: false,
    source: "static",
    name: null,
    ...terms,
  };
}

describe("targets as the API shows them", () => {
  it("have every verdict, who reports them, and until when that counts", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, id: "one" });
    await settle();
    await world.pass(1_000);
    const shown = shownOf(world);
    world.server.registry.ordering.order("default/one", { state: "drain", factor: 0.5, reason: "a test" }, "alice");
    const [one] = await shown.of();
    assert.ok(one);
    z.parse(target, one);
    assert.deepEqual(
      one.verdicts.map(({ source, says }) => `${source} ${says}`),
      ["reported up", "ordered draining"],
    );
    assert.equal(one.state, "draining");
    assert.equal(one.reason, "alice has ordered drain, weight × 0.5: a test");
    const now = new Date(START + 1_000).toISOString();
    assert.deepEqual(one.order, { state: "drain", factor: 0.5, by: "alice", reason: "a test", at: now });
    assert.equal(one.weight, 250);
    assert.equal(one.ownWeight, 500);
    assert.equal(one.reporter?.key, "web");
    assert.match(one.reporter!.address!, /^10\.0\.0\.7:/);
    assert.equal(one.reporter!.lastReport, new Date(START).toISOString());
    assert.equal(one.leaseUntil, new Date(START + LEASE).toISOString());
    assert.equal(one.weightShare, 0);
    world.server.registry.ordering.order("default/one", { state: null, factor: null }, "alice");
    await settle();
    assert.equal(shown.one("default/one").state, "up");
    assert.equal(shown.one("default/one").weightShare, 1);
    await leavesNothing(world, raw);
  });

  it("share the weight among those that take connections, and backups only while they alone do", async () => {
    const world = await World.start();
    const { registry } = world.server;
    registry.declare("default", [declared(A), declared(B, { weight: 300 }), declared("10.0.0.9", { backup: true })]);
    for (const host of [A, B, "10.0.0.9"]) {
      world.pool.setState(`default/${host}:8080`, "up");
      registry.reached(`default/${host}:8080`);
    }
    const shares = async () => (await shownOf(world).of("default")).map(({ weightShare }) => weightShare);
    assert.deepEqual(await shares(), [0.25, 0.75, 0]);
    for (const host of [A, B]) registry.ordering.order(`default/${host}:8080`, { state: "maintain" }, "me");
    assert.deepEqual(await shares(), [0, 0, 1]);
    await leavesNothing(world);
  });

  it("are shown without being there where something is ordered of them", async () => {
    const world = await World.start();
    const { registry } = world.server;
    registry.declare("default", [declared(A)]);
    registry.ordering.order(`default/${A}:8080`, { state: "drain" }, "me");
    registry.declare("default", []);
    const [absent] = await shownOf(world).of();
    z.parse(target, absent);
    assert.deepEqual(absent!.sources, []);
    assert.equal(absent!.address, `${A}:8080`);
    assert.equal(absent!.state, "down");
    assert.deepEqual(absent, shownOf(world).one(`default/${A}:8080`));
    registry.ordering.order(`default/${A}:8080`, { state: null }, "me");
    assert.deepEqual(await shownOf(world).of(), []);
    assert.throws(() => shownOf(world).one(`default/${A}:8080`), { code: "NO_TARGET" });
    await assert.rejects(shownOf(world).of("nowhere"), { code: "NO_POOL" });
    await leavesNothing(world);
  });

  it("say that nobody reports them any more, and why they are out", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await settle();
    await raw.close();
    await world.pass(LEASE + 1_000);
    const [one] = await shownOf(world).of();
    assert.equal(one!.state, "down");
    assert.equal(one!.reason, "it has not been reported in time");
    assert.equal(one!.since, new Date(START + LEASE).toISOString());
    assert.equal(one!.leaseUntil, null);
    assert.equal(one!.reporter!.address, null);
    await leavesNothing(world);
  });
});

describe("reporters and keys as the API shows them", () => {
  it("name software and targets, when they came and reported, and never a secret", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await settle();
    const before = shownReporters(world.server.reporters());
    assert.deepEqual(before, [], "until it has proved that it is there");
    await raw.ask(REPORT);
    await world.pass(2_000);
    await raw.ask(REPORT);
    const [one] = shownReporters(world.server.reporters());
    z.parse(reporter, one);
    assert.equal(one!.kind, "shared");
    assert.equal(one!.software, "raw/1");
    assert.equal(one!.connectedAt, new Date(START).toISOString());
    assert.equal(one!.lastReport, new Date(START + 2_000).toISOString());
    assert.deepEqual(one!.targets, [`default/${A}:8080`]);
    const keys = new Keys([parseKeyLine(`web:${SECRET} pool=web max-weight=200`, "test")], null, hostEnvironment());
    const shown = shownKeys(keys);
    z.parse(z.array(key), shown);
    assert.deepEqual(shown, [
      { id: "web", kind: "shared", right: null, limits: ["pool=web", "max-weight=200"], file: null, revoked: null },
    ]);
    await leavesNothing(world, raw);
  });
});

describe("bindings as the API shows them", () => {
  it("are found by pool and by client, and tell of a target that has left", async () => {
    const pool = Pool.create({ name: "p", algorithm: "leastconn", persistent: 1_000, concurrency: -1, queue: 0 });
    const there = new Set(["p/a"]);
    pool.set({ identity: "p/a", address: { host: A, port: 1 }, weight: 1, maxConnections: 0 }, "up");
    for (const host of ["10.1.0.1", "10.1.0.2", "2001:db8:1:2::7"]) {
      const client = clientKey(host, new Uint32Array(4));
      pool.release(pool.pick(client, [], 0), client, 0, 0, 0);
    }
    const options = {
      pools: new Map([["p", pool]]),
      registry: { sourcesOf: (identity: string) => (there.has(identity) ? (["static"] as const) : []) },
      engine: { now: () => 10 },
    };
    const all = await shownBindings(options, {}, { offset: 0, limit: 2 });
    assert.equal(all.total, 3);
    assert.equal(all.next, 2);
    assert.deepEqual(await shownBindings(options, { client: "10.1.0.1" }, { offset: 0, limit: 10 }), {
      items: [{ client: "10.1.0.1", pool: "p", target: "p/a", active: 0, idleMs: 10, source: "own" }],
      total: 1,
      next: null,
    });
    const clients = async (client: string) =>
      (await shownBindings(options, { pool: "p", client }, { offset: 0, limit: 10 })).items.map((each) => each.client);
    assert.deepEqual(await clients("2001:db8:1:2:9::9"), ["2001:db8:1:2::/64"]);
    assert.deepEqual(await clients("2001:db8::/32"), ["2001:db8:1:2::/64"]);
    assert.equal((await clients("10.0.0.0/8")).length, 2);
    there.clear();
    const [gone] = (await shownBindings(options, {}, { offset: 0, limit: 1 })).items;
    assert.equal(gone!.target, null);
    await assert.rejects(shownBindings(options, { pool: "q" }, { offset: 0, limit: 1 }), { code: "NO_POOL" });
    await assert.rejects(shownBindings(options, { client: "?" }, { offset: 0, limit: 1 }), { code: "BAD_REQUEST" });
  });
});
