/** What holders of one key can take up on the wire: targets and sessions. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import { until } from "../support/wait.ts";
import { leavesNothing, type RawReporter, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const GREEDY = `greedy:${SECRET}`;
const MODEST = `modest:${SECRET}`;

function worldOf(greedyLimits: string, maxSessions = 100, maxTargets = 1_024): Promise<World> {
  const keys = [`${GREEDY} ${greedyLimits}`, MODEST].map((line) => parseKeyLine(line, "test"));
  return World.start({ maxSessions: () => maxSessions, maxTargets: () => maxTargets }, keys);
}

async function sessions(world: World, count: number, key: string): Promise<RawReporter[]> {
  const raws: RawReporter[] = [];
  for (let each = 0; each < count; each++) {
    const raw = await world.raw(A, key);
    await raw.ask({ t: "leave" });
    raws.push(raw);
  }
  await until("the sessions", () => world.server.sessions >= Math.min(count, 4));
  return raws;
}

/** A session counts from its first message on. */
async function present(world: World, from: string, key: string): Promise<RawReporter> {
  const raw = await world.raw(from, key);
  await raw.tell({ t: "leave" });
  return raw;
}

async function farewell(raw: RawReporter): Promise<string> {
  let last = await raw.hear();
  if (last?.t === "ok") last = await raw.hear(); // to its first message
  assert.ok(last?.t === "goodbye" || last?.t === "reject", JSON.stringify(last));
  return last.code;
}

describe("a key that takes all it can get", () => {
  it("has its targets, and no more, however many sessions it uses up for them", async () => {
    const world = await worldOf("", 100, 8);
    const codes: string[] = [];
    for (let count = 0; count < 8; count++) {
      const raw = await world.raw(A, GREEDY);
      const answer = await raw.ask({ ...REPORT, id: `id-${count}` });
      codes.push(answer?.t === "reject" ? answer.code : "ok");
      await raw.close();
    }
    assert.deepEqual(codes, ["ok", "ok", "ok", "ok", "QUOTA", "QUOTA", "QUOTA", "QUOTA"]);
    const other = await world.raw(B, MODEST);
    assert.equal((await other.ask(REPORT))?.t, "ok");
    assert.match(world.story.join(), /rejected QUOTA/);
    await leavesNothing(world, other);
  });

  it("has its sessions: the oldest of its own that speaks for no target ends for a new one", async () => {
    const world = await worldOf("sessions=4");
    const other = await present(world, B, MODEST);
    assert.equal((await other.hear())?.t, "ok");
    const [first, second, ...rest] = await sessions(world, 4, GREEDY);
    assert.equal((await first!.ask(REPORT))?.t, "ok");
    const fifth = await present(world, A, GREEDY);
    assert.equal(await farewell(second!), "QUOTA");
    assert.equal((await other.ask(REPORT))?.t, "ok", "nothing has happened to it");
    assert.equal((await first!.ask(REPORT))?.t, "ok");
    await leavesNothing(world, other, first!, second!, ...rest, fifth);
  });

  it("is refused another session where each of its own speaks for a target", async () => {
    const world = await worldOf("sessions=2");
    const own = await sessions(world, 2, GREEDY);
    for (const [index, raw] of own.entries()) await raw.ask({ ...REPORT, id: `id-${index}` });
    const third = await present(world, A, GREEDY);
    assert.equal(await farewell(third), "QUOTA");
    const other = await world.raw(B, MODEST);
    assert.equal((await other.ask(REPORT))?.t, "ok");
    await leavesNothing(world, ...own, third, other);
  });

  it("loses its own sessions that say nothing after their hello, and not another's that has yet to say something", async () => {
    const world = await worldOf("", 4);
    const other = await world.raw(B, MODEST);
    const silent: RawReporter[] = [];
    for (let count = 0; count < 8; count++) silent.push(await world.raw(A, GREEDY));
    assert.equal((await other.ask(REPORT))?.t, "ok");
    assert.equal(await silent[0]!.hear(), null);
    await silent[7]!.tell({ t: "leave" });
    assert.equal((await silent[7]!.hear())?.t, "ok");
    await leavesNothing(world, other, ...silent);
  });

  it("loses none that has yet to say something to hellos of the same key from another address", async () => {
    const world = await worldOf("sessions=2");
    const honest = await world.raw(B, GREEDY);
    const crowd: RawReporter[] = [];
    for (let count = 0; count < 5; count++) crowd.push(await world.raw(A, GREEDY));
    assert.equal((await honest.ask(REPORT))?.t, "ok");
    await leavesNothing(world, honest, ...crowd);
  });

  it("gives way where all places are taken, though another's session is older and speaks for no target yet", async () => {
    const world = await worldOf("", 4);
    const other = await present(world, B, MODEST);
    const own = await sessions(world, 3, GREEDY);
    const newcomer = await present(world, B, MODEST);
    assert.equal(await farewell(own[0]!), "BUSY");
    assert.equal((await other.ask(REPORT))?.t, "ok");
    assert.equal((await newcomer.ask({ ...REPORT, id: "new" }))?.t, "ok");
    await leavesNothing(world, other, ...own, newcomer);
  });
});
