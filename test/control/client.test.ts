import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { Agreement } from "../../src/control/client/agreement.ts";
import type { ControlClientOptions } from "../../src/control/client/client.ts";
import { INSECURE_KEY, parseKey, type SharedKey } from "../../src/control/keys/key.ts";
import { MAX_LINE } from "../../src/control/protocol/hello.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import type { Connection, Listener, Runtime } from "../../src/net/runtime.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { settle, until } from "../support/wait.ts";
import { CONTROL, KEY, LEASE, leavesNothing, REPORT, SECRET, World, welcome } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";

/** The states of the pool's targets as `address:port state weight`. */
const targets = (world: World) =>
  world.pool.targets().map(({ address, state, weight }) => {
    if ("path" in address) throw new Error("no Unix sockets here");
    return `${address.host}:${address.port} ${state} ${weight}`;
  });

/** A reporter whose target is registered, and accepts connections. */
async function register(world: World, options: Partial<ControlClientOptions> = {}) {
  await world.target(A, options.targets?.[0]?.port);
  const reporter = world.reporter(A, options);
  reporter.client.start();
  await until("the target", () => world.pool.targets().length === 1);
  return reporter;
}

/** Welcomes every reporter with this secret, or as well as it can without one, then says nothing more. */
function impostor(world: World, secret: string | null): Promise<Listener> {
  return world.network.listen(CONTROL, async (connection) => {
    const channel = new LineChannel(connection, MAX_LINE);
    if (secret !== null) return welcome(channel, secret);
    await channel.readLine();
    await channel.send(JSON.stringify({ t: "answer", m: randomBytes(200).toString("base64") }));
  });
}

