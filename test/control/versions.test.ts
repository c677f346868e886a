/**
 * Reporters and balancers of different ages: one side leaves out all that has come to version 2 of the control channel since it began, or says
 * more than the other knows.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Agreement } from "../../src/control/client/agreement.ts";
import { answerLine, handshakeOf, MAX_LINE, pskOfSecret, readHello } from "../../src/control/protocol/hello.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { client as someone } from "../pool/helpers.ts";
import { settle } from "../support/wait.ts";
import { CONTROL, LEASE, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const { t: _, ...TARGET } = REPORT;
/** What version 2 began with. */
const FIRST_OF_REPORT = ["t", "n", "ref", "made", "id", "pool", "port", "weight", "health", "drain", "advertise"];
const FIRST = [...FIRST_OF_REPORT, "maxConnections", "instance"];
const FIRST_OF_OK = ["t", "n", "at", "target", "active", "name"];

function only(fields: readonly string[], body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([name]) => fields.includes(name)));
}

/** A balancer by hand, of another age than this one. `more`: what it says beside what version 2 began with. */
class OtherBalancer {
  /** What it has been told, as far as it knows what that is. */
  readonly heard: Record<string, unknown>[] = [];
  /** Names of fields that it does not know. */
  readonly unknown = new Set<string>();
  readonly #more: object;

  constructor(more: object = {}) {
    this.#more = more;
  }

  async serve(connection: Connection): Promise<void> {
    const channel = new LineChannel(connection, MAX_LINE);
    const { claim, message } = readHello(Uint8Array.from((await channel.readLine()) ?? []));
    const handshake = handshakeOf(claim, "responder", { psk: pskOfSecret(SECRET) });
    handshake.read(message);
    const ends = { local: "10.0.0.1:1666", remote: `${A}:2` };
    const welcome = { t: "welcome", lease: LEASE, interval: 20_000, name: "other", version: "0", ...ends };
    await channel.send(answerLine(handshake, { ...welcome, ...this.#more }));
    const seal = new Seal(handshake.split());
    for (;;) {
      const line = await channel.readLine().catch(() => null);
      if (line === null) return;
      if (line.length > 0) await channel.send(seal.seal(this.#answer(seal.open(line))));
    }
  }

  #answer(body: object): object {
    const heard = only(FIRST, body);
    this.heard.push(heard);
    for (const name of Object.keys(body)) if (!FIRST.includes(name)) this.unknown.add(name);
    const said = {
      t: "ok",
      n: heard.n,
      at: 0,
      ...(heard.t === "report" && { target: `default/${A}:8080`, active: 0 }),
    };
    return { ...said, ...this.#more };
  }
}

/** A reporter of today that wants all there is, and a balancer of another age, which is one of two. */
async function reporterAt(balancer: OtherBalancer) {
  const world = new World();
  const listener = await world.network.listen(CONTROL, (connection) => void balancer.serve(connection));
  const agreement = new Agreement({ limits: [10], balancers: 2, clock: world.clock, onDue: () => undefined });
  const all = {
    maxConnections: 10,
    priority: 1,
    sendProxy: "v2",
    listen: 5_000,
    options: { algorithm: "hash" },
  } as const;
  const { client, story } = world.reporter(A, { targets: [{ ...TARGET, ...all }], seat: agreement.seat(0) });
  client.start();
  await world.pass(1_000, 100);
  const close = async () => {
    await client.close();
    agreement.close();
    await listener.close();
    await leavesNothing(world);
  };
  return { world, client, story, close };
}

describe("a reporter of today", () => {
  it("is served by a balancer that knows what version 2 began with: reports, renewals, a drain, a farewell", async () => {
    const balancer = new OtherBalancer();
    const { world, client, story, close } = await reporterAt(balancer);
    assert.deepEqual(
      story().filter((event) => event === "rejected" || event === "lost"),
      [],
    );
    assert.ok(story().includes("registered"), story().join());
    const [first] = balancer.heard;
    assert.deepEqual([first!.t, first!.weight, first!.health, first!.drain], ["report", 500, "up", false]);
    const part = Number(first!.maxConnections);
    assert.ok(part >= 1 && part <= 10, "its part of the limit, since it knows of no credits");
    assert.ok(balancer.unknown.has("priority") && balancer.unknown.has("listen"), "it is told what it does not know");
    assert.ok(!balancer.unknown.has("credits"));
    const reports = balancer.heard.length;
    await world.pass(2 * LEASE);
    assert.ok(balancer.heard.length > reports, "and again");
    const drained = client.drain(30_000);
    await world.pass(1_000, 100);
    assert.equal(await drained, 0);
    assert.equal(balancer.heard.at(-1)!.drain, true);
    const left = client.leave();
    await world.pass(1_000, 100);
    await left;
    assert.equal(balancer.heard.at(-1)!.t, "leave");
    await close();
  });

  it("is served by one that says more than it knows", async () => {
    const balancer = new OtherBalancer({ later: { a: [1] }, "and-more": "text" });
    const { story, close } = await reporterAt(balancer);
    assert.ok(story().includes("registered"), story().join());
    await close();
  });
});

describe("a balancer of today", () => {
  it("serves a reporter that knows what version 2 began with, and tells it of nothing else", async () => {
    const world = await World.start({ heartbeat: 5_000 });
    await world.target(A);
    const raw = await world.raw(A);
    const report = { ...REPORT, id: "one", maxConnections: 4, instance: "i" };
    assert.deepEqual(Object.keys(only(FIRST, report)), Object.keys(report));
    assert.deepEqual(await raw.ask(report), { t: "ok", target: "default/one", active: 0 });
    await settle();
    const view = () => world.pool.view("default/one");
    assert.deepEqual([view()?.state, view()?.maxConnections, view()?.credits], ["up", 4, null]);
    for (let n = 0; n < 6; n++) world.pool.pick(someone(0), [], world.clock.now());
    assert.equal(view()?.active, 4, "its whole limit");
    await world.pass(20_000);
    await raw.tell(report);
    const answer = (await raw.hearAll())!;
    assert.deepEqual(only(FIRST_OF_OK, answer), answer, "no answer has anything that it does not know");
    assert.deepEqual([answer.t, world.server.silentSessions], ["ok", 0], "it need not say that it is alive");
    assert.deepEqual(await raw.ask({ t: "leave" }), { t: "ok", target: "default/one", active: 4 });
    await leavesNothing(world, raw);
  });

  it("serves one that says more than it knows", async () => {
    const world = await World.start();
    await world.target(A);
    const raw = await world.raw(A);
    const answer = await raw.ask({ ...REPORT, id: "one", later: { a: [1] }, "and-more": "text" });
    assert.deepEqual(answer, { t: "ok", target: "default/one", active: 0 });
    assert.deepEqual(await raw.ask({ t: "leave", later: true }), answer);
    await leavesNothing(world, raw);
  });
});
