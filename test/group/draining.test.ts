/** When a target that drains has its receipt, of balancers that its reporter does not speak to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Balancer, LEASE, reporterAt, World } from "./world.ts";

const HOST = "10.0.0.1";
const NAME = `p/${HOST}:80`;

describe("a target that drains", () => {
  const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);

  it("is told of connections at balancers that its reporter does not speak to, until those have none", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(100);
    const row = b.pools.get("p")!.pick(CLIENT, [], 0);
    assert.ok(row >= 0);
    assert.equal(await a.report(owner, { drain: true }), 1, "b may not know yet");
    await world.pass(600);
    assert.deepEqual(b.targets(), { [NAME]: "draining 9" });
    assert.equal(await a.report(owner, { drain: true }), 1, "b has a connection");
    b.pools.get("p")!.release(row, CLIENT, 0, 0, 0);
    await world.pass(600);
    assert.equal(await a.report(owner, { drain: true }), 0);
    world.close();
  });

  it("has no receipt while the store is lost, as nobody knows what others have, until that was so for a lease", async () => {
    const world = new World();
    const [a] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(1_200);
    world.memory.fault({ lost: true });
    await world.pass(1_100);
    assert.equal(await a.report(owner, { drain: true }), 1);
    await world.pass(LEASE - 1_000);
    assert.equal(await a.report(owner, { drain: true }), 1);
    await world.pass(1_200);
    assert.equal(await a.report(owner, { drain: true }), 0);
    world.close();
  });

  it("has its receipt though the store is lost, where all had said before that they have no connection", async () => {
    const world = new World();
    const [a] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await a.report(owner, { drain: true });
    await world.pass(1_000);
    world.memory.fault({ lost: true });
    await world.pass(1_100);
    assert.equal(await a.report(owner, { drain: true }), 0);
    world.close();
  });

  it("waits for one that is gone without a word until that was a lease ago", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(1_200);
    b.kill();
    await world.pass(4_000);
    assert.equal(await a.report(owner, { drain: true }), 1, "it may be cut off, and serve on");
    await world.pass(LEASE + 1_000);
    assert.equal(await a.report(owner, { drain: true }), 0);
    world.close();
  });

  it("has no receipt in the first lease of a balancer that has not reached the store yet", async () => {
    const world = new World();
    const store = world.memory.open();
    store.fault({ lost: true });
    const alone = new Balancer({ clock: world.clock, store, name: "a", id: "a" });
    const started = alone.group.start();
    await world.pass(1_000);
    await started;
    alone.open();
    const owner = reporterAt(HOST);
    await alone.report(owner);
    assert.equal(await alone.report(owner, { drain: true }), 1);
    await world.pass(LEASE + 1_200);
    assert.equal(await alone.report(owner, { drain: true }), 0);
    alone.kill();
  });

  it("is waited for as well by one that leaves, until its clients there have gone", async () => {
    const world = new World();
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(HOST);
    await a.report(owner);
    await world.pass(100);
    const row = b.pools.get("p")!.pick(CLIENT, [], 0);
    await b.group.leave();
    await world.pass(1_200);
    await a.report(owner, { drain: true });
    await world.pass(5_000);
    assert.equal(await a.report(owner, { drain: true }), 1, "b goes on until its clients have gone");
    b.pools.get("p")!.release(row, CLIENT, 0, 0, 0);
    await world.pass(600);
    assert.equal(await a.report(owner, { drain: true }), 0);
    world.close();
  });
});
