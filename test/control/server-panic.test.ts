/** All reporters of a pool fall silent at once, as behind a firewall that has changed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { settle } from "../support/wait.ts";
import { LEASE, leavesNothing, type RawReporter, REPORT, SECRET, World } from "./harness.ts";

const [A, B, C, D] = ["10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10"] as const;
/** ms between the reports of different targets, and so between the ends of their leases. */
const APART = 5_000;
const id = (host: string) => `default/${host}:8080`;

after(removeFolders);

/** Who is served, by host. */
function served(world: World): string[] {
  const takesLoad = world.pool.targets().filter(({ state }) => state === "up");
  return takesLoad.map(({ address }) => ("host" in address ? address.host : "")).sort();
}

/** Each reports once, one after the other, and is not heard again. */
async function reportOnce(world: World, ...hosts: readonly string[]): Promise<Map<string, RawReporter>> {
  const raws = new Map<string, RawReporter>();
  for (const host of hosts) {
    const raw = await world.raw(host);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    raws.set(host, raw);
    await world.pass(APART);
  }
  return raws;
}

/** What was told of panics. */
function panics(world: World): string[] {
  return world.story.filter((line) => line.startsWith("panic"));
}

describe("reporters that are all lost", () => {
  it("leave their targets served, those that accept; the first that is back ends it for all", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B), await world.target(C)];
    await reportOnce(world, A, B, C);
    await servers[2]!.close();
    await world.pass(LEASE - 3 * APART + 1_000);
    assert.deepEqual(served(world), [B, C], "one that is silent among others is out");
    await world.pass(2 * APART);
    assert.deepEqual(served(world), [A, B]);
    assert.deepEqual(panics(world), ["panicStart default 2/3"]);
    assert.deepEqual(
      world.pool.targets().map(({ state, panic, weight }) => `${state} ${panic} ${weight}`),
      ["up true 500", "up true 500", "down false 500"],
    );
    const { changes } = world;
    servers[2] = await world.target(C);
    await world.pass(11_000);
    assert.deepEqual(served(world), [A, B, C], "one that accepts again is served again");
    assert.ok(world.changes > changes, "waiting connections hear of it");
    assert.deepEqual(
      world.story.filter((line) => /Suspect|Recovered/.test(line)).map((line) => line.split(" ").slice(0, 2)),
      [["targetRecovered", id(C)]],
      "of those that accept from the beginning nothing more is told",
    );

    const back = await world.raw(B);
    await back.ask({ ...REPORT, weight: 7 });
    assert.deepEqual(served(world), [B]);
    assert.equal(world.pool.panic, false);
    assert.equal(panics(world).length, 2);
    assert.equal(Number(/panicEnd default (\d+)/.exec(panics(world)[1]!)![1]), 11_000 + 1_000);
    await world.pass(3_000);
    assert.deepEqual(served(world), [B]);
    await leavesNothing(world, back, ...servers);
  });

  it("leave out those that said so: down, drained, gone", async () => {
    const world = await World.start();
    const hosts = [A, B, C, D, "10.0.0.11"];
    const servers = await Promise.all(hosts.map((host) => world.target(host)));
    const raws = await reportOnce(world, ...hosts);
    await raws.get(A)!.ask({ ...REPORT, health: "down" });
    await raws.get(B)!.ask({ ...REPORT, drain: true });
    await raws.get(C)!.ask({ t: "leave" });
    await world.pass(LEASE + 2_000);
    assert.deepEqual(panics(world), ["panicStart default 2/2"]);
    assert.deepEqual(served(world), [D, "10.0.0.11"].sort());
    await leavesNothing(world, ...servers);
  });

  it("are not all lost while one says that its target is down or drains", async () => {
    for (const said of [{ health: "down" }, { drain: true }]) {
      const world = await World.start();
      const servers = [await world.target(A), await world.target(B), await world.target(C)];
      const raws = await reportOnce(world, A, B, C);
      for (let minutes = 0; minutes < 3; minutes++) {
        await raws.get(C)!.ask({ ...REPORT, ...said });
        await world.pass(LEASE - 1_000);
      }
      assert.deepEqual([panics(world), served(world)], [[], []]);
      await world.pass(LEASE);
      assert.deepEqual([panics(world), served(world)], [[], []], "A and B had fallen silent long before C");
      await leavesNothing(world, ...servers);
    }
  });

  it("are not all lost where one has left in good order since the others fell silent", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B), await world.target(C)];
    const raws = await reportOnce(world, A, B, C);
    await world.pass(LEASE - 2 * APART + 1_000);
    assert.deepEqual(served(world), [C]);
    await raws.get(C)!.ask({ t: "leave" });
    await world.pass(LEASE + 1_000);
    assert.deepEqual([panics(world), served(world)], [[], []]);
    await leavesNothing(world, ...servers);
  });

  it("are no panic where there was one: it may have died with its server", async () => {
    const world = await World.start();
    const server = await world.target(A);
    await reportOnce(world, A);
    await world.pass(LEASE + 5_000);
    assert.deepEqual([panics(world), served(world)], [[], []]);
    await leavesNothing(world, server);
  });

  it("are no panic with --panic off", async () => {
    const world = await World.start({ panicOf: () => false });
    const servers = [await world.target(A), await world.target(B)];
    await reportOnce(world, A, B);
    await world.pass(LEASE + 5_000);
    assert.deepEqual([panics(world), served(world)], [[], []]);
    await leavesNothing(world, ...servers);
  });

  it("keep their targets for as long as it takes; those that are not heard afterwards are forgotten as always", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B)];
    await reportOnce(world, A, B);
    await world.pass(LEASE);
    await world.pass(26 * 3_600_000, 60_000);
    assert.deepEqual(served(world), [A, B]);
    const back = await world.raw(A);
    for (let minutes = 0; minutes < 66; minutes++) {
      await back.ask(REPORT);
      await world.pass(LEASE - 5_000, 5_000);
    }
    assert.deepEqual(served(world), [A]);
    assert.ok(world.story.includes(`targetLeave ${id(B)} forgotten`));
    await leavesNothing(world, back, ...servers);
  });

  it("of which one gets through for a moment are in panic again a lease later", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B)];
    await reportOnce(world, A, B);
    await world.pass(LEASE);
    const moment = await world.raw(A);
    await moment.ask(REPORT);
    await settle();
    assert.deepEqual(served(world), [A]);
    await world.pass(LEASE + 1_000);
    assert.deepEqual(served(world), [A, B]);
    assert.deepEqual(
      panics(world).map((line) => line.split(" ")[0]),
      ["panicStart", "panicEnd", "panicStart"],
    );
    await leavesNothing(world, moment, ...servers);
  });

  it("take a client's failure for the target's end until it accepts again, and tell of both", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B)];
    await reportOnce(world, A, B);
    await world.pass(LEASE);
    assert.deepEqual(served(world), [A, B]);
    await servers[0]!.close();
    const client = Uint32Array.of(0, 0, 0xffff, 1);
    const tried: number[] = [];
    for (let row = world.pool.pick(client, tried, 0); row >= 0; row = world.pool.pick(client, tried, 0)) {
      if (world.pool.identity(row) === id(A)) world.pool.failed(row, client, 0, "ECONNREFUSED");
      else world.pool.release(row, client, 0, 0, 0);
      tried.push(row);
    }
    assert.equal(world.pool.view(id(A))?.state, "suspect");
    assert.equal(world.pool.view(id(A))?.panic, true);
    const { changes } = world;
    await world.pass(3_000);
    assert.ok(world.changes > changes, "waiting connections hear of it");
    assert.equal(world.pool.view(id(A))?.state, "down");
    const told = () => world.story.filter((line) => /Suspect|Recovered/.test(line));
    assert.deepEqual(told(), [`targetSuspect ${id(A)} ECONNREFUSED`]);
    servers[0] = await world.target(A);
    await world.pass(11_000);
    assert.deepEqual(served(world), [A, B]);
    assert.equal(told().length, 2);
    assert.match(told()[1]!, new RegExp(`^targetRecovered ${id(A)} \\d+$`));
    await leavesNothing(world, ...servers);
  });

  it("tell of the end only after the beginning, also where nobody has answered yet", async () => {
    const world = await World.start();
    const servers = [await world.target(A), await world.target(B)];
    await reportOnce(world, A, B);
    world.network.connectFault = (to) => (to.host === A || to.host === B ? "blackhole" : undefined);
    while (!world.pool.panic) await world.pass(500, 500);
    assert.deepEqual(panics(world), []);
    const back = await world.raw(A);
    await back.ask(REPORT);
    assert.deepEqual(
      panics(world).map((line) => line.replace(/ \d+$/, "")),
      ["panicStart default 0/2", "panicEnd default"],
    );
    await leavesNothing(world, back, ...servers);
  });

  it("whose key was taken away are not served on", async () => {
    const file = join(temporaryFolder("panic-keys"), "keys");
    const write = (...ids: string[]) =>
      writeFileSync(file, ids.map((each) => `${each}:${SECRET}\n`).join(""), { mode: 0o600 });
    write("web", "one", "two");
    const world = await World.start({ keys: new Keys([], file, hostEnvironment()) });
    const servers = await Promise.all([A, B, C, D].map((host) => world.target(host)));
    for (const [host, key] of [
      [A, "web"],
      [B, "web"],
      [C, "one"],
      [D, "two"],
    ] as const) {
      await (await world.raw(host, `${key}:${SECRET}`)).ask(REPORT);
    }
    await settle();
    write("web", "two");
    await world.pass(LEASE + 2_000);
    assert.deepEqual(served(world), [D, A, B].sort());
    assert.deepEqual(panics(world), ["panicStart default 3/3"]);
    write("web");
    await world.pass(2_000);
    assert.deepEqual(served(world), [A, B]);
    await leavesNothing(world, ...servers);
  });
});
