import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pool } from "../../src/pool/pool.ts";
import { settle, until } from "../support/wait.ts";
import { KEY, LEASE, leavesNothing, type RawReporter, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const ID_A = `default/${A}:8080`;

/** A reporter that registers its target and disconnects without leaving it; a `silent` target answers nobody from then on. */
async function registerAndVanish(world: World, silent = false): Promise<void> {
  const raw = await world.raw(A);
  await raw.ask(REPORT);
  await settle();
  if (silent) world.network.connectFault = (to) => (to.host === A ? "blackhole" : undefined);
  await raw.close();
  await until("the end of the session", () => world.server.sessions === 0);
}

describe("a lease", () => {
  it("takes the target down when no report comes, and up again when one does", async () => {
    const world = await World.start();
    const target = await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await world.pass(LEASE - 1);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await world.pass(1_001);
    assert.equal(world.pool.targets()[0]?.state, "down");
    assert.equal(await raw.hear(), null, "the silent session is closed");
    const again = await world.raw(A);
    await again.ask(REPORT);
    assert.equal(world.pool.targets()[0]?.state, "up");
    assert.deepEqual(world.story, [`targetUp ${ID_A}`, `targetDown ${ID_A} lease-expired`, `targetUp ${ID_A}`]);
    await leavesNothing(world, again, target);
  });

  it("longer than an hour is kept to its end (old code took it modulo an hour), and a dead target never comes back by itself", async () => {
    const world = await World.start({ hostTimeout: 90 * 60_000 });
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await world.pass(89 * 60_000, 60_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await world.pass(2 * 60_000);
    assert.equal(world.pool.targets()[0]?.state, "down");
    await world.pass(3 * 3_600_000, 60_000);
    assert.equal(world.pool.targets()[0]?.state, "down");
    await leavesNothing(world);
  });

  it("that ended makes room in a full pool, the first that came; a target with a reporter does not", async () => {
    const pool = Pool.create({
      name: "default",
      algorithm: "leastconn",
      persistent: null,
      concurrency: -1,
      queue: 0,
      maxTargets: 2,
    });
    const world = await World.start({ pools: new Map([["default", pool]]) });
    const names = () => pool.targets().map(({ identity }) => identity);
    for (const id of ["first", "second"]) {
      const raw = await world.raw(A);
      assert.equal((await raw.ask({ ...REPORT, id }))?.t, "ok");
      await raw.close();
      await settle();
    }
    await world.pass(LEASE + 2_000);
    const [third, fourth, fifth] = [await world.raw(A), await world.raw(A), await world.raw(A)];
    assert.equal((await third.ask({ ...REPORT, id: "third" }))?.t, "ok");
    assert.deepEqual(names(), ["default/second", "default/third"]);
    assert.equal((await fourth.ask({ ...REPORT, id: "fourth", health: "down" }))?.t, "ok");
    const refused = await fifth.ask({ ...REPORT, id: "fifth" });
    assert.ok(refused?.t === "reject" && refused.code === "POOL_FULL");
    assert.deepEqual(names().sort(), ["default/fourth", "default/third"]);
    await leavesNothing(world, third, fourth, fifth);
  });

  it("that ended long ago is forgotten with its row", async () => {
    const world = await World.start();
    await registerAndVanish(world);
    await world.pass(LEASE + 3_605_000, 5_000);
    assert.deepEqual(world.pool.targets(), []);
    assert.equal(world.story.at(-1), `targetLeave ${ID_A} forgotten`);
    assert.equal(world.clock.pending, 0, "no targets, no timer");
    await leavesNothing(world);
  });
});

describe("a session that ends without a leave", () => {
  it("takes the target down at once when it refuses the probe", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    raw.channel.connection.abort();
    await until("the target to be down", () => world.pool.targets()[0]?.state === "down");
    assert.equal(world.clock.now(), 0);
    assert.equal(world.story.at(-1), `targetDown ${ID_A} refused`);
    await leavesNothing(world);
  });

  it("takes it down a moment later when it still accepted the first probe and then stopped", async () => {
    const world = await World.start();
    const target = await world.target(A);
    await registerAndVanish(world);
    await target.close();
    await world.pass(2_000);
    await until("the target to be down", () => world.pool.targets()[0]?.state === "down");
    assert.equal(world.story.at(-1), `targetDown ${ID_A} refused`);
    await leavesNothing(world);
  });

  it("leaves a target that accepts up until its lease is over", async () => {
    const world = await World.start();
    const target = await world.target(A);
    await registerAndVanish(world);
    await world.pass(LEASE - 1);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await world.pass(1_001);
    assert.equal(world.pool.targets()[0]?.state, "down");
    await leavesNothing(world, target);
  });

  it("is told of at once, with the time that the report counts for: once a minute, and not where either side has said so", async () => {
    const world = await World.start();
    const target = await world.target(A);
    const lost = () => world.story.filter((line) => line.startsWith("reporterLost"));
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await world.pass(20_000);
    raw.channel.connection.abort();
    await until("the loss to be told", () => lost().length > 0);
    assert.deepEqual(lost(), [`reporterLost ${ID_A} ${LEASE - 20_000}`]);
    await registerAndVanish(world);
    await world.pass(50_000);
    assert.equal(lost().length, 1, "it flaps");
    await world.pass(20_000);
    await registerAndVanish(world);
    assert.equal(lost().length, 2);
    await world.pass(LEASE + 10_000);

    const leaves = await world.raw(A);
    await leaves.ask(REPORT);
    await leaves.ask({ t: "leave" });
    await leaves.close();
    const silent = await world.raw(A);
    await silent.ask(REPORT);
    await world.pass(LEASE + 10_000); // the balancer ends it with the lease
    const stays = await world.raw(A);
    await stays.ask(REPORT);
    await leavesNothing(world, target);
    assert.equal(lost().length, 2);
  });

  it("makes a target that does not answer at all a suspect", async () => {
    const world = await World.start();
    await world.target(A);
    await registerAndVanish(world, true);
    await world.pass(2_000);
    assert.equal(world.pool.targets()[0]?.state, "suspect");
    await leavesNothing(world);
  });

  it("is probed once at a time", async () => {
    const world = await World.start();
    const target = await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await until("the target to be up", () => world.pool.targets()[0]?.state === "up");
    let probes = 0;
    world.network.connectFault = (to) => {
      if (to.host !== A) return undefined;
      probes += 1;
      return "blackhole";
    };
    await raw.close();
    await until("the first probe", () => probes === 1);
    await world.pass(1_900, 100);
    assert.equal(probes, 1, "it may take two seconds, and the looks are a second apart");
    await leavesNothing(world, target);
  });

  it("does not spoil the target that has moved meanwhile: the late probe was of the former address", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B)] as const;
    const report = { ...REPORT, id: "one" };
    const isUp = () => world.pool.targets()[0]?.state === "up";
    const first = await world.raw(A);
    await first.ask(report);
    await until("the target to be up", isUp);
    let probed = false;
    world.network.connectFault = (to) => {
      if (to.host !== A) return undefined;
      probed = true;
      return "blackhole";
    };
    await first.close();
    await until("the probe of the former address", () => probed);
    const second = await world.raw(B);
    await second.ask(report);
    await until("the target to be up again", isUp);
    await second.close(); // so that probes of this target count
    await until("the end of the session", () => world.server.sessions === 0);
    await world.pass(2_000, 2_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, ...servers);
  });

  it("no longer matters once the reporter is back", async () => {
    const world = await World.start();
    await world.target(A);
    await registerAndVanish(world, true);
    const again = await world.raw(A);
    await again.ask(REPORT);
    await world.pass(3_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, again);
  });
});

