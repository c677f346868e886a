/** Targets that are put over the API, by whoever has a token or the socket. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PutTarget } from "../../../src/admin/api/schemas/acts.ts";
import type { Asker } from "../../../src/admin/face.ts";
import { deleteTarget, PutKeys, type PutTargetsOptions, putTarget } from "../../../src/app/operated/put-targets.ts";
import { parseTokenLine, type Token } from "../../../src/control/keys/token.ts";
import { BALANCER, leavesNothing, REPORT, World } from "../../control/harness.ts";
import { settle } from "../../support/wait.ts";

const A = "10.0.0.7";
const PUT: PutTarget = { address: `${A}:8080`, leaseMs: 5_000 };
const SOCKET: Asker = { name: "socket", right: "act", pool: null };
const CI: Asker = { name: "ci", right: "act", pool: null, address: "10.0.0.99" };

function tokenOf(words: string): Token {
  return parseTokenLine(`token ${words} secret=${"s".repeat(40)}`, "test");
}

async function start(...words: string[]) {
  const tokens = new Map(words.map(tokenOf).map((token) => [token.name, token]));
  const keys = new PutKeys({ named: (name) => tokens.get(name) });
  const world = await World.start({ otherKeys: keys });
  const options: PutTargetsOptions = {
    pools: new Set(["default"]),
    registry: world.server.registry,
    keys,
    resolve: async (host) => (host === "inside.example" ? [A] : [host]),
  };
  await world.target(A);
  const put = (id: string, said: Partial<PutTarget> = {}, by: Asker = CI) =>
    putTarget(options, "default", id, { ...PUT, ...said }, by);
  const remove = (id: string, by: Asker = CI) => deleteTarget(options, "default", id, by);
  const state = (id: string) => world.pool.view(`default/${id}`)?.state;
  return { world, options, tokens, put, remove, state };
}

describe("a target that is put", () => {
  it("counts for its own lease, again and again, and is down after it", async () => {
    const { world, put, state } = await start("name=ci right=act advertise=10.0.0.0/8");
    assert.equal(await put("one", { weight: 7, maxConnections: 3, priority: 2 }), "default/one");
    await settle();
    assert.equal(state("one"), "up");
    const { weight, maxConnections, priority, address } = world.pool.view("default/one")!;
    assert.deepEqual(
      { weight, maxConnections, priority, address },
      { weight: 7, maxConnections: 3, priority: 2, address: { host: A, port: 8080 } },
    );
    const { reporter, leaseUntil } = world.server.registry.standingOf("default/one")!;
    assert.deepEqual(reporter, { key: "token:ci", address: null, lastReport: world.wall, isSilent: false });
    assert.equal(leaseUntil, world.clock.now() + 5_000);
    await world.pass(4_000);
    await put("one");
    await world.pass(4_000);
    assert.equal(state("one"), "up");
    await world.pass(2_000);
    assert.equal(state("one"), "down");
    assert.ok(world.story.includes("targetDown default/one lease-expired"));
    await put("one");
    await settle();
    assert.equal(state("one"), "up");
    await leavesNothing(world);
  });

  it("says how it is, may move, and may be called by its address", async () => {
    const { world, put, state } = await start("name=ci right=act advertise=10.0.0.0/8");
    await put("one", { state: "draining" });
    assert.equal(state("one"), "draining");
    await put("one", { state: "down" });
    assert.equal(state("one"), "down");
    await put("one", { address: "10.0.0.8:80" });
    assert.deepEqual(world.pool.view("default/one")!.address, { host: "10.0.0.8", port: 80 });
    assert.equal(await put(`${A}:8080`), `default/${A}:8080`);
    assert.equal(await put("named", { address: "inside.example:8081" }), "default/named");
    assert.deepEqual(world.pool.view("default/named")!.address, { host: A, port: 8081 });
    await leavesNothing(world);
  });

  it("is judged by its token's line, as a reporter's report by its key's", async () => {
    const { world, put, options } = await start(
      "name=ci right=act advertise=10.0.0.0/24 port=8000-8099 max-weight=1000",
      "name=any right=act",
      "name=see right=read advertise=10.0.0.0/8",
      "name=web right=act pool=web advertise=10.0.0.0/8",
      "name=few right=act advertise=10.0.0.0/8 targets=1",
    );
    const by = (name: string): Asker => ({ ...CI, name });
    const refused = (code: string, id: string, said: Partial<PutTarget>, asker?: Asker) =>
      assert.rejects(put(id, said, asker), { code }, `${id} ${JSON.stringify(said)}`);
    await refused("FORBIDDEN", "x", { address: "10.0.1.1:8080" });
    await refused("FORBIDDEN", "x", { address: `${A}:9000` });
    await refused("FORBIDDEN", "x", { weight: 1001 });
    await refused("FORBIDDEN", "x", {}, by("any"));
    await refused("FORBIDDEN", "x", {}, by("see"));
    await refused("FORBIDDEN", "x", {}, by("web"));
    await refused("FORBIDDEN", "x", {}, by("nobody"));
    await refused("BAD_ADDRESS", "x", { address: `${BALANCER}:8080` }, { ...CI });
    await refused("BAD_REQUEST", "x", { address: "10.0.0.7" });
    await refused("BAD_REQUEST", "x", { address: "10.0.0.7:0" });
    await refused("BAD_REQUEST", "a:b", {});
    await refused("BAD_REQUEST", "x y", {});
    await assert.rejects(putTarget(options, "nowhere", "x", PUT, CI), { code: "NO_POOL" });
    await put("one", {}, by("few"));
    await refused("QUOTA", "two", { address: "10.0.0.8:8080" }, by("few"));
    assert.equal(world.server.registry.size, 1);
    await leavesNothing(world);
  });

  it("is at loopback only where the token's line names that, or over the socket; never at the balancer's own ports", async () => {
    const { world, put } = await start(
      "name=ci right=act advertise=0.0.0.0/0",
      "name=here right=act advertise=127.0.0.0/8",
    );
    const loopback = { address: "127.0.0.1:8080" };
    await assert.rejects(put("x", loopback, { ...CI, address: "127.0.0.1" }), { code: "FORBIDDEN" });
    const here: Asker = { ...CI, name: "here" };
    await assert.rejects(put("x", loopback, here), { code: "BAD_ADDRESS" }, "he is on another host");
    await put("x", loopback, { ...here, address: "127.0.0.1" });
    await put("y", { address: "127.0.0.1:8081" }, SOCKET);
    await assert.rejects(put("z", { address: "127.0.0.1:3000" }, SOCKET), { code: "BAD_ADDRESS" });
    await leavesNothing(world);
  });

  it("is taken out by who has put it and over the socket, and by nobody else", async () => {
    const { world, put, remove, state } = await start(
      "name=ci right=act advertise=10.0.0.0/8",
      "name=other right=act advertise=10.0.0.0/8",
    );
    const other: Asker = { ...CI, name: "other" };
    await put("one");
    await assert.rejects(put("one", {}, other), { code: "OWNED" });
    assert.throws(() => remove("one", other), { code: "OWNED" });
    remove("one");
    assert.equal(state("one"), undefined);
    assert.throws(() => remove("one"), { code: "NO_TARGET" });
    await put("one");
    remove("one", SOCKET);
    assert.equal(state("one"), undefined);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, id: "reported" });
    assert.throws(() => remove("reported", SOCKET), { code: "OWNED" });
    await assert.rejects(put("reported"), { code: "OWNED" });
    await leavesNothing(world, raw);
  });

  it("goes with its token", async () => {
    const { world, put, tokens, state } = await start("name=ci right=act advertise=10.0.0.0/8");
    await put("one");
    await put("two", { address: "10.9.0.1:8080" });
    tokens.set("ci", tokenOf("name=ci right=act advertise=10.0.0.0/16"));
    world.server.registry.revoke();
    assert.equal(state("one") === undefined, false);
    assert.equal(state("two"), undefined, "the line does not allow it any more");
    tokens.clear();
    world.server.registry.revoke();
    assert.equal(state("one"), undefined);
    await leavesNothing(world);
  });

  it("is ordered about like any other", async () => {
    const { world, put, state } = await start("name=ci right=act advertise=10.0.0.0/8");
    await put("one");
    world.server.registry.ordering.order("default/one", { state: "maintain" }, "alice");
    await put("one");
    assert.equal(state("one"), "down");
    await leavesNothing(world);
  });
});
