import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine } from "../../src/control/keys/key.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { settle, until, within } from "../support/wait.ts";
import { KEY, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";

describe("peers that have not proved a key", () => {
  it("with a wrong secret or an unknown key get the same answer, and only the log says which it was", async () => {
    const world = await World.start();
    const wrong = await world.raw(A, `web:${"wrong".repeat(4)}`);
    const unknown = await world.raw(B, `nobody:${SECRET}`);
    assert.deepEqual(JSON.parse((await wrong.line()) ?? ""), JSON.parse((await unknown.line()) ?? "null"));
    assert.equal(await wrong.line(), null);
    assert.equal(await unknown.line(), null);
    const [first, second] = world.events;
    assert.ok(first?.[0] === "rejected" && first[1].who.includes(A) && first[1].why.includes('key "web"'));
    assert.ok(second?.[0] === "rejected" && second[1].who.includes(B) && second[1].why.includes('no key "nobody"'));
    assert.ok(!JSON.stringify(world.events).includes(SECRET));
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, wrong, unknown);
  });

  it("cannot fill the log: many names, versions and addresses of one IPv6 network are one line each kind", async () => {
    const world = await World.start();
    for (let n = 0; n < 20; n += 1) {
      const from = `2001:db8::${n + 1}`;
      const unknown = await world.raw(from, `nobody-${n}:${SECRET}`);
      assert.ok((await unknown.line())?.includes("BAD_KEY"));
      const other = await world.connect(from);
      await other.channel.send(other.hello(KEY).line.replace('"v":2', `"v":${n + 3}`));
      assert.ok((await other.line())?.includes("BAD_VERSION"));
      await unknown.close();
      await other.close();
    }
    assert.deepEqual(world.story, ["rejected BAD_KEY", "rejected BAD_VERSION"]);
    await leavesNothing(world);
  });

  it("cannot fill the log from many addresses either", async () => {
    const world = await World.start();
    for (let n = 0; n < 150; n += 1) {
      const raw = await world.raw(`10.2.0.${n}`, `nobody:${SECRET}`);
      assert.ok((await raw.line())?.includes("BAD_KEY"));
      await raw.close();
    }
    assert.equal(world.story.length, 100);
    await leavesNothing(world);
  });

  it("cannot report before they have proved their key", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    await raw.channel.send(JSON.stringify(REPORT));
    assert.equal(await raw.line(), null, "without a hello there is no answer");
    const other = await world.connect(A);
    await other.channel.send(other.hello(KEY).line);
    assert.ok((await other.line())?.includes("answer"));
    await other.channel.send(JSON.stringify(REPORT));
    await other.line(); // a goodbye, for whoever can open it
    assert.equal(await other.line(), null);
    assert.deepEqual(world.story.slice(1), ["rejected NOT_SEALED"]);
    assert.equal(world.server.sessions, 0);
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, raw, other);
  });

  it("cannot use a recorded hello again, neither while its session lasts nor afterwards", async () => {
    const world = await World.start();
    const first = await world.connect(A);
    const { line } = first.hello(KEY);
    await first.channel.send(line);
    assert.ok((await first.line())?.includes("answer"));
    for (const from of [A, B]) {
      const replay = await world.connect(from);
      await replay.channel.send(line);
      assert.ok((await replay.line())?.includes("REPLAYED"));
      assert.equal(await replay.line(), null);
      await replay.close();
      await first.close();
    }
    await leavesNothing(world, first);
  });

  it("that send HTTP, garbage or a line without end are dropped without an answer", async () => {
    const world = await World.start();
    for (const bytes of [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\u0000\u0001\u0002\n",
      "x".repeat(100_000),
      "{}\n",
      "\n",
      `{"t":"answer","m":"AAAA"}\n`,
    ]) {
      const raw = await world.connect(A);
      await raw.channel.connection.write(Buffer.from(bytes)).catch(() => undefined);
      assert.equal(await raw.line(), null, bytes.slice(0, 10));
      await raw.close();
    }
    const told = world.events.flatMap((event) => (event[0] === "rejected" ? [event[1].why] : []));
    assert.ok(told.length > 0);
    for (const why of told) assert.match(why, /^what it sent is no reporter's hello \(.+\): another program/);
    await leavesNothing(world);
  });

  it("of another version of the protocol are told which one is spoken", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    await raw.channel.send(raw.hello(KEY).line.replace('"v":2', '"v":9'));
    assert.ok((await raw.line())?.includes("BAD_VERSION"));
    await leavesNothing(world, raw);
  });

  it("that reset, half-close or leave at any point of the handshake do no harm", async () => {
    const world = await World.start();
    for (const depth of [0, 1, 2, 3]) {
      for (const end of ["abort", "close", "closeWrite"] as const) {
        const raw = await world.connect(A);
        if (depth === 1) await raw.channel.connection.write(Buffer.from('{"t":"hel'));
        if (depth === 2) await raw.channel.send(raw.hello(KEY).line);
        if (depth === 3) await raw.handshake(KEY);
        await raw.channel.connection[end]();
        if (end === "closeWrite") while ((await raw.line()) !== null);
        await raw.close();
      }
    }
    const raw = await world.raw(A);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("do not hold up the stop, and none is let in after it", async () => {
    const world = new World();
    const listen = world.network.listen.bind(world.network);
    let accept: Parameters<typeof listen>[1] = () => undefined;
    world.network.listen = (options, onConnection, onError) => {
      accept = onConnection;
      return listen(options, onConnection, onError);
    };
    await world.server.start();
    const silent = await world.connect(A);
    await settle();
    const accepted: Connection[] = [];
    const other = await listen({ host: "10.0.0.1", port: 9 }, (connection) => accepted.push(connection));
    const late = await world.network.from(B).connect({ to: other.address });
    await until("its other end", () => accepted.length === 1);
    const closed = world.server.close();
    await within("the stop, without a step of the clock", closed, 2_000);
    accept(accepted[0]!); // some runtimes hand one over late
    assert.equal(world.clock.pending, 0);
    await assert.rejects(within("the end of the late one", late.read(), 2_000), { code: "ECONNRESET" });
    await Promise.all([silent.close(), late.close(), other.close()]);
  });

  it("that have proved a key, and not that they are there, have five seconds and the places of that key alone", async () => {
    const keys = ["web", "db"].map((id) => parseKeyLine(`${id}:${SECRET} sessions=3`, "test"));
    const world = await World.start({}, keys);
    const silent = [];
    for (let n = 0; n < 5; n += 1) silent.push(await world.raw(A, `web:${SECRET}`));
    const other = await world.raw(A, `db:${SECRET}`);
    await settle();
    assert.equal(await silent[0]!.line(), null, "the oldest of the key has gone");
    assert.equal(await silent[1]!.line(), null);
    assert.equal(world.network.open, 2 * 4 + 2, "and both ends of four, their own of two");
    assert.equal(world.server.sessions, 0);
    assert.equal((await silent[4]!.ask(REPORT))?.t, "ok");
    world.clock.advance(5_000);
    await settle();
    for (const raw of [silent[2]!, silent[3]!, other]) assert.equal(await raw.line(), null);
    assert.equal(world.server.sessions, 1);
    await leavesNothing(world, ...silent, other);
  });

  it("that say nothing are dropped after five seconds", async () => {
    const world = await World.start();
    const raw = await world.connect(A);
    const end = raw.line();
    await settle();
    world.clock.advance(4_999);
    await settle();
    assert.equal(world.network.open, 2);
    world.clock.advance(1);
    assert.equal(await end, null);
    await leavesNothing(world, raw);
  });

  it("cannot keep a reporter out by ever more silent connections, neither elsewhere nor behind the same address", async () => {
    const world = await World.start({ strangers: 100 });
    const crowd = [];
    for (let n = 0; n < 300; n += 1) crowd.push(await world.connect(n % 2 === 0 ? A : `10.1.${n >> 8}.${n & 255}`));
    await settle();
    const held = world.network.open - crowd.length;
    assert.ok(held <= 100, `${held} places`);
    for (const host of [A, B]) {
      const raw = await world.raw(host);
      assert.equal((await raw.ask(REPORT))?.t, "ok", host);
      await raw.close();
    }
    await leavesNothing(world, ...crowd);
    assert.equal(world.network.open, 0);
  });

  it("hold no more places than the balancer has descriptors for", async () => {
    const world = await World.start({ strangers: 4 });
    const crowd = [];
    for (let n = 0; n < 20; n += 1) crowd.push(await world.connect(n % 2 === 0 ? A : B));
    await settle();
    assert.equal(world.network.open, crowd.length + 4, "the clients' ends, and the balancer's of those with a place");
    const raw = await world.raw(A);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw, ...crowd);
  });
});