describe("a reporter", () => {
  it("registers, and keeps its lease by reporting at the interval the balancer asks for", async () => {
    const world = await World.start();
    const { client, story } = await register(world, { ack: 24 * 3_600_000 });
    await world.pass(10 * LEASE);
    assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
    assert.deepEqual(story(), ["connected", "registered"]);
    assert.equal(world.server.sessions, 1, "all over one connection");
    await leavesNothing(world, client);
  });

  it("reports at its own ack when that is shorter", async () => {
    const world = await World.start();
    const { client } = await register(world, { ack: 100, random: () => 0 });
    const before = world.changes;
    await world.pass(1_000, 100);
    assert.equal(world.changes - before, 10);
    await leavesNothing(world, client);
  });

  it("may be started before the balancer, and does not crash without one", async () => {
    const world = new World();
    await world.target(A);
    const { client, story } = world.reporter(A);
    client.start();
    await world.pass(120_000);
    assert.deepEqual(story(), ["lost ECONNREFUSED"], "one event, not one per attempt");
    await world.server.start();
    await world.pass(10_000);
    assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
    assert.deepEqual(story().slice(1), ["connected", "registered"]);
    await leavesNothing(world, client);
  });

  it("comes back after a balancer's restart with the right weight and port", async () => {
    const world = await World.start();
    const { t: _, ...report } = REPORT;
    const { client, story } = await register(world, { targets: [{ ...report, weight: 1000, port: 1080 }] });
    await world.server.close();
    await until("the goodbye", () => story().includes("goodbye STOPPING"));
    await world.restart();
    assert.deepEqual(targets(world), []);
    await world.pass(1_000, 100);
    assert.deepEqual(targets(world), [`${A}:1080 up 1000`]);
    assert.deepEqual(story(), ["connected", "registered", "goodbye STOPPING", "connected", "registered"]);
    await leavesNothing(world, client);
  });

  it("tells of a fault in what it makes of a balancer's leave, and goes on", async () => {
    const world = await World.start();
    const { t: _, ...target } = REPORT;
    const agreement = new Agreement({ limits: [10], balancers: 2, clock: world.clock, onDue: () => undefined });
    const left = () => {
      throw new TypeError("a fault");
    };
    const seat = { ...agreement.seat(0), left };
    const { client, story } = await register(world, { targets: [{ ...target, maxConnections: 10 }], seat });
    const closed = world.server.close();
    await until("the fault", () => story().includes("lost INTERNAL"));
    await closed;
    await world.restart();
    await world.pass(2_000, 100);
    assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
    assert.equal(story().at(-1), "registered");
    agreement.close();
    await leavesNothing(world, client);
  });

  it("reports a change at once", async () => {
    const world = await World.start();
    const { client } = await register(world);
    client.update({ weight: 7 });
    client.update({ health: "down" });
    await until("the target to be down with weight 7", () => targets(world)[0] === `${A}:8080 down 7`);
    assert.equal(world.clock.now(), 0);
    await leavesNothing(world, client);
  });

  it("reports at once what may wait, too, but where there is no balancer it waits with that", async () => {
    const world = await World.start();
    let weight = 500;
    const { client } = await register(world, { seen: () => ({ weight }) });
    weight = 7;
    client.look(0, { canWait: true });
    await until("the target with weight 7", () => targets(world)[0] === `${A}:8080 up 7`);
    assert.equal(world.clock.now(), 0);
    await leavesNothing(world, client);

    const nobody = new World();
    let attempts = 0;
    nobody.network.connectFault = () => {
      attempts++;
      return "ECONNREFUSED";
    };
    const other = nobody.reporter(A, { random: () => 0.999 }).client;
    other.start();
    await nobody.pass(30_000, 50);
    const before = attempts;
    for (let i = 0; i < 20; i++) {
      other.look(0, { canWait: true });
      await settle();
    }
    assert.equal(attempts, before);
    await leavesNothing(nobody, other);
  });

  it("backs off when no balancer is there, up to ten seconds, and never stops", async () => {
    const world = new World();
    const attempts: number[] = [];
    world.network.connectFault = () => {
      attempts.push(world.clock.now());
      return "ECONNREFUSED";
    };
    const { client } = world.reporter(A, { random: () => 0.999 });
    client.start();
    await world.pass(100_000, 50);
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
    assert.ok(gaps[0]! <= 150, `first ${gaps[0]}`);
    for (const [index, gap] of gaps.entries()) {
      assert.ok(gap <= 10_050, `${gap}`);
      if (index > 0) assert.ok(gap >= gaps[index - 1]! - 50, "never sooner than before");
    }
    assert.ok(gaps.at(-1)! > 9_900);
    await client.close();
    assert.equal(world.clock.pending, 0);
  });

  it("is back at once when it loses a balancer that it had to wait long for", async () => {
    const world = new World();
    await world.target(A);
    const { client, story } = world.reporter(A, { random: () => 0.999 });
    client.start();
    await world.pass(60_000); // the delays have grown to ten seconds
    await world.server.start();
    await world.pass(10_000);
    assert.equal(story().at(-1), "registered");
    await world.server.close();
    await until("the goodbye", () => story().at(-1) === "goodbye STOPPING");
    await world.restart();
    await world.pass(150, 50);
    assert.equal(story().at(-1), "registered");
    await leavesNothing(world, client);
  });

  it("survives every failure to connect, and says which", async () => {
    for (const fault of ["ENOTFOUND", "EHOSTUNREACH", "ETIMEDOUT", "ENETUNREACH", "EMFILE"] as const) {
      const world = new World();
      world.network.connectFault = () => fault;
      const { client, story } = world.reporter(A);
      client.start();
      await world.pass(30_000);
      assert.deepEqual(story(), [`lost ${fault}`]);
      await client.close();
    }
  });

  it("gives up a connection attempt after five seconds", async () => {
    const world = await World.start();
    await world.target(A);
    world.network.connectFault = () => "blackhole";
    const { client, story } = world.reporter(A);
    client.start();
    await settle(); // the attempt is under way
    await world.pass(5_000);
    assert.deepEqual(story(), ["lost ETIMEDOUT"]);
    world.network.connectFault = null;
    await world.pass(10_000);
    assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
    await leavesNothing(world, client);
  });

  it("gives up a handshake that takes more than five seconds", async () => {
    const world = new World();
    const frozen = await world.network.listen(CONTROL, () => undefined);
    const { client, story } = world.reporter(A);
    client.start();
    await settle();
    await world.pass(5_000);
    assert.deepEqual(story(), ["lost NO_ANSWER"]);
    await frozen.close();
    await client.close();
    assert.equal(world.clock.pending, 0);
  });

  it("leaves a balancer that stops answering, and registers with the one that takes its place", async () => {
    const world = new World();
    const frozen = await impostor(world, KEY.secret);
    const { client, story } = world.reporter(A);
    client.start();
    await settle();
    await world.pass(5_000);
    assert.deepEqual(story(), ["connected", "lost NO_ANSWER"]);
    await frozen.close();
    await world.server.start();
    await world.pass(10_000);
    assert.equal(story().at(-1), "registered");
    await leavesNothing(world, client);
  });

  it("says so when what answers is no balancer", async () => {
    const world = new World();
    const web = await world.network.listen(CONTROL, async (connection) => {
      await connection.read();
      await connection.write(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
      await connection.close();
    });
    const { client, events, story } = world.reporter(A);
    client.start();
    await world.pass(30_000);
    assert.deepEqual(story(), ["lost NO_BALANCER"]);
    assert.ok(JSON.stringify(events).includes(`${CONTROL.host}:${CONTROL.port}`));
    await client.close();
    await web.close();
  });

  it("with a wrong key has one event that says why, and the balancer one that says who", async () => {
    const world = await World.start();
    const { client, events, story } = world.reporter(A, { key: () => parseKey("web:some other secret text", "test") });
    client.start();
    await world.pass(50_000);
    assert.deepEqual(story(), ["rejected BAD_KEY"]);
    assert.match(JSON.stringify(events), /the key is not accepted here \(this reporter's is \\"web\\"\)/);
    assert.deepEqual(world.story, ["rejected BAD_KEY"]);
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, client);
  });

  it("without a key keeps looking for one", async () => {
    const world = await World.start();
    let found = false;
    const key = () => {
      if (found) return KEY;
      throw new HarmonyError("NO_KEY", "no key", { fault: "config", retry: true });
    };
    const { client, story } = world.reporter(A, { key });
    client.start();
    await world.pass(30_000);
    assert.deepEqual(story(), ["lost NO_KEY"]);
    found = true;
    await world.pass(11_000);
    assert.deepEqual(story(), ["lost NO_KEY", "connected", "registered"]);
    await leavesNothing(world, client);
  });

  it("does not believe a balancer that cannot prove the key", async () => {
    const world = new World();
    const listener = await impostor(world, null);
    const { client, events } = world.reporter(A);
    client.start();
    await until("an event", () => events.length > 0);
    const [event] = events;
    assert.ok(event?.[0] === "lost" && event[1].code === "BAD_KEY" && event[1].reason.includes('key "web"'));
    await client.close();
    await listener.close();
  });

  it("talks to an insecure balancer only with the insecure key, and to no other with it", async () => {
    const open = await World.start({}, [INSECURE_KEY]);
    const closed = await World.start({}, [KEY]);
    const plain = open.reporter(A, { key: () => INSECURE_KEY });
    const refused = closed.reporter(A, { key: () => INSECURE_KEY });
    plain.client.start();
    refused.client.start();
    await until(
      "one registration and one refusal",
      () => open.pool.targets().length === 1 && refused.events.length === 1,
    );
    assert.deepEqual(refused.story(), ["rejected BAD_KEY"]);
    assert.match(
      JSON.stringify(refused.events),
      /the key is not accepted here \(this reporter was started without one\)/,
    );
    assert.match(JSON.stringify(closed.events), /it was started without a key \(--insecure\)/);
    await leavesNothing(open, plain.client, refused.client);
    await leavesNothing(closed);
  });

  it("comes back slowly when a retry cannot help, and stays connected when it can", async () => {
    const world = await World.start();
    await world.target(B);
    const { t: _, ...report } = REPORT;
    const wrong = world.reporter(A, { targets: [{ ...report, advertise: B }] });
    const first = world.reporter(A, { targets: [{ ...report, id: "one" }] });
    const second = world.reporter(B, { targets: [{ ...report, id: "one" }] });
    wrong.client.start();
    first.client.start();
    await until("the target", () => world.pool.targets().length === 1);
    second.client.start();
    await until("the events", () => second.events.length === 2);
    await world.pass(60_000);
    assert.deepEqual(
      wrong.story().filter((event) => event !== "connected"),
      ["rejected FORBIDDEN"],
    );
    assert.ok(wrong.events.length < 12, "a new session every five to ten seconds");
    assert.deepEqual(second.story(), ["connected", "rejected ID_TAKEN"]);
    await first.client.leave();
    await world.pass(21_000);
    assert.deepEqual(second.story(), ["connected", "rejected ID_TAKEN", "registered"]);
    assert.deepEqual(targets(world), [`${B}:8080 up 500`]);
    await leavesNothing(world, wrong.client, second.client);
  });

  describe("of a target that another one announces, too,", () => {
    /** Two reporters of one target, of which the second came later. */
    async function rivals() {
      const world = await World.start();
      const older = await register(world);
      const newer = world.reporter(A);
      newer.client.start();
      await until("the takeover", () => older.story().includes("goodbye REPLACED"));
      return { world, older, newer };
    }

    it("gives way for good: each side says so once, with the other's address", async () => {
      const { world, older, newer } = await rivals();
      await world.pass(600_000);
      const told = older.events.filter(([name]) => name !== "connected");
      assert.deepEqual(
        told.map(([name]) => name),
        ["registered", "goodbye"],
      );
      assert.match(JSON.stringify(told[1]), /another reporter has taken this target over, the one at 10\.0\.0\.7:\d+/);
      assert.deepEqual(newer.story(), ["connected", "registered"]);
      const id = `default/${A}:8080`;
      assert.deepEqual(world.story, [`targetUp ${id}`, `targetTakenOver ${id} ${A} ${A}`]);
      await leavesNothing(world, older.client, newer.client);
    });

    it("does not ask again earlier because its weight has changed meanwhile", async () => {
      const { world, older, newer } = await rivals();
      let opened = 0;
      world.network.connectFault = ({ port }) => {
        if (port === CONTROL.port) opened++;
        return undefined;
      };
      for (let i = 0; i < 20; i++) {
        older.client.look(0, { canWait: true });
        await world.pass(100);
      }
      assert.equal(opened, 0);
      await leavesNothing(world, older.client, newer.client);
    });

    it("asks again after delays that grow, up to a minute", async () => {
      const { world, older, newer } = await rivals();
      const attempts: number[] = [];
      let seen = older.events.length;
      for (let at = 0; at < 300_000; at += 500) {
        await world.pass(500);
        if (older.events.length > seen) attempts.push(world.clock.now());
        seen = older.events.length;
      }
      const gaps = attempts.map((at, index) => at - (attempts[index - 1] ?? 0));
      assert.deepEqual(gaps, [7_500, 15_000, 30_000, 45_000, 45_000, 45_000, 45_000, 45_000]);
      await leavesNothing(world, older.client, newer.client);
    });

    it("pauses in full after each session: the end of one cuts no pause short", async () => {
      const { world, older, newer } = await rivals();
      const opened: number[] = [];
      world.network.connectFault = ({ port }) => {
        if (port === CONTROL.port) opened.push(world.clock.now());
        return opened.length > 100 ? "blackhole" : undefined; // sessions without a pause would let nothing else happen
      };
      await world.pass(60_000, 500);
      assert.deepEqual(opened, [7_500, 22_500, 52_500]);
      await leavesNothing(world, older.client, newer.client);
    });

    it("takes its place again when the other one has left", async () => {
      const { world, older, newer } = await rivals();
      await world.pass(30_000);
      await newer.client.leave();
      await world.pass(60_000);
      assert.equal(older.story().at(-1), "registered");
      assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
      await leavesNothing(world, older.client);
    });

    it("stops at once: the connections are the other one's to drain", async () => {
      const { world, older, newer } = await rivals();
      assert.equal(await older.client.drain(30_000), null);
      await older.client.leave();
      assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
      await leavesNothing(world, newer.client);
    });
  });

  it("that alternates with another one, at a balancer that lets it, does so less and less often", async () => {
    const world = await World.start();
    const { client, story } = await register(world);
    const raws: { close(): Promise<void> }[] = [];
    const times: number[] = [];
    for (let at = 0; at < 300_000; at += 500) {
      const registered = story().filter((event) => event === "registered").length;
      if (registered > times.length) {
        times.push(world.clock.now());
        const rival = await world.raw(A); // a reporter that says no instance, and leaves at once
        await rival.ask(REPORT);
        await rival.ask({ t: "leave" });
        raws.push(rival);
      }
      await world.pass(500);
    }
    const gaps = times.slice(1).map((at, index) => at - times[index]!);
    assert.deepEqual(gaps, [7_500, 15_000, 30_000, 45_000, 45_000, 45_000, 45_000, 45_000]);
    await leavesNothing(world, client, ...raws);
  });

  it("that leaves does not register again, even if its report changes", async () => {
    const world = await World.start();
    const { client } = await register(world);
    const left = client.leave();
    client.update({});
    await settle();
    client.update({});
    await left;
    assert.deepEqual(world.story, [`targetUp default/${A}:8080`, `targetLeave default/${A}:8080 leave`]);
    await leavesNothing(world);
  });

  it("reports to several balancers at once", async () => {
    const [one, two] = [await World.start(), await World.start()];
    const reporters = [one.reporter(A), two.reporter(A)];
    for (const { client } of reporters) client.start();
    await until(
      "the target with both balancers",
      () => one.pool.targets().length === 1 && two.pool.targets().length === 1,
    );
    await Promise.all(reporters.map(({ client }) => client.leave()));
    assert.deepEqual([...targets(one), ...targets(two)], []);
    await leavesNothing(one);
    await leavesNothing(two);
  });

  it("loses its session when its key is withdrawn, and says so", async () => {
    const keys = [KEY];
    const world = await World.start({}, keys);
    const { client, events, story } = await register(world);
    keys[0] = parseKey(`web:another ${SECRET}`, "test");
    client.update({});
    await until("the events", () => events.length > 2);
    assert.deepEqual(story().slice(2, 3), ["rejected KEY_CHANGED"]);
    await world.pass(30_000);
    assert.ok(story().includes("rejected BAD_KEY"));
    await leavesNothing(world, client);
  });
});

describe("a reporter whose key was changed for another one, which the balancer has as well", () => {
  const NEW = parseKey(`new:${SECRET}`, "test");

  /** Registered with the first key of the balancer's, then with another one given, and cut off. */
  async function changed(keys: SharedKey[]) {
    const world = await World.start({}, keys);
    const network = world.network.from(A);
    const connections: Connection[] = [];
    const connect: Runtime["connect"] = async (options) => {
      connections.push(await network.connect(options));
      return connections.at(-1)!;
    };
    let key = KEY;
    const { client, story } = await register(world, { runtime: { ...network, connect }, key: () => key });
    key = NEW;
    connections.at(-1)!.abort();
    await world.pass(30_000);
    return { world, client, story };
  }

  it("goes on with the former one while its target is registered with that, so that it can drain, say", async () => {
    const { world, client, story } = await changed([KEY, NEW]);
    assert.deepEqual(targets(world), [`${A}:8080 up 500`]);
    assert.ok(!story().some((each) => each.startsWith("rejected")), story().join());
    assert.equal(story().at(-1), "registered");
    client.update({ weight: 7 });
    await until("the change", () => targets(world)[0] === `${A}:8080 up 7`);
    await leavesNothing(world, client);
  });

  it("comes with the new one once the former one is withdrawn", async () => {
    const keys = [KEY, NEW];
    const { world, client, story } = await changed(keys);
    keys.shift();
    client.update({ weight: 7 });
    await world.pass(2 * LEASE); // these keys are in no file that would be looked at
    assert.deepEqual(targets(world), [`${A}:8080 up 7`]);
    assert.deepEqual(story().slice(-4), ["rejected KEY_CHANGED", "connected", "rejected OWNED", "registered"]);
    await leavesNothing(world, client);
  });
});

describe("drain", () => {
  it("is over at once for a target that was never registered", async () => {
    const world = await World.start();
    const { client } = world.reporter(A, { key: () => parseKey("web:no-key-of-the-balancer", "test") });
    assert.equal(await client.drain(30_000), null, "not started");
    client.start();
    assert.equal(await client.drain(30_000), null, "before the first attempt is over");
    await until("the refusal", () => world.server.sessions === 0);
    assert.equal(await client.drain(30_000), null);
    await leavesNothing(world, client);
  });

  const clientKey = Uint32Array.of(0, 0, 0xffff, 1);

  /** A reporter that drains while one client is still connected; `left` is the result of its drain, if there is one yet. */
  async function draining(world: World) {
    const { client } = await register(world);
    const row = world.pool.pick(clientKey, [], 0);
    let left: number | null | undefined;
    void client.drain(30_000).then((active) => {
      left = active;
    });
    await until("the target to be draining with weight 500", () => targets(world)[0] === `${A}:8080 draining 500`);
    return { client, hangUp: () => world.pool.release(row, clientKey, 0, 0, 0), left: () => left };
  }

  it("takes no new connections, waits for the open ones, then leaves", async () => {
    const world = await World.start();
    const { client, hangUp, left } = await draining(world);
    assert.ok(world.pool.pick(clientKey, [], 0) < 0);
    await world.pass(5_000, 200);
    assert.equal(left(), undefined);
    hangUp();
    await world.pass(400, 200);
    assert.equal(left(), 0);
    await client.leave();
    assert.deepEqual(targets(world), []);
    assert.equal(world.story.at(-1), `targetLeave default/${A}:8080 leave`);
    await leavesNothing(world);
  });

  it("ends with its time", async () => {
    const world = await World.start();
    const { client } = await register(world);
    world.pool.pick(clientKey, [], 0);
    const drained = client.drain(2_000);
    await world.pass(2_000, 200);
    assert.equal(await drained, 1);
    await client.leave();
    await leavesNothing(world);
  });

  it("does not wait long for a balancer that is gone", async () => {
    const world = await World.start();
    const { client, left } = await draining(world);
    await world.pass(400, 200);
    await world.server.close();
    await world.pass(2_800, 200);
    assert.equal(left(), undefined);
    await world.pass(400, 200);
    assert.equal(left(), null, "how many are left, it does not know");
    await client.leave();
    await leavesNothing(world);
  });

  it("ends with the client", async () => {
    const world = await World.start();
    const { client, left } = await draining(world);
    await client.close();
    await settle();
    assert.equal(left(), null);
    await leavesNothing(world);
  });

  it("goes on over a reconnection", async () => {
    const world = await World.start();
    const { client, hangUp, left } = await draining(world);
    await world.server.close();
    await world.restart();
    await world.pass(4_000, 100); // longer than for a balancer that is gone
    assert.equal(left(), undefined, "the connection is still open");
    hangUp();
    await world.pass(1_000, 100);
    assert.equal(left(), 0);
    await client.leave();
    await leavesNothing(world);
  });

  it("is not over by the answer to a report that was on its way when it began", async () => {
    for (let steps = 0; steps < 60; steps += 1) {
      const world = await World.start();
      const { client } = world.reporter(A);
      client.start();
      await until("the target", () => targets(world).length > 0);
      client.update({ weight: 600 });
      for (let i = 0; i < steps; i++) await Promise.resolve();
      const seen = client.drain(30_000).then((active) => [active, ...targets(world)]);
      await world.pass(1_000);
      assert.deepEqual(await seen, [0, `${A}:8080 draining 600`], `after ${steps} steps`);
      await client.leave();
      await leavesNothing(world);
    }
  });

  it("and leave at any moment end in a closed client that keeps nothing alive", async () => {
    for (let turns = 0; turns < 40; turns += 1) {
      const world = await World.start();
      const { client } = world.reporter(A);
      client.start();
      await settle(turns);
      const drained = client.drain(1_000).then((active) => {
        if (active === 0) assert.deepEqual(targets(world), [`${A}:8080 draining 500`], "0 counts only once it drains");
      });
      const done = turns % 2 === 0 ? client.leave() : drained.then(() => client.leave());
      client.update({}); // too late: it must not register again
      await world.pass(6_000);
      await done;
      assert.deepEqual(
        targets(world).filter((target) => target.includes("up")),
        [],
      );
      await leavesNothing(world);
      assert.equal(world.network.open, 0, `after ${turns} turns`);
    }
  });
});
