/** Messages of a session: which answer is whose, in which order, and what one session may speak for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientSession } from "../../src/control/client/session.ts";
import { deferred } from "../../src/util/deferred.ts";
import { settle, until } from "../support/wait.ts";
import { ADVERTISER, CONTROL, KEY, LEASE, leavesNothing, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";

/** A resolver that answers a name when the test says so. */
function slowNames() {
  const asked = new Map<string, (hosts: readonly string[]) => void>();
  const resolve = (name: string) => {
    const answer = deferred<readonly string[]>();
    asked.set(name, answer.resolve);
    return answer.promise;
  };
  return { asked, resolve };
}

const identities = (world: World) => world.pool.targets().map(({ identity }) => identity);

describe("the messages of a session", () => {
  it("are answered with their own numbers, and with the time since the welcome", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await world.pass(4_000);
    for (const message of [
      { ...REPORT, n: 17 },
      { t: "leave", n: 0 },
    ]) {
      await raw.tell(message);
      const answer = await raw.hearAll();
      assert.ok(answer?.t === "ok" && answer.n === message.n && answer.at === 4_000);
    }
    await raw.tell({ ...REPORT, n: 9, pool: "none" });
    const refused = await raw.hearAll();
    assert.ok(refused?.t === "reject" && refused.n === 9 && refused.code === "UNKNOWN_POOL");
    await leavesNothing(world, raw);
  });

  it("about other targets do not wait for a slow look-up, and those about the same one keep their order", async () => {
    const { asked, resolve } = slowNames();
    const world = await World.start({ resolve }, [ADVERTISER]);
    const raw = await world.raw(A);
    await raw.tell({ ...REPORT, n: 1, ref: 1, id: "slow", advertise: "slow.example" });
    await raw.tell({ t: "leave", n: 2, ref: 1 });
    await raw.tell({ ...REPORT, n: 3, ref: 2, id: "quick" });
    const quick = await raw.hearAll();
    assert.ok(quick?.t === "ok" && quick.n === 3 && quick.target === "default/quick");
    await until("the question", () => asked.has("slow.example"));
    asked.get("slow.example")?.([A]);
    const numbers = [await raw.hearAll(), await raw.hearAll()].map((answer) => answer && "n" in answer && answer.n);
    assert.deepEqual(numbers, [1, 2]);
    assert.deepEqual(identities(world), ["default/quick"], "the leave came after the report");
    await leavesNothing(world, raw);
  });

  it("are at most sixteen under way: the seventeenth is not even read", async () => {
    const { asked, resolve } = slowNames();
    const world = await World.start({ resolve }, [ADVERTISER]);
    const raw = await world.raw(A);
    for (let ref = 0; ref < 20; ref++) {
      await raw.tell({ ...REPORT, ref, id: `id-${ref}`, advertise: `host-${ref}.example` });
      await world.pass(1_000);
    }
    await settle(50);
    assert.equal(asked.size, 16);
    asked.get("host-3.example")?.([A]);
    await until("the next one", () => asked.size === 17);
    await leavesNothing(world, raw);
  });

  it("may speak for several targets, each of which comes and goes by itself", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    for (const ref of [0, 1, 999]) assert.equal((await raw.ask({ ...REPORT, ref, id: `id-${ref}` }))?.t, "ok");
    assert.deepEqual(identities(world), ["default/id-0", "default/id-1", "default/id-999"]);
    assert.equal((await raw.ask({ ...REPORT, ref: 1, id: "moved" }))?.t, "ok");
    assert.equal((await raw.ask({ t: "leave", ref: 0 }))?.t, "ok");
    assert.deepEqual(identities(world), ["default/id-999", "default/moved"]);
    const refused = await raw.ask({ ...REPORT, ref: 1, id: "moved", advertise: "10.9.9.9" });
    assert.ok(refused?.t === "reject" && !refused.retry);
    assert.equal((await raw.ask({ ...REPORT, ref: 999, id: "id-999" }))?.t, "ok", "it goes on for the others");
    assert.deepEqual(identities(world), ["default/id-999"]);
    await leavesNothing(world, raw);
  });

  it("count from when they were made: held back on the way, a report keeps its target up no longer", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await world.pass(30_000);
    const held = raw.seal?.seal({ ...REPORT, n: 2, made: 30_000 }) ?? "";
    await world.pass(29_000);
    await raw.channel.send(held);
    assert.equal((await raw.hear())?.t, "ok");
    await world.pass(30_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await world.pass(2_000);
    assert.equal(world.pool.targets()[0]?.state, "down", "a lease after it was made, not after it came");
    await leavesNothing(world, raw);
  });

  it("are never from the future", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask({ ...REPORT, made: 10 * LEASE });
    await world.pass(LEASE - 1_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await world.pass(2_000);
    assert.equal(world.pool.targets()[0]?.state, "down");
    await leavesNothing(world, raw);
  });

  it("of a real reporter say when they were made, however slow the network was", async () => {
    const world = await World.start();
    await world.target(A);
    const options = { runtime: world.network.from(A), to: CONTROL, tls: null, software: "test/1" };
    const clocks = { clock: world.clock, wallClock: () => world.wall };
    const session = await ClientSession.open({ ...options, ...clocks }, KEY, new AbortController().signal);
    const { t: _, ...report } = REPORT;
    const answers = [1, 2, 3].map((ref) => session.ask({ t: "report", ...report, ref, id: `id-${ref}` }));
    const targets = (await Promise.all(answers)).map((answer) => answer.t === "ok" && answer.target);
    assert.deepEqual(targets, ["default/id-1", "default/id-2", "default/id-3"], "each answer reaches its question");
    await world.pass(7_000);
    const late = await session.ask({ t: "report", ...report, ref: 1, id: "id-1" });
    assert.equal(late.at, 7_000);
    await world.pass(LEASE - 2_000);
    const stillUp = world.pool.targets().filter(({ state }) => state === "up");
    assert.deepEqual(
      stillUp.map(({ identity }) => identity),
      ["default/id-1"],
      "it counts from then",
    );
    await leavesNothing(world, session);
  });

  it("begin to count for a session with its first one that opens", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    assert.equal(raw.welcome?.t, "welcome");
    await settle();
    assert.equal(world.server.sessions, 0, "what it has said so far may be a recording");
    await raw.ask({ t: "leave" });
    assert.equal(world.server.sessions, 1);
    const silent = await world.raw(A);
    const end = silent.line();
    await world.pass(5_000);
    assert.equal(await end, null, "who says nothing is gone after five seconds");
    await leavesNothing(world, raw, silent);
  });

  it("come after a welcome that says how the balancer sees the connection", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    const { host, port } = raw.channel.connection.local;
    assert.ok(raw.welcome?.t === "welcome");
    assert.deepEqual([raw.welcome.local, raw.welcome.remote], ["10.0.0.1:1666", `${host}:${port}`]);
    await leavesNothing(world, raw);
  });
});
