/** The targets of a key that is revoked are out at all balancers at once, also those of one that cannot take back what it has written. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { LEASE, reporterAt, World } from "./world.ts";

const LEAKED = reporterAt("10.0.0.1", "web");
const ANEW = reporterAt("10.0.0.1", "web", "a secret that nobody has found");
const OTHER = reporterAt("10.0.0.2", "other");
const OTHERS = { "p/10.0.0.2:80": "up 9" };
/** ms in which all know it. */
const KNOWN = 200;

let world = new World();
afterEach(() => {
  world.close();
  world = new World();
});

describe("a key that is revoked while the only balancer of its reporter says nothing any more", () => {
  it("has no target at the others at once, and no other key's is touched", async () => {
    const [a, b, dead] = [await world.start("a"), await world.start("b"), await world.start("dead")];
    await dead.report(LEAKED);
    await dead.report(OTHER);
    await world.pass(KNOWN);
    dead.kill();
    await world.pass(KNOWN);
    assert.equal(Object.keys(b.targets()).length, 2);
    await a.revoke(LEAKED);
    await world.pass(KNOWN);
    for (const each of [a, b]) assert.deepEqual(each.targets(), OTHERS, each.name);
  });

  it("has none where the operator is whose balancer has lost the store", async () => {
    const [a, dead] = [await world.start("a"), await world.start("dead")];
    await dead.report(LEAKED);
    await world.pass(KNOWN);
    dead.kill();
    a.store.fault({ lost: true });
    await world.pass(KNOWN);
    await a.revoke(LEAKED);
    await world.pass(KNOWN);
    assert.deepEqual(a.targets(), {});
  });

  it("has none at a balancer that starts, nor one that is written later by a balancer which cannot know", async () => {
    const [a, deaf] = [await world.start("a"), await world.start("deaf")];
    await deaf.report(LEAKED);
    await deaf.report(OTHER);
    await world.pass(KNOWN);
    deaf.store.readStamped = async () => new Map();
    await a.revoke(LEAKED);
    await world.pass(KNOWN);
    await deaf.report(LEAKED, { port: 81 });
    const late = await world.start("late");
    await world.pass(KNOWN);
    assert.deepEqual(deaf.targets(), { ...OTHERS, "p/10.0.0.1:81": "up 9" });
    for (const each of [a, late]) assert.deepEqual(each.targets(), OTHERS, each.name);
  });

  it("leaves a target to another balancer that vouches for it with a key which is not revoked, as one that was made anew", async () => {
    const [a, b, dead] = [await world.start("a"), await world.start("b"), await world.start("dead")];
    await dead.report(LEAKED);
    await world.pass(KNOWN);
    dead.kill();
    await a.revoke(LEAKED);
    await b.report(ANEW, { weight: 5 });
    await world.pass(LEASE);
    for (const each of [a, b]) assert.deepEqual(each.targets(), { "p/10.0.0.1:80": "up 5" }, each.name);
  });

  it("leaves what was registered without a key that could be revoked so", async () => {
    const [a, dead] = [await world.start("a"), await world.start("dead")];
    await dead.report(reporterAt("10.0.0.2", "web", null));
    await world.pass(KNOWN);
    dead.kill();
    await a.revoke(LEAKED);
    await world.pass(KNOWN);
    assert.deepEqual(a.targets(), OTHERS);
  });
});
