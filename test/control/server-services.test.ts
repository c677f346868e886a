/** Reports that bring a service: what is asked of the balancer, when, and what its answers say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import { SERVICES_MS } from "../../src/control/server/services.ts";
import { deferred } from "../../src/util/deferred.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { settle } from "../support/wait.ts";
import { FakeServices, poolOf } from "./fake-services.ts";
import { BALANCER, LEASE, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const BRINGS = { ...REPORT, pool: "db", listen: 5000 };

/** A balancer whose key's line ends with these words. */
async function start(words: string, known: readonly string[] = ["default"]) {
  const services = new FakeServices(known.map(poolOf));
  const key = parseKeyLine(`web:${SECRET} ${words}`, "test");
  const world = await World.start({ services, pools: services.pools }, [key]);
  await world.target(A);
  await world.target(B);
  return { world, services };
}

describe("a report that asks for a port to be opened", () => {
  it("has its pool made, is taken in, and hears which port is open", async () => {
    const { world, services } = await start("listen=5000-5999");
    const raw = await world.raw(A);
    assert.deepEqual(await raw.ask(BRINGS), { t: "ok", target: `db/${A}:8080`, active: 0, listen: 5000 });
    await settle();
    assert.deepEqual(services.brought, ["db 5000"]);
    assert.deepEqual(
      services.pools
        .get("db")!
        .targets()
        .map(({ state }) => state),
      ["up"],
    );
    await leavesNothing(world, raw);
  });

  it("hears of no port where it asks for none, nor where services cannot be brought", async () => {
    const { world, services } = await start("listen=5000-5999");
    const raw = await world.raw(A);
    assert.deepEqual(await raw.ask(REPORT), { t: "ok", target: `default/${A}:8080`, active: 0 });
    assert.deepEqual(services.brought, []);
    await leavesNothing(world, raw);
    const without = await World.start({ services: null }, [parseKeyLine(`web:${SECRET} listen=5000`, "test")]);
    const other = await without.raw(A);
    assert.deepEqual(await other.ask({ ...BRINGS, pool: "default" }), {
      t: "ok",
      target: `default/${A}:8080`,
      active: 0,
    });
    await leavesNothing(without, other);
  });

  for (const [words, report, reason] of [
    ["", {}, /key "web" may not have port 5000 opened: its line .* needs listen=/],
    ["listen=5001-5999", {}, /key "web" may not have port 5000 opened, only 5001-5999/],
    ["listen=5000", { options: { algorithm: "random" } }, /may not declare the option "algorithm": .* in options=/],
    ["listen=5000 options=persistent", { options: { algorithm: "random" } }, /the option "algorithm"/],
    ["listen=5000 pool=web", {}, /may not register pool "db"/],
    ["listen=5000", { advertise: "192.168.1.1" }, /may not advertise/],
    ["listen=5000 advertise=192.168.0.0/16", { advertise: "10.1.1.1" }, /may not advertise 10.1.1.1/],
  ] as const) {
    it(`is refused by a key with ${JSON.stringify(words)} when it says ${JSON.stringify(report)}, and opens nothing`, async () => {
      const { world, services } = await start(words);
      const raw = await world.raw(A);
      const answer = await raw.ask({ ...BRINGS, ...report });
      assert.ok(answer?.t === "reject" && answer.code === "FORBIDDEN" && !answer.retry, JSON.stringify(answer));
      assert.match(answer.reason, reason);
      assert.deepEqual(services.brought, []);
      await leavesNothing(world, raw);
    });
  }

  it("opens nothing either where the balancer could not connect to the target", async () => {
    const { world, services } = await start("listen=5000 advertise=0.0.0.0/0");
    const raw = await world.raw(A);
    const answer = await raw.ask({ ...BRINGS, advertise: "169.254.169.254" });
    assert.ok(answer?.t === "reject" && answer.code === "BAD_ADDRESS");
    assert.deepEqual(services.brought, []);
    await leavesNothing(world, raw);
  });

  it("may declare the options that its key names", async () => {
    const { world, services } = await start("listen=5000 options=algorithm,persistent");
    const raw = await world.raw(A);
    const options = { algorithm: "random", persistent: "off" };
    assert.equal((await raw.ask({ ...BRINGS, options }))?.t, "ok");
    await world.pass(SERVICES_MS);
    assert.deepEqual(services.asking, [{ target: `db/${A}:8080`, pool: "db", listen: 5000, options }]);
    await leavesNothing(world, raw);
  });

  it("is refused with the reason for which the port cannot be opened", async () => {
    const { world, services } = await start("listen=5000");
    services.fault = new HarmonyError("LISTEN_TAKEN", "port 5000 is the pool web's", { fault: "target", retry: true });
    const raw = await world.raw(A);
    assert.deepEqual(await raw.ask(BRINGS), {
      t: "reject",
      code: "LISTEN_TAKEN",
      reason: "port 5000 is the pool web's",
      retry: true,
    });
    assert.deepEqual(world.story, ["rejected LISTEN_TAKEN"]);
    services.fault = null;
    assert.equal((await raw.ask(BRINGS))?.t, "ok", "the session goes on");
    await leavesNothing(world, raw);
  });

  it("registers nothing where its session has ended before the port was open", async () => {
    const { world, services } = await start("listen=5000");
    const gate = deferred<void>();
    services.gate = gate.promise;
    const raw = await world.raw(A);
    await raw.tell(BRINGS);
    await settle();
    raw.channel.connection.abort();
    await settle();
    gate.resolve();
    await settle();
    assert.deepEqual(services.pools.get("db")!.targets(), []);
    await leavesNothing(world);
  });

  it("stops nobody else in its session while the port is being opened", async () => {
    const { world, services } = await start("listen=5000");
    const gate = deferred<void>();
    services.gate = gate.promise;
    const raw = await world.raw(A);
    await raw.tell(BRINGS);
    assert.equal((await raw.ask({ ...REPORT, ref: 1 }))?.t, "ok");
    gate.resolve();
    assert.ok(((await raw.hear()) as { listen?: number }).listen === 5000);
    await leavesNothing(world, raw);
  });
});

