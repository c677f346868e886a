/** A reporter that announces several targets over one session. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ControlClientOptions } from "../../src/control/client/client.ts";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import type { Connection, Runtime } from "../../src/net/runtime.ts";
import { settle, until } from "../support/wait.ts";
import { FakeServices } from "./fake-services.ts";
import { ADVERTISER, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const { t: _, ...TARGET } = REPORT;
const at = (port: number) => ({ ...TARGET, port });
const THREE = [at(8080), at(8081), at(8082)];

const states = (world: World) => world.pool.targets().map(({ identity, state }) => `${identity} ${state}`);
const name = (port: number) => `default/${A}:${port}`;

/** A balancer, and a reporter of these targets, which all accept connections. */
async function world(options: Partial<ControlClientOptions> = {}, words = "") {
  const world = await World.start({}, [parseKeyLine(`web:${SECRET} ${words}`, "test")]);
  const targets = options.targets ?? THREE;
  for (const { port } of targets) await world.target(A, port);
  const { client, events } = world.reporter(A, { targets, ...options });
  /** As `event what ref`. */
  const story = () =>
    events.map(([event, about, ref]) => {
      const what = typeof about === "object" && "code" in about ? about.code : typeof about === "object" ? "" : about;
      return `${event} ${what} ${ref ?? ""}`.trim().replace(/ +/g, " ");
    });
  client.start();
  return { world, client, events, story };
}

describe("a reporter of several targets", () => {
  it("has all of them registered over one session, and says which", async () => {
    const { world: w, client, story } = await world();
    await until("three targets", () => story().length === 4);
    await w.pass(60_000);
    assert.deepEqual(
      states(w),
      [8080, 8081, 8082].map((port) => `${name(port)} up`),
    );
    assert.deepEqual(story(), [
      "connected",
      ...[8080, 8081, 8082].map((port, ref) => `registered ${name(port)} ${ref}`),
    ]);
    assert.equal(w.server.sessions, 1);
    await leavesNothing(w, client);
  });

  it("reports what is seen of each at that moment, and a change at once", async () => {
    const seen: ("up" | "down")[] = ["up", "up", "up"];
    const reason = (ref: number) => (seen[ref] === "down" ? { reason: `check ${ref} fails` } : {});
    const { world: w, client } = await world({ seen: (ref) => ({ health: seen[ref]!, ...reason(ref) }) });
    await until("three targets", () => w.pool.targets().length === 3);
    await settle();
    seen[1] = "down";
    client.look(1);
    await settle();
    assert.deepEqual(states(w), [`${name(8080)} up`, `${name(8081)} down`, `${name(8082)} up`]);
    assert.match(w.server.registry.standingOf(name(8081))!.reason, /check 1 fails/);
    seen[2] = "down"; // nobody says so: the next report has it all the same
    await w.pass(20_000);
    assert.equal(w.pool.view(name(8082))?.state, "down");
    await leavesNothing(w, client);
  });

  it("loses one that is refused for good, and no other; asks again later, in the same session", async () => {
    const keys = [parseKeyLine(`web:${SECRET} port=8080-8081`, "test")];
    const w = await World.start({}, keys);
    for (const { port } of THREE) await w.target(A, port);
    const { client, events } = w.reporter(A, { targets: THREE });
    client.start();
    await w.pass(20_000);
    assert.deepEqual(states(w), [`${name(8080)} up`, `${name(8081)} up`]);
    const refused = events.filter(([event]) => event === "rejected");
    assert.deepEqual(
      refused.map(([, , ref]) => ref),
      [2],
      "told once",
    );
    keys[0] = parseKeyLine(`web:${SECRET}`, "test");
    await w.pass(8_000); // the next time it asks, long before the others report again
    assert.deepEqual(states(w).at(-1), `${name(8082)} up`);
    assert.equal(events.filter(([event]) => event === "connected").length, 1);
    await leavesNothing(w, client);
  });

  it("yields one that another reporter announces, and serves the others on", async () => {
    const { world: w, client, story } = await world();
    await until("three targets", () => story().length === 4);
    const rival = await w.raw(A);
    await rival.ask({ ...at(8081), t: "report", instance: "rival" });
    await w.pass(40_000);
    assert.deepEqual(story().slice(4), ["rejected REPLACED 1"]);
    assert.equal(states(w).length, 3);
    await rival.ask({ t: "leave" });
    await rival.close();
    await w.pass(60_000);
    assert.deepEqual(story().slice(5), [`registered ${name(8081)} 1`]);
    await leavesNothing(w, client);
  });

  it("keeps no session in which nothing is to be said, and opens one when there is", async () => {
    const { world: w, client, story } = await world({}, "port=1");
    await w.pass(1_000, 100);
    assert.deepEqual(
      story().filter((each) => each !== "connected"),
      ["rejected FORBIDDEN 0", "rejected FORBIDDEN 1", "rejected FORBIDDEN 2"],
      "and nothing is lost",
    );
    assert.equal(w.server.sessions, 0);
    await w.pass(5_000);
    assert.equal(w.server.sessions, 0, "before the first of them is due");
    client.update({ port: 1 }, 1);
    await until("the target", () => states(w).length === 1);
    assert.deepEqual(story().slice(-2), ["connected", `registered default/${A}:1 1`]);
    await leavesNothing(w, client);
  });

  it("comes back with all of them after a loss, which it tells once", async () => {
    const opened: Connection[] = [];
    const w = await World.start();
    for (const { port } of THREE) await w.target(A, port);
    const network = w.network.from(A);
    const connect: Runtime["connect"] = async (options) => {
      opened.push(await network.connect(options));
      return opened.at(-1)!;
    };
    const { client, events } = w.reporter(A, { targets: THREE, runtime: { ...network, connect } });
    client.start();
    await until("three targets", () => events.length === 4);
    opened[0]!.abort();
    await w.pass(1_000, 100);
    assert.deepEqual(
      events.slice(4).map(([event]) => event),
      ["lost", "connected", "registered", "registered", "registered"],
    );
    await leavesNothing(w, client);
  });

  it("drains all of them, and counts their connections together", async () => {
    const { world: w, client, story } = await world();
    await until("three targets", () => story().length === 4);
    const client1 = Uint32Array.of(0, 0, 0xffff, 1);
    const rows = [w.pool.pick(client1, [], 0), w.pool.pick(client1, [], 0)];
    const drained = client.drain(1_000);
    await w.pass(1_000, 100);
    assert.equal(await drained, 2);
    assert.ok(states(w).every((state) => state.endsWith("draining")));
    for (const row of rows) w.pool.release(row, client1, 0, 0, 0);
    const again = client.drain(10_000);
    await w.pass(400, 100);
    assert.equal(await again, 0);
    await client.leave();
    assert.deepEqual(states(w), []);
    assert.equal(w.story.filter((each) => each.endsWith(" leave")).length, 3);
    await leavesNothing(w);
  });

  it("reports a change of one of them alone", async () => {
    const { world: w, client, story } = await world();
    await until("three targets", () => story().length === 4);
    const before = w.changes;
    client.update({ weight: 7 }, 1);
    await until("the change", () => w.pool.view(name(8081))?.weight === 7);
    await settle();
    assert.equal(w.changes - before, 1);
    await leavesNothing(w, client);
  });

  it("asks no more at a time than the balancer answers, so that many slow answers are none that is missing", async () => {
    const w = await World.start(
      { resolve: (host) => new Promise((resolve) => w.clock.after(1_000, () => resolve([host]))) },
      [ADVERTISER],
    );
    const targets = Array.from({ length: 96 }, (_, i) => ({ ...at(8000 + i), advertise: "10.9.9.9" }));
    const { client, events } = w.reporter(A, { targets });
    client.start();
    await w.pass(8_000);
    assert.equal(w.pool.targets().length, 96);
    assert.deepEqual(
      events.filter(([event]) => event === "lost"),
      [],
    );
    await leavesNothing(w, client);
  });
});

