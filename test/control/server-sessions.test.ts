import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle, until } from "../support/wait.ts";
import { ADVERTISER, LEASE, leavesNothing, REPORT, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const STAMPED = { ...REPORT, n: 1, made: 0 };
const ID_A = `default/${A}:8080`;

describe("a fault of the runtime at the end of a session", () => {
  it("ends that session, is told, and leaves the others", async () => {
    const world = new World();
    const { network } = world;
    const listen = network.listen.bind(network);
    let faulty = false;
    network.listen = (at, onConnection, onError) =>
      listen(
        at,
        (connection) => {
          if (faulty) connection.closeWrite = () => Promise.reject(new TypeError("a hole in the runtime"));
          onConnection(connection);
        },
        onError,
      );
    await world.server.start();
    await world.target(A);
    const raw = await world.raw(A);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    faulty = true;
    const refused = await world.raw(B, `web:${"wrong".repeat(4)}`);
    assert.ok((await refused.line())?.includes("BAD_KEY"));
    assert.equal(await refused.line(), null, "its connection is not left open");
    assert.deepEqual(world.story, [`targetUp ${ID_A}`, "rejected BAD_KEY", "rejected INTERNAL"]);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw, refused);
  });
});

describe("an authenticated session", () => {
  for (const [what, send, code] of [
    ["an unsealed line", (raw) => raw.channel.send(JSON.stringify(REPORT)), "NOT_SEALED"],
    ["garbage", (raw) => raw.channel.send("#!@%"), "NOT_SEALED"],
    ["an oversized line", (raw) => raw.channel.send("x".repeat(8_192)), "LINE_TOO_LONG"],
    [
      "a replayed line",
      async (raw) => {
        const line = raw.seal!.seal(STAMPED);
        await raw.channel.send(line);
        await raw.hear();
        await raw.channel.send(line);
      },
      "BAD_SEAL",
    ],
    [
      "reordered lines",
      async (raw) => {
        const lines = [raw.seal!.seal(STAMPED), raw.seal!.seal(STAMPED)];
        await raw.channel.send(lines[1]!);
        await raw.channel.send(lines[0]!);
      },
      "BAD_SEAL",
    ],
    ["a changed line", (raw) => raw.channel.send(`AAAA${raw.seal!.seal(STAMPED).slice(4)}`), "BAD_SEAL"],
    ["a report without a weight", (raw) => raw.tell({ t: "report", pool: "default", port: 1 }), "BAD_MESSAGE"],
    ["a message of the old protocol", (raw) => raw.tell({ t: "CLOSE", id: 5 }), "BAD_MESSAGE"],
  ] as [string, (raw: Awaited<ReturnType<World["raw"]>>) => Promise<void>, string][]) {
    it(`that ends because of ${what} is told so, and its target stays up`, async () => {
      const world = await World.start();
      const target = await world.target(A);
      const raw = await world.raw(A);
      await raw.ask(REPORT);
      await send(raw);
      const answer = await raw.hear();
      assert.ok(answer?.t === "goodbye");
      assert.equal(answer.code, code);
      assert.equal(await raw.hear(), null);
      await raw.close();
      await until("the end of the session", () => world.server.sessions === 0);
      await settle();
      assert.equal(world.pool.targets()[0]?.state, "up");
      assert.deepEqual(world.story, [`targetUp ${ID_A}`, `rejected ${code}`]);
      await leavesNothing(world, target);
    });
  }

  it("may leave before it has registered anything, and twice", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    assert.equal((await raw.ask({ t: "leave" }))?.t, "ok");
    await raw.ask(REPORT);
    await raw.ask({ t: "leave" });
    assert.equal((await raw.ask({ t: "leave" }))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("that does not read its answers is dropped with its lease, and holds no more than a bounded number of bytes", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    let sent = 0;
    const flood = (async () => {
      for (;;) {
        await raw.tell(REPORT);
        sent += 1;
      }
    })().catch(() => undefined);
    await settle(3_000);
    const atRest = sent;
    await settle(200);
    assert.equal(sent, atRest, "the writer is stopped");
    assert.ok(sent < 3_000, `${sent} reports of about 200 bytes`);
    await world.pass(2 * LEASE);
    await flood;
    assert.equal(world.server.sessions, 0);
    await leavesNothing(world, raw);
  });

  for (const [what, change, atOnce, perSecond] of [
    ["changes its mind", (n: number) => ({ drain: n % 2 === 0 }), 10, 2],
    ["changes its weight", (n: number) => ({ weight: n }), 90, 20],
  ] as const) {
    it(`that ${what} without end is heard ${perSecond} times a second, so that it floods neither the log nor its target`, async () => {
      const world = await World.start();
      const target = await world.target(A);
      const raw = await world.raw(A);
      const reports = Array.from({ length: 300 }, (_, n) =>
        raw.tell({ ...REPORT, ...change(n) }).catch(() => undefined),
      );
      await settle(500);
      const first = world.changes;
      await world.pass(2_000, 50);
      const later = world.changes - first;
      assert.ok(first >= atOnce && first <= 2 * atOnce + 5, `${first} changes at once`);
      assert.ok(later >= 2 * perSecond - 1 && later <= 4 * perSecond + 4, `${later} changes in two seconds`);
      await raw.close();
      await Promise.all(reports);
      await leavesNothing(world, target);
    });
  }

  it("past the number of reporters allowed is told to try again", async () => {
    const world = await World.start({ maxSessions: () => 1 });
    const first = await world.raw(A);
    await first.ask(REPORT);
    const second = await world.raw(B);
    const answer = await second.ask(REPORT);
    assert.ok(answer?.t === "goodbye" && answer.code === "BUSY");
    await leavesNothing(world, first, second);
  });

  it("past that number takes the place of the oldest that has reported nothing", async () => {
    const world = await World.start({ maxSessions: () => 3 });
    const useful = await world.raw(A);
    assert.equal((await useful.ask(REPORT))?.t, "ok");
    const silent = await world.raw(B);
    const newer = await world.raw(B);
    for (const raw of [silent, newer]) await raw.ask({ t: "leave" });
    await until("the sessions", () => world.server.sessions === 3);
    const reporter = await world.raw(B);
    assert.equal((await reporter.ask(REPORT))?.t, "ok");
    const farewell = await silent.hear();
    assert.ok(farewell?.t === "goodbye" && farewell.code === "BUSY");
    for (const raw of [useful, newer]) assert.equal((await raw.ask({ t: "leave" }))?.t, "ok");
    assert.equal(world.server.sessions, 3);
    await leavesNothing(world, useful, silent, newer, reporter);
  });

  it("finds nobody who listens where the balancer was stopped while it started", async () => {
    const world = new World();
    const started = world.server.start();
    const closed = world.server.close();
    await Promise.all([started, closed]);
    await assert.rejects(world.connect(A), { code: "ECONNREFUSED" });
    assert.equal(world.clock.pending, 0);
  });

  it("is told goodbye when the balancer stops", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    const closed = world.server.close({ reason: "going down for repairs" });
    const farewell = await raw.hear();
    assert.deepEqual(farewell, { t: "goodbye", code: "STOPPING", reason: "going down for repairs" });
    await raw.close();
    await closed;
    assert.equal(world.clock.pending, 0);
    assert.equal(world.network.open, 0);
  });

  it("registers nothing once the stop was asked for: not by a report on its way, nor by one whose host is being resolved", async () => {
    let resolved: (hosts: readonly string[]) => void = () => undefined;
    const resolve = () => new Promise<readonly string[]>((done) => (resolved = done));
    const world = await World.start({ resolve }, [ADVERTISER]);
    const [late, waiting] = [await world.raw(A), await world.raw(B)];
    for (const raw of [late, waiting]) await raw.ask({ t: "leave" });
    await until("both sessions", () => world.server.sessions === 2);
    await waiting.tell({ ...REPORT, advertise: "slow.example" });
    await settle();
    const closed = world.server.close();
    await late.tell(REPORT);
    resolved([B]);
    await settle();
    assert.deepEqual([world.pool.targets(), world.story], [[], []]);
    await Promise.all([late.close(), waiting.close()]);
    await closed;
  });

  it("whose host is being resolved does not wait for the resolver: nobody needs the answer", async () => {
    let signal: AbortSignal | undefined;
    const resolve = (_host: string, given?: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal = given;
        given?.addEventListener("abort", () => reject(given.reason));
      });
    const world = await World.start({ resolve }, [ADVERTISER]);
    const raw = await world.raw(A);
    const answer = raw.ask({ ...REPORT, advertise: "slow.example" });
    await until("the question", () => signal !== undefined);
    await leavesNothing(world);
    assert.equal((await answer)?.t, "goodbye");
    assert.deepEqual(world.story, [], "it is not called unresolvable");
    await raw.close();
  });

  it("that ignores the goodbye does not delay the balancer", async () => {
    const world = await World.start();
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await leavesNothing(world);
    await raw.close();
    assert.equal(world.network.open, 0);
  });
});
