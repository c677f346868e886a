/** One session that speaks for several targets. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deferred } from "../../src/util/deferred.ts";
import { settle, until, within } from "../support/wait.ts";
import { ADVERTISER, LEASE, leavesNothing, type RawReporter, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const PORTS = [8080, 8081, 8082];
const nameOf = (port: number) => `default/${A}:${port}`;

async function withThree(): Promise<{ world: World; raw: RawReporter; states: () => Record<number, string> }> {
  const world = await World.start({ panicOf: () => false });
  for (const port of PORTS) await world.target(A, port);
  const raw = await world.raw(A);
  for (const [ref, port] of PORTS.entries()) {
    const answer = await raw.ask({ ...REPORT, ref, port });
    assert.ok(answer?.t === "ok" && answer.target === nameOf(port), JSON.stringify(answer));
  }
  const states = () =>
    Object.fromEntries(world.pool.targets().map(({ address, state }) => ["port" in address ? address.port : 0, state]));
  await until("all to be up", () => world.pool.targets().every(({ state }) => state === "up"));
  world.events.length = 0;
  return { world, raw, states };
}

describe("a session with several targets", () => {
  it("that is lost leaves all without a reporter: each is probed at once, and serves while it accepts", async () => {
    const { world, raw, states } = await withThree();
    const probed: number[] = [];
    world.network.connectFault = ({ host, port }) => {
      if (host !== A) return undefined;
      probed.push(port);
      return port === 8081 ? "ECONNREFUSED" : undefined;
    };
    raw.channel.connection.abort();
    await until("the probes", () => probed.length === 3);
    await settle();
    assert.deepEqual(states(), { 8080: "up", 8081: "down", 8082: "up" });
    const lost = PORTS.map((port) => `reporterLost ${nameOf(port)} ${LEASE}`);
    assert.deepEqual(world.story.sort(), [...lost, `targetDown ${nameOf(8081)} refused`].sort());
    await world.pass(LEASE);
    assert.deepEqual(states(), { 8080: "down", 8081: "down", 8082: "down" });
    await leavesNothing(world);
  });

  it("says of each alone that it leaves, drains or has moved", async () => {
    const { world, raw, states } = await withThree();
    assert.deepEqual(await raw.ask({ t: "leave", ref: 1 }).then((answer) => answer?.t), "ok");
    assert.deepEqual(states(), { 8080: "up", 8082: "up" });
    await raw.ask({ ...REPORT, ref: 2, port: 8082, drain: true });
    await raw.ask({ ...REPORT, ref: 0, port: 8090 });
    await settle();
    assert.deepEqual(Object.keys(states()), ["8082", "8090"]);
    assert.equal(states()[8082], "draining");
    await raw.ask({ ...REPORT, ref: 1, port: 8081 });
    assert.deepEqual(Object.keys(states()), ["8081", "8082", "8090"]);
    await leavesNothing(world, raw);
  });

  it("may not speak for one target under two numbers", async () => {
    const { world, raw } = await withThree();
    const answer = await raw.ask({ ...REPORT, ref: 7 });
    assert.ok(answer?.t === "reject" && answer.code === "ID_TAKEN" && answer.retry);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("loses one to another reporter, and speaks on for the others", async () => {
    const { world, raw, states } = await withThree();
    const report = { ...REPORT, ref: 1, port: 8081, instance: "one" };
    assert.equal((await raw.ask(report))?.t, "ok");
    const other = await world.raw(A);
    assert.equal((await other.ask({ ...report, ref: 0, instance: "two" }))?.t, "ok");
    assert.deepEqual(world.story, [`targetTakenOver ${nameOf(8081)} ${A} ${A}`]);
    for (const [ref, port] of [8080, 8082].entries()) {
      assert.equal((await raw.ask({ ...REPORT, ref: 2 * ref, port }))?.t, "ok");
    }
    const answer = await raw.ask(report);
    assert.ok(answer?.t === "reject" && answer.code === "REPLACED" && answer.retry);
    await other.close();
    await settle();
    assert.deepEqual(states(), { 8080: "up", 8081: "up", 8082: "up" });
    await leavesNothing(world, raw);
  });

  it("does not take one back with a report that was made before the other reporter's, and looked up for longer", async () => {
    const found = deferred<readonly string[]>();
    const resolve = (host: string) => (host === A ? Promise.resolve([A]) : found.promise);
    const world = await World.start({ panicOf: () => false, resolve }, [ADVERTISER]);
    await world.target(A, 8080);
    await world.target(A, 8081);
    const [former, latter] = [await world.raw(A), await world.raw(A)];
    for (const [ref, port] of [8080, 8081].entries()) await former.ask({ ...REPORT, ref, port, advertise: A });
    await former.tell({ ...REPORT, advertise: "slow.example" });
    await world.pass(1_000);
    assert.equal((await latter.ask({ ...REPORT, advertise: A }))?.t, "ok");
    found.resolve([A]);
    const answer = await former.hear();
    assert.ok(answer?.t === "reject" && answer.code === "REPLACED", JSON.stringify(answer));
    assert.equal((await latter.ask({ ...REPORT, advertise: A }))?.t, "ok");
    await leavesNothing(world, former, latter);
  });

  it("may have as many as its key, all of which are heard however short the lease", async () => {
    const interval = 1_000;
    const world = await World.start({ panicOf: () => false, hostTimeout: 3 * interval });
    const ports = Array.from({ length: 200 }, (_, index) => 9_000 + index);
    for (const port of ports) await world.target(A, port);
    const raw = await world.raw(A);
    const answers = { ok: 0, reject: 0, goodbye: 0 };
    const heard = (async () => {
      for (let body = await raw.hear(); body !== null; body = await raw.hear())
        answers[body.t as keyof typeof answers] += 1;
    })();
    const rounds = 8;
    for (let round = 0; round < rounds; round++) {
      const told = ports.map((port, ref) => raw.tell({ ...REPORT, ref, port }));
      await world.pass(interval, 100);
      await within("its reports to be taken", Promise.all(told));
    }
    await until("the answers", () => answers.ok + answers.reject + answers.goodbye === rounds * ports.length);
    assert.deepEqual(answers, { ok: rounds * ports.length, reject: 0, goodbye: 0 });
    assert.equal(world.pool.targets().filter(({ state }) => state === "up").length, ports.length);
    await leavesNothing(world, raw);
    await heard;
  });
});
