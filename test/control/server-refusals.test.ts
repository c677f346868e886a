import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { settle, until } from "../support/wait.ts";
import { ADVERTISER, BALANCER, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
/** With leave to advertise any address, also loopback, which has to be named. */
const ANYWHERE = parseKeyLine(`web:${SECRET} advertise=0.0.0.0/0,::/0,127.0.0.0/8,::1`, "test");

describe("refusals", () => {
  for (const [what, report, code] of [
    ["the balancer's client port", { port: 3000, advertise: BALANCER }, "BAD_ADDRESS"],
    ["the balancer's client port on loopback", { port: 3000, advertise: "127.0.0.1" }, "BAD_ADDRESS"],
    ["the balancer's client port on another loopback address", { port: 3000, advertise: "127.3.2.1" }, "BAD_ADDRESS"],
    ["the balancer's client port on ::1", { port: 3000, advertise: "::1" }, "BAD_ADDRESS"],
    ["the balancer's client port on ::1 with a zone", { port: 3000, advertise: "::1%lo" }, "BAD_ADDRESS"],
    ["the balancer's client port with a zone", { port: 3000, advertise: "fe80::1%eth0" }, "BAD_ADDRESS"],
    ["the balancer's client port as a mapped address", { port: 3000, advertise: `::ffff:${BALANCER}` }, "BAD_ADDRESS"],
    ["the control port", { port: 1666, advertise: BALANCER }, "BAD_ADDRESS"],
    ["no host at all", { advertise: "0.0.0.0" }, "BAD_ADDRESS"],
    ["a multicast address", { advertise: "224.0.0.1" }, "BAD_ADDRESS"],
  ] as const) {
    it(`go to a target at ${what}`, async () => {
      const world = await World.start({ resolve: async (host) => [host] }, [ANYWHERE]);
      const raw = await world.raw(A);
      const answer = await raw.ask({ ...REPORT, ...report });
      assert.ok(answer?.t === "reject");
      assert.equal(answer.code, code);
      assert.equal(answer.retry, false);
      assert.deepEqual(world.pool.targets(), []);
      assert.deepEqual(world.story, [`rejected ${code}`]);
      assert.equal(await raw.hear(), null, "the session ends");
      await leavesNothing(world, raw);
    });
  }

  it("of a pool that does not exist leave the session, since the pool may come with a reload", async () => {
    const pools = new Map<string, Pool>();
    const world = await World.start({ pools });
    const raw = await world.raw(A);
    const answer = await raw.ask(REPORT);
    assert.ok(answer?.t === "reject" && answer.code === "UNKNOWN_POOL" && answer.retry);
    pools.set("default", world.pool);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("do not go to the same port on another host", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    assert.equal((await raw.ask({ ...REPORT, port: 3000 }))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("take out the target that the reporter had until then", async () => {
    const world = await World.start({ resolve: async (host) => [host] }, [ADVERTISER]);
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await settle();
    const answer = await raw.ask({ ...REPORT, port: 3000, advertise: BALANCER });
    assert.ok(answer?.t === "reject" && answer.code === "BAD_ADDRESS");
    assert.deepEqual(world.pool.targets(), []);
    const id = `default/${A}:8080`;
    assert.deepEqual(world.story, [`targetUp ${id}`, `targetLeave ${id} rejected`, "rejected BAD_ADDRESS"]);
    await leavesNothing(world, raw);
  });

  it("that may pass leave it to its lease", async () => {
    const world = await World.start({}, [ADVERTISER]);
    await world.target(A);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    const answer = await raw.ask({ ...REPORT, advertise: "no-such-host.invalid" });
    assert.ok(answer?.t === "reject" && answer.code === "UNRESOLVED");
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, raw);
  });

  for (const [limits, report, allowed] of [
    ["pool=default", {}, true],
    ["pool=other", {}, false],
    ["port=80,8000-8079", {}, false],
    ["port=80,8000-8080", {}, true],
    ["max-weight=500", {}, true],
    ["max-weight=499", {}, false],
    ["from=10.0.0.0/24", {}, true],
    ["from=192.168.0.0/16,10.0.0.7", {}, true],
    ["from=192.168.0.0/16", {}, false],
    ["from=10.0.0.0/24", { advertise: "10.0.0.8" }, false],
    ["from=10.0.0.0/24 advertise=192.168.0.0/16", { advertise: "192.168.1.1" }, true],
    ["from=10.0.0.0/24 advertise=192.168.0.0/16", { advertise: "10.0.0.8" }, false],
    ["from=172.16.0.0/12 advertise=192.168.0.0/16", { advertise: "192.168.1.1" }, false],
    ["advertise=192.168.0.0/16", {}, true],
    ["advertise=192.168.0.0/16 port=80", { advertise: "192.168.1.1" }, false],
  ] as const) {
    it(`${allowed ? "let pass" : "stop"} ${JSON.stringify(report)} by a key with ${limits}`, async () => {
      const key = parseKeyLine(`web:${SECRET} ${limits}`, "test");
      const world = await World.start({ resolve: async (host) => [host] }, [key]);
      const raw = await world.raw(A, `web:${key.secret}`);
      const answer = await raw.ask({ ...REPORT, ...report });
      assert.equal(answer?.t, allowed ? "ok" : "reject");
      if (answer?.t === "reject") assert.ok(answer.code === "FORBIDDEN" && answer.reason.includes('key "web"'));
      await leavesNothing(world, raw);
    });
  }

  it("because the pool is full can be retried, and say how many targets it takes", async () => {
    const world = await World.start();
    const set = world.pool.set.bind(world.pool);
    world.pool.set = (spec, state) => {
      if (world.pool.targets().length > 0) throw new RangeError("pool default is full: at most 1 targets");
      set(spec, state);
    };
    const [first, second] = [await world.raw(A), await world.raw(B)];
    assert.equal((await first.ask(REPORT))?.t, "ok");
    const answer = await second.ask(REPORT);
    assert.ok(
      answer?.t === "reject" && answer.code === "POOL_FULL" && answer.retry && answer.reason.includes("at most 1"),
    );
    await leavesNothing(world, first, second);
  });

  it("are logged once a minute, not at every attempt", async () => {
    const world = await World.start();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const raw = await world.raw(A, `web:${"wrong".repeat(4)}`);
      assert.ok((await raw.line())?.includes("BAD_KEY"));
      await raw.close();
    }
    assert.deepEqual(world.story, ["rejected BAD_KEY"]);
    await world.pass(61_000);
    await (await world.raw(A, `web:${"wrong".repeat(4)}`)).line();
    await until("the events", () => world.events.length === 2);
    await leavesNothing(world);
  });

  it("of reporters are logged although strangers with many addresses have been turned away", async () => {
    const world = await World.start();
    for (let attempt = 0; attempt < 150; attempt += 1) {
      const stranger = await world.raw(`10.1.0.${attempt}`, `web:${"wrong".repeat(4)}`);
      await stranger.close();
    }
    const raw = await world.raw(A);
    assert.equal((await raw.ask({ ...REPORT, pool: "other" }))?.t, "reject");
    assert.deepEqual([world.story.length, world.story.at(-1)], [101, "rejected UNKNOWN_POOL"]);
    await leavesNothing(world, raw);
  });
});
