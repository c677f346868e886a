/** What a balancer tells reporters unasked of how their targets are used. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deferred } from "../../src/util/deferred.ts";
import { until } from "../support/wait.ts";
import { LEASE, leavesNothing, REPORT, World } from "./harness.ts";

const HOST = "10.0.0.7";
const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);
const TARGETS = 4;
/** Of each target. */
const CONNECTIONS = 400;
/** What the connection in memory takes itself, and what waits behind it. */
const MOST_LINES = 1_250;

describe("a balancer that stops", () => {
  it("opens no more connections that credits were issued for, and tells after its goodbye how many are left", async () => {
    const world = await World.start();
    const raw = await world.raw(HOST);
    const report = { ...REPORT, id: "t", maxConnections: 9, credits: 3, elsewhere: 0 };
    assert.equal((await raw.ask(report))?.t, "ok");
    const [row] = [0, 1].map(() => world.pool.pick(CLIENT, [], 0));
    const served = deferred<void>();
    const closed = world.server.close({ served: served.promise });
    const heard: string[] = [];
    const reading = (async () => {
      for (let message = await raw.hear(); message !== null; message = await raw.hear())
        heard.push("active" in message ? `${message.t} ${message.active}` : message.t);
    })();
    const hears = (count: number) =>
      until(`${count} words`, async () => {
        await world.pass(100, 100);
        return heard.length >= count;
      });
    await hears(2);
    assert.deepEqual(heard, ["goodbye", "usage 2"]);
    assert.ok(world.pool.pick(CLIENT, [], 0) < 0);
    await raw.tell(report); // it is not heard any more
    world.pool.release(row!, CLIENT, 0, 0, 0);
    await hears(3);
    await world.pass(LEASE / 3);
    assert.deepEqual(heard.slice(2, 4), ["usage 1", "usage 1"], "again, before it would count no more");
    assert.ok(world.pool.pick(CLIENT, [], 0) < 0);
    world.pool.release(row!, CLIENT, 0, 0, 0);
    await hears(5);
    await raw.close();
    await reading;
    assert.deepEqual(heard.slice(4), ["usage 0"]);
    served.resolve();
    await closed;
    await leavesNothing(world);
  });
});

describe("a balancer that stops, and whose reporter hangs up after the goodbye", () => {
  it("ends the session, though connections are open that credits were issued for", async () => {
    const world = await World.start();
    const raw = await world.raw(HOST);
    assert.equal((await raw.ask({ ...REPORT, id: "t", maxConnections: 9, credits: 3, elsewhere: 0 }))?.t, "ok");
    const row = world.pool.pick(CLIENT, [], 0);
    const served = deferred<void>();
    const closed = world.server.close({ served: served.promise });
    assert.equal((await raw.hear())?.t, "goodbye");
    await raw.channel.closeWrite();
    await until("the end of what is told", async () => {
      await world.pass(100, 100);
      return world.clock.pending === 0;
    });
    assert.equal(world.pool.view("default/t")?.active, 1);
    world.pool.release(row, CLIENT, 0, 0, 0);
    served.resolve();
    await closed;
    await raw.close();
    await leavesNothing(world);
  });
});

describe("a reporter that does not read what it is told", () => {
  it("is told no more than some hundred lines, and how things stand once it reads again", async () => {
    const world = await World.start();
    const raw = await world.raw(HOST);
    const reportOf = (ref: number) => {
      const places = { ref, port: REPORT.port + ref, id: `t${ref}` };
      return { ...REPORT, ...places, maxConnections: CONNECTIONS, elsewhere: 0 };
    };
    const refs = Array.from({ length: TARGETS }, (_, ref) => ref);
    for (const ref of refs) assert.equal((await raw.ask({ ...reportOf(ref), credits: CONNECTIONS }))?.t, "ok");
    const rows = Array.from({ length: TARGETS * CONNECTIONS }, () => world.pool.pick(CLIENT, [], 0));
    assert.ok(rows.every((row) => row >= 0));
    // All that end are above what may be used now: each is told.
    for (const ref of refs) await raw.tell({ ...reportOf(ref), credits: 0 });
    const ofTarget = refs.map((ref) => rows.filter((row) => world.pool.identity(row) === `default/t${ref}`));
    for (let each = 1; each < CONNECTIONS; each++) {
      for (const own of ofTarget) world.pool.release(own[each]!, CLIENT, 0, 0, 0);
      await world.pass(100, 100);
    }
    let lines = 0;
    const last = new Map<number, number>();
    const reading = (async () => {
      for (let message = await raw.hear(); message !== null; message = await raw.hear()) {
        if (message.t !== "usage") continue;
        lines++;
        last.set(message.ref, message.active);
      }
    })();
    await until("what there is at last", async () => {
      await world.pass(100, 100);
      return refs.every((ref) => last.get(ref) === 1);
    });
    assert.ok(lines < MOST_LINES, `${lines} lines were kept for it`);
    await leavesNothing(world, raw);
    await reading;
  });
});