describe("who asks for a service", () => {
  it("is told every second while there are any, those first that came first", async () => {
    const { world, services } = await start("listen=5000-5999");
    const [first, second] = [await world.raw(A), await world.raw(B)];
    await world.pass(3 * SERVICES_MS);
    assert.equal(services.looks, 0, "there is none");
    await first.ask(BRINGS);
    await second.ask({ ...BRINGS, listen: 5001 });
    await first.ask({ ...BRINGS, weight: 7 });
    await first.ask({ ...REPORT, ref: 1, port: 8081 });
    await world.pass(SERVICES_MS);
    assert.deepEqual(
      services.asking.map(({ target, listen }) => `${target} ${listen}`),
      [`db/${A}:8080 5000`, `db/${B}:8080 5001`],
    );
    assert.equal(services.looks, 1);
    await leavesNothing(world, first, second);
  });

  it("is there while its reporter or its lease is, whatever its health, and gone when both are", async () => {
    const { world, services } = await start("listen=5000-5999");
    const asking = async () => {
      await world.pass(SERVICES_MS);
      return services.asking.map(({ target }) => target);
    };
    const [first, second] = [await world.raw(A), await world.raw(B)];
    await first.ask({ ...BRINGS, health: "down" });
    await second.ask({ ...BRINGS, drain: true });
    assert.deepEqual(await asking(), [`db/${A}:8080`, `db/${B}:8080`]);
    await second.ask({ t: "leave" });
    assert.deepEqual(await asking(), [`db/${A}:8080`]);
    await first.ask(BRINGS);
    first.channel.connection.abort();
    assert.deepEqual(await asking(), [`db/${A}:8080`], "its lease runs on");
    await world.pass(LEASE);
    assert.deepEqual(await asking(), []);
    await leavesNothing(world, second);
  });

  it("counts as there while its pool is in panic, since its clients are served", async () => {
    const { world, services } = await start("listen=5000-5999");
    const [first, second] = [await world.raw(A), await world.raw(B)];
    for (const raw of [first, second]) await raw.ask(BRINGS);
    for (const raw of [first, second]) raw.channel.connection.abort();
    await world.pass(2 * LEASE);
    assert.ok(
      world.story.some((each) => each.startsWith("panicStart db")),
      world.story.join(),
    );
    assert.deepEqual(
      services.asking.map(({ target }) => target),
      [`db/${A}:8080`, `db/${B}:8080`],
    );
    await leavesNothing(world);
  });

  it("goes with what its key allows", async () => {
    const keys = [parseKeyLine(`web:${SECRET} listen=5000`, "test")];
    const services = new FakeServices([]);
    const world = await World.start({ services, pools: services.pools }, keys);
    const raw = await world.raw(A);
    await raw.ask(BRINGS);
    keys[0] = parseKeyLine(`web:${SECRET} listen=5001`, "test");
    const answer = await raw.ask(BRINGS);
    assert.ok(answer?.t === "reject" && answer.code === "FORBIDDEN");
    await world.pass(SERVICES_MS);
    assert.deepEqual(services.asking, []);
    assert.deepEqual(services.pools.get("db")!.targets(), []);
    await leavesNothing(world, raw);
  });
});

