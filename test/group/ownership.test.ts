/** Whose a target is in a group: what holders of one key report at one balancer never touches what another key has registered at another one. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { type Balancer, LEASE, reporterAt, World } from "./world.ts";

const OWNER = "10.0.0.1";
const OTHER = "10.6.6.6";
const NAME = "p/x";

let world = new World();
afterEach(() => {
  world.close();
  world = new World();
});

function whereAt(balancer: Balancer): string[] {
  const views = balancer.pools.get("p")?.targets() ?? [];
  return views.map(({ address }) => ("host" in address ? address.host : address.path));
}

describe("a target that one key has registered at one balancer", () => {
  it("is not another key's at a balancer that its reporter does not speak to", async () => {
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    await a.report(reporterAt(OWNER, "owner"), { id: "x" });
    await world.pass(200);
    const thief = reporterAt(OTHER, "thief");
    await assert.rejects(b.report(thief, { id: "x" }), { code: "OWNED", retry: true });
    await world.pass(200);
    for (const each of [a, b, c]) assert.deepEqual(whereAt(each), [OWNER], each.name);
  });

  it("is another key's once it has left, or its balancer is gone for a lease", async () => {
    const [a, b] = [await world.start("a"), await world.start("b")];
    const owner = reporterAt(OWNER, "owner");
    const next = reporterAt(OTHER, "next");
    await a.report(owner, { id: "x" });
    await a.report(reporterAt(OWNER, "owner"), { id: "y", port: 81 });
    await world.pass(200);
    a.registry.leave(owner);
    await world.pass(200);
    await b.report(next, { id: "x" });
    a.kill();
    await world.pass(5_000);
    await assert.rejects(b.report(next, { id: "y" }), { code: "OWNED" });
    await world.pass(LEASE);
    await b.report(next, { id: "y", port: 82 });
    assert.deepEqual(whereAt(b), [OTHER]);
  });

  it("stays that one's where another key got its name at a balancer that could not know, which is told", async () => {
    const [a, b, c] = [await world.start("a"), await world.start("b"), await world.start("c")];
    b.store.fault({ lost: true });
    await a.report(reporterAt(OWNER, "owner"), { id: "x" });
    await world.pass(1_000);
    await b.report(reporterAt(OTHER, "thief"), { id: "x" });
    b.store.fault({ lost: false });
    await world.pass(3_000);
    for (const each of [a, c]) assert.deepEqual(whereAt(each), [OWNER], each.name);
    assert.match(String(a.told("refused")), /p\/x,b,it is registered here with another key/);
    assert.match(String(b.told("refused")), /p\/x,a,it is registered here with another key/);
    assert.equal(b.told("refused").length, 1);
    assert.equal(c.sourcesOf(NAME), "shared");
  });
});