describe("a balancer that refuses one of a session's targets for good", () => {
  it("answers what it was asked of the others", async () => {
    let resolved: (hosts: string[]) => void = () => undefined;
    const resolve = () => new Promise<string[]>((done) => (resolved = done));
    const w = await World.start({ resolve }, [parseKeyLine(`web:${SECRET} port=8080 advertise=10.9.9.9`, "test")]);
    const raw = await w.raw(A);
    await raw.tell({ ...REPORT, ref: 0, advertise: "slow.example" });
    const refused = await raw.ask({ ...REPORT, ref: 1, port: 8081 });
    assert.ok(refused?.t === "reject" && refused.code === "FORBIDDEN");
    resolved(["10.9.9.9"]);
    assert.equal((await raw.hear())?.t, "ok");
    await leavesNothing(w, raw);
  });
});

describe("a reporter that asks for a port to be opened", () => {
  const BRINGS = { ...TARGET, listen: 5000 };

  it("says once that the balancer is older than that, and nothing where the port is open", async () => {
    for (const services of [null, new FakeServices([])]) {
      const key = parseKeyLine(`web:${SECRET} listen=5000`, "test");
      const w = await World.start({ services, ...(services && { pools: services.pools }) }, [key]);
      await w.target(A);
      const { client, events } = w.reporter(A, { targets: [BRINGS] });
      client.start();
      await w.pass(120_000);
      const told = events.map(([event, about]) => (event === "unopened" ? `${event} ${about}` : event));
      assert.deepEqual(told, ["connected", ...(services === null ? ["registered", "unopened 5000"] : ["registered"])]);
      await leavesNothing(w, client);
    }
  });
});

describe("a reporter whose target may sleep", () => {
  it("says once that the balancer is older than that, and nothing where it wakes", async () => {
    for (const isOld of [true, false]) {
      const w = await World.start({}, [parseKeyLine(`web:${SECRET}`, "test")]);
      const { registry } = w.server;
      const report = registry.report.bind(registry);
      registry.report = (...said) => {
        const { total, ...answer } = report(...said);
        return isOld || total === undefined ? answer : { ...answer, total };
      };
      const { client, events } = w.reporter(A, { targets: [{ ...TARGET, health: "down", asleep: true }] });
      client.start();
      await w.pass(120_000);
      const told = events.map(([event]) => event);
      assert.deepEqual(told, ["connected", "registered", ...(isOld ? ["unwakeable"] : [])]);
      await leavesNothing(w, client);
    }
  });
});
