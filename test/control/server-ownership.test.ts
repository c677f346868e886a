/** Whose a target is: mallory holds a key of her own and sits behind alice's address, so nothing but the key tells them apart. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import { until } from "../support/wait.ts";
import { LEASE, leavesNothing, type RawReporter, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const ALICE = `alice:${SECRET}`;
const MALLORY = `mallory:${SECRET} advertise=10.0.0.0/24`;
const ID_A = `default/${A}:8080`;

async function worldOfTwo() {
  const keys = [ALICE, MALLORY].map((line) => parseKeyLine(line, "test"));
  const world = await World.start({ resolve: async (host) => [host] }, keys);
  const target = await world.target(A);
  const alice = () => world.raw(A, ALICE);
  const mallory = (from = A) => world.raw(from, MALLORY);
  return { world, target, alice, mallory };
}

async function registered(world: World, raw: RawReporter, report: object): Promise<void> {
  assert.equal((await raw.ask(report))?.t, "ok");
  await until("the target to be up", () => world.pool.targets()[0]?.state === "up");
}

async function lost(world: World, raw: RawReporter): Promise<void> {
  const sessions = world.server.sessions;
  await raw.close();
  await until("the end of the session", () => world.server.sessions === sessions - 1);
}

async function isOwned(raw: RawReporter, report: object): Promise<void> {
  const answer = await raw.ask(report);
  assert.ok(answer?.t === "reject" && answer.code === "OWNED" && answer.retry, JSON.stringify(answer));
}

describe("a target of another key", () => {
  for (const [what, named] of [
    ["with an id", { id: "alice" }],
    ["without an id", {}],
  ] as const) {
    for (const [how, change] of [
      ["as it is", {}],
      ["as draining", { drain: true }],
      ["as down", { health: "down" }],
      ["with another weight", { weight: 1 }],
      ["with a reporter of the same instance", { instance: "a" }],
      ["with one of another", { instance: "b" }],
      ["elsewhere", { advertise: B }],
    ] as const) {
      if (what === "without an id" && how === "elsewhere") continue; // it would be another target
      it(`${what} that is reported ${how} stays as it is, and its reporter hears nothing`, async () => {
        const { world, target, alice, mallory } = await worldOfTwo();
        const [owner, rival] = [await alice(), await mallory()];
        const report = { ...REPORT, ...named, instance: "a" };
        await registered(world, owner, report);
        const before = world.pool.targets();
        await isOwned(rival, { ...REPORT, ...named, ...change });
        assert.deepEqual(world.pool.targets(), before);
        assert.equal((await owner.ask(report))?.t, "ok", "the session goes on");
        await leavesNothing(world, owner, rival, target);
      });
    }
  }

  it("is not taken by moving there, and the mover keeps its own", async () => {
    const { world, target, alice, mallory } = await worldOfTwo();
    const [owner, rival] = [await alice(), await mallory()];
    await registered(world, owner, REPORT);
    assert.equal((await rival.ask({ ...REPORT, id: "decoy" }))?.t, "ok");
    await isOwned(rival, REPORT);
    assert.deepEqual(
      world.pool
        .targets()
        .map(({ identity }) => identity)
        .sort(),
      [ID_A, "default/decoy"].sort(),
    );
    await rival.ask({ t: "leave" });
    assert.deepEqual(
      world.pool.targets().map(({ identity }) => identity),
      [ID_A],
    );
    await leavesNothing(world, owner, rival, target);
  });

  it("without a reporter is kept for its reporter as long as its last report counts, though that said that it is down", async () => {
    const { world, target, alice, mallory } = await worldOfTwo();
    const rival = await mallory();
    for (const health of ["up", "down"] as const) {
      const owner = await alice();
      assert.equal((await owner.ask({ ...REPORT, health }))?.t, "ok");
      await lost(world, owner);
      await isOwned(rival, REPORT);
    }
    const back = await alice();
    assert.equal((await back.ask(REPORT))?.t, "ok");
    await leavesNothing(world, back, rival, target);
  });

  it("that has died is kept under its id, and is free to whoever has its address now", async () => {
    const { world, target, alice, mallory } = await worldOfTwo();
    for (const report of [{ ...REPORT, id: "one" }, REPORT]) {
      const owner = await alice();
      await registered(world, owner, report);
      await lost(world, owner);
    }
    await world.pass(LEASE + 2_000);
    const [there, afar] = [await mallory(), await mallory(B)];
    await isOwned(there, { ...REPORT, id: "one" });
    await isOwned(afar, { ...REPORT, advertise: A });
    assert.equal((await there.ask(REPORT))?.t, "ok");
    assert.deepEqual(
      world.story.filter((line) => line.includes(ID_A) && !line.startsWith("reporterLost")),
      [`targetUp ${ID_A}`, `targetDown ${ID_A} lease-expired`, `targetLeave ${ID_A} forgotten`, `targetUp ${ID_A}`],
    );
    const back = await alice();
    assert.equal((await back.ask({ ...REPORT, id: "one" }))?.t, "ok");
    await isOwned(back, REPORT);
    await leavesNothing(world, there, afar, back, target);
  });

  it("that has left is free", async () => {
    const { world, target, alice, mallory } = await worldOfTwo();
    const [owner, rival] = [await alice(), await mallory(B)];
    await owner.ask({ ...REPORT, id: "one" });
    await owner.ask({ t: "leave" });
    assert.equal((await rival.ask({ ...REPORT, id: "one" }))?.t, "ok");
    await isOwned(owner, { ...REPORT, id: "one" });
    await leavesNothing(world, owner, rival, target);
  });
});
