/** What somebody on the path, without a key, can and cannot do with the balancer and its reporters. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine, type SharedKey } from "../../src/control/keys/key.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import { settle, until } from "../support/wait.ts";
import { Relay } from "./attacks.ts";
import { CONTROL, KEY, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const MALLORY = "10.6.6.6";
const RELAYED = { host: MALLORY, port: CONTROL.port };
const { t: _, ...TARGET } = REPORT;

const keyWith = (words: string): SharedKey => parseKeyLine(`web:${SECRET} ${words}`, "test");

const addresses = (world: World) => world.pool.targets().map(({ address }) => "host" in address && address.host);

describe("a relay that passes on every byte between reporter and balancer", () => {
  for (const [what, words, advertise, expected] of [
    ["does not become the target", "", undefined, []],
    ["becomes the target of a key that says nat, whose reporters may come from anywhere", "nat", undefined, [MALLORY]],
    ["does not become a target that its reporter advertises, and whose key allows it", `advertise=${A}`, A, [A]],
    ["does not even pass on a target that the key does not allow", "advertise=10.9.0.0/16", A, []],
  ] as const) {
    it(what, async () => {
      const world = await World.start({}, [keyWith(words)]);
      await Relay.start(world, MALLORY);
      const target = advertise === undefined ? TARGET : { ...TARGET, advertise };
      const { client, story } = world.reporter(A, { to: RELAYED, targets: [target] });
      client.start();
      await until("the balancer's word", () => story().length > 1);
      assert.deepEqual(addresses(world), expected);
      if (expected.length === 0) {
        const code = words === "" ? "ADDRESS_MISMATCH" : "FORBIDDEN";
        assert.ok(story().includes(`rejected ${code}`), story().join());
      }
      const closed = client.close();
      await settle();
      await closed;
      await world.server.close();
    });
  }

  it("hears nothing of what is said: neither addresses nor ids nor pools", async () => {
    const world = await World.start({}, [keyWith("nat")]);
    const relay = await Relay.start(world, MALLORY);
    const { client, story } = world.reporter(A, {
      to: RELAYED,
      targets: [{ ...TARGET, id: "secretive", port: 54_321 }],
    });
    client.start();
    await until("the registration", () => story().includes("registered"));
    const heard = Buffer.concat([...relay.said[0]!.reporter, ...relay.said[0]!.balancer]).toString("latin1");
    const decoded = heard.split("\n").map((line) => Buffer.from(line, "base64").toString("latin1"));
    for (const word of ["secretive", "54321", "default", A, SECRET, "test-balancer", "test-reporter"]) {
      assert.ok(![heard, ...decoded].some((text) => text.includes(word)), word);
    }
    await client.close();
    await world.server.close();
  });
});

describe("what was recorded", () => {
  for (const [when, wait, code] of [
    ["at once", 0, "REPLAYED"],
    ["when its time is over", 61_000, "CLOCK"],
  ] as const) {
    it(`of a whole session is refused when it is played again ${when}`, async () => {
      const world = await World.start({}, [keyWith("nat")]);
      const relay = await Relay.start(world, MALLORY);
      const { client, story } = world.reporter(A, { to: RELAYED });
      client.start();
      await until("the registration", () => story().includes("registered"));
      await client.leave();
      await until("the target to be gone", () => world.pool.targets().length === 0);
      await world.pass(wait);
      const replay = await world.connect(A);
      for (const chunk of relay.said[0]!.reporter) await replay.channel.connection.write(chunk).catch(() => undefined);
      assert.equal(JSON.parse((await replay.line()) ?? "{}").code, code);
      assert.equal(await replay.line(), null);
      assert.deepEqual([world.pool.targets(), world.server.sessions], [[], 0]);
      await leavesNothing(world, replay);
    });
  }

  it("is refused by a balancer that has just started, which cannot know it", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    const { line } = raw.hello(KEY);
    await raw.close();
    await world.server.close();
    await world.pass(1_000);
    await world.restart();
    const replay = await world.connect(A);
    await replay.channel.send(line);
    assert.equal(JSON.parse((await replay.line()) ?? "{}").code, "CLOCK");
    await leavesNothing(world, replay);
  });

  it("gives nobody a session who cannot go on: a hello that another balancer has not seen is only answered", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    const { line } = raw.hello(KEY);
    const thief = await world.connect(MALLORY);
    await thief.channel.send(line);
    assert.equal(JSON.parse((await thief.line()) ?? "{}").t, "answer");
    await thief.channel.send(Buffer.alloc(60).toString("base64"));
    await thief.line();
    assert.equal(await thief.line(), null);
    assert.equal(world.server.sessions, 0);
    assert.deepEqual(world.story, ["rejected BAD_SEAL"]);
    await leavesNothing(world, raw, thief);
  });
});

describe("what is sent back to its sender", () => {
  it("ends a session of the balancer", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.tell({ t: "leave" });
    const answer = (await raw.line()) ?? "";
    await raw.channel.send(answer);
    await raw.line(); // a goodbye
    assert.equal(await raw.line(), null);
    assert.deepEqual(world.story, ["rejected BAD_SEAL"]);
    await leavesNothing(world, raw);
  });

  it("is no balancer to a reporter", async () => {
    const world = new World();
    const mirror = await world.network.listen(CONTROL, async (connection) => {
      const channel = new LineChannel(connection, 8_192);
      await channel.send(Buffer.from((await channel.readLine()) ?? []).toString());
    });
    const { client, story } = world.reporter(A);
    client.start();
    await until("a word of the reporter", () => story().length > 0);
    assert.deepEqual(story(), ["lost NO_BALANCER"]);
    await client.close();
    await mirror.close();
  });
});

describe("an older version", () => {
  it("is not spoken by the balancer, which says what to do", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    await raw.channel.send(JSON.stringify({ t: "hello", v: 1, key: "web", nonce: "00".repeat(32), software: "old/1" }));
    const refusal = JSON.parse((await raw.line()) ?? "{}");
    assert.equal(refusal.code, "BAD_VERSION");
    assert.match(refusal.reason, /speaks version 2 .* the reporter version 1: update the reporter/);
    assert.equal(await raw.line(), null);
    await leavesNothing(world, raw);
  });

  it("is not spoken by a reporter, whatever answers it", async () => {
    const world = new World();
    const heard: string[] = [];
    const old = await world.network.listen(CONTROL, async (connection) => {
      const channel = new LineChannel(connection, 8_192);
      await channel.readLine();
      await channel.send(JSON.stringify({ t: "challenge", v: 1, nonce: "00".repeat(32) }));
      heard.push(`${await channel.readLine().catch(() => null)}`);
    });
    const { client, story } = world.reporter(A);
    client.start();
    await until("a word of the reporter", () => story().length > 0);
    assert.deepEqual(story(), ["lost NO_BALANCER"]);
    await until("the end of the connection", () => heard.length > 0);
    assert.deepEqual(heard, ["null"], "nothing that proves a secret was sent");
    await client.close();
    await old.close();
  });
});