describe("a target on the balancer's own host", () => {
  it("keeps its port from being opened, as long as it is there", async () => {
    const { world } = await start("listen=5000-5999");
    const raw = await world.raw(BALANCER);
    await world.target(BALANCER, 5000);
    const { server } = world;
    assert.equal(server.registry.targetHere(5000), null);
    await raw.ask({ ...REPORT, port: 5000 });
    assert.equal(server.registry.targetHere(5000), `default/${BALANCER}:5000`);
    assert.equal(server.registry.targetHere(5001), null);
    const other = await world.raw(A);
    await other.ask({ ...REPORT, port: 5002 });
    assert.equal(server.registry.targetHere(5002), null, "it is on another host");
    raw.channel.connection.abort();
    await world.pass(LEASE + 1_000);
    assert.equal(server.registry.targetHere(5000), null, "it is gone");
    server.registry.declare("default", [
      {
        address: { host: BALANCER, port: 5003 },
        weight: 1,
        maxConnections: 0,
        priority: 0,
        backup: false,
        source: "static",
        name: null,
      },
    ]);
    assert.equal(
      server.registry.targetHere(5003),
      `default/${BALANCER}:5003`,
      "named by the operator, whether it is up or not",
    );
    await leavesNothing(world, other);
  });

  it("has no port of its own number opened, which its server could not have any more", async () => {
    const { world, services } = await start("listen=5000-5999");
    const raw = await world.raw(BALANCER);
    const answer = await raw.ask({ ...BRINGS, port: 5000 });
    assert.ok(answer?.t === "reject" && answer.code === "BAD_ADDRESS" && !answer.retry, JSON.stringify(answer));
    assert.deepEqual(services.brought, []);
    const other = await world.raw(A);
    assert.equal((await other.ask({ ...BRINGS, port: 5000 }))?.t, "ok");
    await leavesNothing(world, raw, other);
  });

  it("goes when the balancer begins to listen where it is, and no other one does", async () => {
    const listeners = [{ host: "", port: 3000 }];
    const world = await World.start({ clientListeners: () => listeners });
    const raw = await world.raw(BALANCER);
    await raw.ask({ ...REPORT, port: 5000 });
    await raw.ask({ ...REPORT, ref: 1, port: 5001 });
    const other = await world.raw(A);
    await other.ask({ ...REPORT, port: 5000 });
    listeners.push({ host: "", port: 5000 });
    world.server.registry.listening();
    assert.deepEqual(
      world.pool.targets().map(({ identity }) => identity),
      [`default/${BALANCER}:5001`, `default/${A}:5000`],
    );
    assert.ok(world.story.includes(`targetLeave default/${BALANCER}:5000 rejected`), world.story.join());
    await leavesNothing(world, raw, other);
  });
});