describe("a suspect", () => {
  it("is probed, and taken back when it answers", async () => {
    const world = await World.start();
    const before = await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    const client = Uint32Array.of(0, 0, 0xffff, 1);
    const row = world.pool.pick(client, [], 0);
    world.pool.failed(row, client, 0);
    assert.equal(world.pool.targets()[0]?.state, "suspect");
    await before.close();
    await world.pass(4_000);
    assert.equal(world.pool.targets()[0]?.state, "suspect", "nothing listens there");
    await raw.ask(REPORT);
    assert.equal(world.pool.targets()[0]?.state, "suspect", "a report alone does not lift it");
    const target = await world.target(A);
    await world.pass(11_000);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, target, raw);
  });
});

describe("targets whose reporters are gone", () => {
  /** When a probe began, from now on. They go on accepting, which alone keeps them from being down. */
  function probesOf(world: World, fault?: "EMFILE"): number[] {
    const probes: number[] = [];
    world.network.connectFault = ({ host }) => {
      if (host !== A) return undefined;
      probes.push(world.clock.now());
      return fault;
    };
    return probes;
  }

  async function abandoned(world: World, count: number): Promise<void> {
    // All at once: of those that come one after the other, the later ones wait for what the earlier ones have said.
    const all: RawReporter[] = [];
    for (let id = 0; id < count; id++) {
      const raw = await world.raw(A);
      await raw.ask({ ...REPORT, id: `id-${id}` });
      all.push(raw);
    }
    for (const raw of all) await raw.close();
    await until("the end of the sessions", () => world.server.sessions === 0);
  }

  for (const isRevoked of [false, true]) {
    it(`cost one connection each when that is noticed, and then few${isRevoked ? ", also once their key is revoked" : ""}`, async () => {
      const keys = [KEY];
      const world = await World.start({}, keys);
      const target = await world.target(A);
      await abandoned(world, 60);
      if (isRevoked) keys.length = 0;
      const probes = probesOf(world);
      await world.pass(LEASE - 1_000);
      assert.deepEqual(
        probes,
        Array.from({ length: (LEASE - 1_000) / 2_000 + 0.5 }, (_, n) => 1_000 + 2_000 * n),
      );
      await leavesNothing(world, target);
    });
  }

  it("are down within a second each, if they refuse, however many are at one address", async () => {
    const world = await World.start();
    const target = await world.target(A);
    await abandoned(world, 60);
    await target.close();
    const probes = probesOf(world);
    await world.pass(1_000);
    assert.ok(world.pool.targets().every(({ state }) => state === "down"));
    assert.equal(probes.length, 1);
    await leavesNothing(world);
  });

  it("are not held to blame when the balancer has run out of descriptors", async () => {
    const world = await World.start();
    const target = await world.target(A);
    await abandoned(world, 1);
    const probes = probesOf(world, "EMFILE");
    await world.pass(LEASE - 1_000);
    assert.ok(probes.length > 0);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, target);
  });
});
