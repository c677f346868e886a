/** What becomes of the targets of a reporter that has fallen silent though its connection is there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MISSED } from "../../src/control/server/heartbeats.ts";
import { client, pickName } from "../pool/helpers.ts";
import { settle } from "../support/wait.ts";
import { LEASE, leavesNothing, type RawReporter, REPORT, World } from "./harness.ts";

const INTERVAL = 1_000;
const [A, B, C] = ["10.0.0.7", "10.0.0.8", "10.0.0.9"] as const;
const idOf = (host: string) => `default/${host}:8080`;
/** Until it is noticed: two rounds, and a look. */
const NOTICED_MS = 2 * MISSED * INTERVAL + INTERVAL / 8;

/** Three targets with a reporter each, all of which have sent a heartbeat. */
async function threeTargets(): Promise<{ world: World; raw: Map<string, RawReporter> }> {
  const world = await World.start({ heartbeat: INTERVAL });
  const raw = new Map<string, RawReporter>();
  for (const host of [A, B, C]) {
    await world.target(host);
    const each = await world.raw(host);
    await each.ask(REPORT);
    raw.set(host, each);
  }
  await settle();
  await beat(raw, A, B, C);
  return { world, raw };
}

async function beat(raw: Map<string, RawReporter>, ...hosts: string[]): Promise<void> {
  for (const host of hosts) await raw.get(host)!.channel.send("");
  await settle();
}

/** Time passes, in which those hosts send their heartbeats. */
async function pass(world: World, raw: Map<string, RawReporter>, ms: number, ...beating: string[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 125) {
    await world.pass(125, 125);
    if (passed % 1_000 === 0) await beat(raw, ...beating);
  }
}

const states = (world: World) => world.pool.targets().map(({ state }) => state);

describe("a reporter that is silent", () => {
  it("makes its target suspect, with the reason, until its next line", async () => {
    const { world, raw } = await threeTargets();
    await pass(world, raw, NOTICED_MS - 250, B, C);
    assert.deepEqual(states(world), ["up", "up", "up"]);
    await pass(world, raw, 375, B, C);
    assert.deepEqual(states(world), ["suspect", "up", "up"]);
    assert.match(world.server.registry.standingOf(idOf(A))!.reason, /its reporter is silent/);
    await pass(world, raw, 5_000, B, C);
    assert.deepEqual(states(world), ["suspect", "up", "up"], "that it can be connected to is no reason");
    assert.ok(world.story.includes(`targetSuspect ${idOf(A)} silent-reporter`));
    await beat(raw, A);
    assert.deepEqual(states(world), ["up", "up", "up"]);
    await pass(world, raw, 1_500, A, B, C);
    assert.ok(world.story.some((line) => line.startsWith(`targetRecovered ${idOf(A)}`)));
    await leavesNothing(world, ...raw.values());
  });

  it("costs its target nothing while that sends its clients anything, and lifts it where that begins again", async () => {
    const { world, raw } = await threeTargets();
    const row = world.pool.targets().findIndex(({ identity }) => identity === idOf(A));
    const answers = () => world.pool.addBytes(row, 0, 10);
    for (let passed = 0; passed < 4 * NOTICED_MS; passed += 250) {
      answers();
      await pass(world, raw, 250, B, C);
    }
    assert.deepEqual(states(world), ["up", "up", "up"]);
    await pass(world, raw, 2 * NOTICED_MS, B, C);
    assert.deepEqual(states(world), ["suspect", "up", "up"]);
    answers();
    await pass(world, raw, NOTICED_MS, B, C);
    assert.equal(world.story.filter((line) => line.startsWith(`targetRecovered ${idOf(A)}`)).length, 1);
    await leavesNothing(world, ...raw.values());
  });

  it("is one of several: no more targets are out than the pool's share, whoever is silent", async () => {
    const { world, raw } = await threeTargets();
    await pass(world, raw, 4 * NOTICED_MS);
    assert.deepEqual(states(world).filter((state) => state === "suspect").length, 1);
    await leavesNothing(world, ...raw.values());
  });

  it("is the business of its session: one that comes anew has its target up with the first report", async () => {
    const { world, raw } = await threeTargets();
    await pass(world, raw, 2 * NOTICED_MS, B, C);
    assert.deepEqual(states(world), ["suspect", "up", "up"]);
    const again = await world.raw(A);
    await again.ask(REPORT);
    await settle();
    assert.deepEqual(states(world), ["up", "up", "up"]);
    await leavesNothing(world, again, ...raw.values());
  });

  it("has its lease still: its target is down when that is over", async () => {
    const { world, raw } = await threeTargets();
    await pass(world, raw, 2 * NOTICED_MS, B, C);
    for (let second = 0; second < LEASE / 1_000; second += 10) {
      for (const host of [B, C]) await raw.get(host)!.ask(REPORT);
      await pass(world, raw, 10_000, B, C);
    }
    assert.deepEqual(states(world), ["down", "up", "up"]);
    await leavesNothing(world, ...raw.values());
  });
});

/** The targets of one pick a second, sorted, while A's reporter is silent. */
async function picked(world: World, raw: Map<string, RawReporter>): Promise<string[]> {
  const picks = new Set<string>();
  for (let n = 0; n < 20; n += 1) {
    world.pool.observe({ tell: () => undefined }, world.clock.now()); // which has another one that is out tried now and then
    picks.add(String(pickName(world.pool, client(n), [], world.clock.now())));
    await pass(world, raw, 1_000, B, C);
  }
  return [...picks].sort();
}

describe("a client's pick", () => {
  it("leaves out the target of a silent reporter, for as long as there is another", async () => {
    const { world, raw } = await threeTargets();
    await pass(world, raw, 2 * NOTICED_MS, B, C);
    assert.deepEqual(await picked(world, raw), [idOf(B), idOf(C)]);
    await leavesNothing(world, ...raw.values());
  });

  it("leaves it out, too, where the target was seen to answer nobody before its reporter was silent", async () => {
    const { world, raw } = await threeTargets();
    world.pool.setState(idOf(A), "suspect", "silent");
    await pass(world, raw, NOTICED_MS - 1_000, B, C);
    assert.ok(world.story.includes(`targetSuspect ${idOf(A)} silent`));
    await pass(world, raw, NOTICED_MS, B, C);
    assert.deepEqual(await picked(world, raw), [idOf(B), idOf(C)]);
    assert.ok(world.story.includes(`targetSuspect ${idOf(A)} silent-reporter`));
    await beat(raw, A);
    assert.deepEqual(states(world), ["up", "up", "up"], "its machine is back, and nobody had to try it");
    await leavesNothing(world, ...raw.values());
  });
});

describe("a reporter that sends heartbeats without end", () => {
  it("holds up nobody: the balancer stops in time, and its session ends with the lease", async () => {
    for (const end of ["stop", "lease"] as const) {
      const world = await World.start({ heartbeat: INTERVAL });
      const raw = await world.raw(A);
      await raw.ask(REPORT);
      raw.channel.connection.write(Buffer.alloc(60_000, "\n")).catch(() => undefined);
      await settle();
      if (end === "lease") {
        await world.pass(LEASE + 3_000);
        assert.equal(world.server.sessions, 0);
      }
      let isClosed = false;
      void world.server.close().then(() => {
        isClosed = true;
      });
      await world.pass(1_500, 100);
      assert.ok(isClosed, end);
      await raw.close();
    }
  });
});
