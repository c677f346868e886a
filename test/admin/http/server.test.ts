/** The HTTP server: how requests and answers follow each other, and what it does not put up with. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { turn } from "../../../src/util/slices.ts";
import { until } from "../../support/wait.ts";
import { openSite, World } from "./world.ts";

const echo = openSite(async (request, asker) => {
  const { pathname, search } = new URL(request.url);
  return Response.json({ method: request.method, path: pathname + search, body: await request.text(), asker });
});

const NEVER = new Promise<never>(() => undefined);

/** Items as they are asked for; `cancelled` resolves when nobody wants more. */
function streamOf(items: AsyncIterable<string> | Iterable<string>) {
  const encoder = new TextEncoder();
  const seen = { cancelled: false, given: 0 };
  async function* all() {
    yield* items;
  }
  const iterator = all();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) return controller.close();
      seen.given++;
      controller.enqueue(encoder.encode(value));
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { seen, body };
}

/** One event, and then nothing happens. */
async function* waiting() {
  yield "data: 1\n\n";
  await NEVER;
}

function* endless(text: string): Generator<string> {
  for (;;) yield text;
}

const EVENTS = { headers: { "content-type": "text/event-stream" } };

describe("the HTTP server", () => {
  it("answers one request after the other on a connection", async () => {
    const world = await World.start(echo);
    const peer = await world.peer();
    const first = await peer.exchange("POST", "/a?b=c", { body: "hello" });
    assert.deepEqual(JSON.parse(first.body), { method: "POST", path: "/a?b=c", body: "hello", asker: "10.0.0.9" });
    assert.match(first.headers.get("date") ?? "", /GMT$/);
    assert.equal((await peer.exchange("GET", "/d")).status, 200);
    assert.equal(peer.ended, false);
  });

  it("answers requests in their order that come at once, and in single bytes", async () => {
    const world = await World.start(echo, {}, 1);
    const peer = await world.peer();
    for (const [path, body] of [
      ["/1", "one"],
      ["/2", "two"],
      ["/3", "three"],
    ] as const)
      await peer.ask("POST", path, { body });
    for (const body of ["one", "two", "three"]) assert.equal(JSON.parse((await peer.answer()).body).body, body);
  });

  it("turns the event loop before each request, however many come at once on a connection or on several", async () => {
    let turns = 0;
    let counting = true;
    const count = () => void (counting && setImmediate(count, turns++));
    count();
    const served: number[] = [];
    const site = openSite(() => {
      served.push(turns);
      return new Response("text");
    });
    const world = await World.start(site);
    const peers = await Promise.all([world.peer(), world.peer(), world.peer()]);
    await Promise.all(peers.map((peer) => peer.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10))));
    await until("the answers", () => served.length === 30);
    counting = false;
    assert.equal(new Set(served).size, 30);
  });

  it("does not work for a connection that was dropped before its turn came", async () => {
    const asked: string[] = [];
    const site = openSite(({ url }) => {
      asked.push(new URL(url).pathname);
      return new Response("text");
    });
    const world = await World.start(site, { mostWaiting: 2 });
    const first = await world.peer();
    for (let i = 0; i < 200; i++) void turn();
    await first.ask("GET", "/1");
    const others = [await world.peer(), await world.peer()];
    await first.end();
    assert.equal((await others[1]!.exchange("GET", "/2")).status, 200);
    assert.deepEqual(asked, ["/2"]);
  });

  it("ends the connection when it is asked to, and behind HTTP/1.0", async () => {
    const world = await World.start(echo);
    const closing = await world.peer();
    assert.equal((await closing.exchange("GET", "/", { connection: "close" })).headers.get("connection"), "close");
    await closing.end();
    const old = await world.peer();
    await old.send("GET / HTTP/1.0\r\n\r\n");
    assert.equal((await old.answer()).status, 200);
    await old.end();
    world.clock.advance(2_000); // neither of them sends a FIN
    await until("the sessions' end", () => world.server.size === 0);
  });

  it("sends no body to HEAD, nor with 204", async () => {
    const world = await World.start(
      openSite(({ method }) => (method === "DELETE" ? new Response(null, { status: 204 }) : new Response("text"))),
    );
    const peer = await world.peer();
    assert.equal((await peer.exchange("HEAD", "/")).status, 200);
    await peer.ask("DELETE", "/");
    assert.equal((await peer.answer(true)).status, 204);
    assert.equal((await peer.exchange("GET", "/")).body, "text");
  });

  it("asks for a body that waits to be asked for, and only where it is wanted", async () => {
    const world = await World.start(echo);
    const peer = await world.peer();
    await peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n");
    assert.equal((await peer.answer()).status, 100);
    await peer.send("abc");
    assert.equal(JSON.parse((await peer.answer()).body).body, "abc");
    await peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\nexpect: 100-continue\r\n\r\n");
    assert.equal((await peer.answer()).status, 413);
  });

  it("says what is wrong to whoever still sends, and reads no more of it than it has to", async () => {
    const world = await World.start(echo);
    const peer = await world.peer();
    const sent = peer.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n${"x".repeat(100_000)}`);
    const { status, body, headers } = await peer.answer();
    assert.deepEqual([status, headers.get("connection")], [413, "close"]);
    assert.match(JSON.parse(body).error.message, /1000 bytes/);
    await sent;
    await peer.connection.close();
    await until("the session's end", () => world.server.size === 0);
  });

  it("refuses what is no HTTP, and goes on with others", async () => {
    const world = await World.start(echo);
    for (const [text, status] of [
      ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400],
      ["SSH-2.0-OpenSSH_9.2\r\n\r\n", 400],
      ["PRI * HTTP/2.0\r\n\r\n", 505],
      [`GET / HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(17_000)}`, 431],
    ] as const) {
      const peer = await world.peer();
      const sent = peer.send(text).catch(() => undefined);
      assert.equal((await peer.answer()).status, status, JSON.stringify(text.slice(0, 20)));
      await sent;
      await peer.connection.close();
    }
    assert.equal((await (await world.peer()).exchange("GET", "/")).status, 200);
    await until("the sessions' end", () => world.server.size === 1);
  });

  it("does not answer whoever is not admitted, and reads no body of it", async () => {
    let asked = 0;
    const world = await World.start({
      admit: ({ method }) =>
        method === "GET" ? { asker: "", group: "", longestBody: 0 } : { response: new Response("no", { status: 401 }) },
      answer() {
        asked++;
        return new Response("yes");
      },
    });
    const peer = await world.peer();
    assert.equal((await peer.exchange("DELETE", "/")).status, 401);
    assert.equal((await peer.exchange("GET", "/")).status, 200);
    assert.equal((await peer.exchange("POST", "/", { body: "x" })).headers.get("connection"), "close");
    assert.equal(asked, 1);
  });

  it("answers that it is at fault where the answer fails, and tells of it", async () => {
    const world = await World.start(openSite(() => Promise.reject(new Error("oops"))));
    const { status, body } = await (await world.peer()).exchange("GET", "/");
    assert.deepEqual([status, JSON.parse(body).error.code], [500, "INTERNAL"]);
    assert.deepEqual(world.faults.map(String), ["Error: oops"]);
  });

  it("frames an answer that comes in pieces, in chunks or by the end of the connection", async () => {
    const world = await World.start(openSite(() => new Response(streamOf(["one ", "two ", "three"]).body)));
    const peer = await world.peer();
    assert.equal((await peer.exchange("GET", "/")).body, "one two three");
    assert.equal((await peer.exchange("GET", "/")).headers.get("transfer-encoding"), "chunked");
    const old = await world.peer();
    await old.send("GET / HTTP/1.0\r\n\r\n");
    await old.end();
    assert.equal((await old.answer()).body, "one two three");
  });

  it("cuts an answer off that fails half-way, so that nobody takes it for whole", async () => {
    async function* failing() {
      yield "one";
      yield "two";
      throw new Error("oops");
    }
    const world = await World.start(openSite(() => new Response(streamOf(failing()).body)));
    const peer = await world.peer();
    await peer.ask("GET", "/");
    await peer.end();
    assert.doesNotMatch(peer.text, /\r\n0\r\n/);
    assert.equal(world.faults.length, 1);
  });
});

describe("the HTTP server's time", () => {
  it("is up for who is silent, before a request and between two", async () => {
    const world = await World.start(echo);
    const [fresh, used] = [await world.peer(), await world.peer()];
    await used.exchange("GET", "/");
    world.clock.advance(80_000);
    await Promise.all([fresh.end(), used.end()]);
    assert.deepEqual([fresh.text, used.text], ["", ""]);
    await until("the sessions' end", () => world.server.size === 0);
    assert.equal(world.clock.pending, 0);
  });

  it("is up for a head that comes byte by byte", async () => {
    const world = await World.start(echo);
    const peer = await world.peer();
    for (const byte of "GET / HTTP") {
      await peer.send(byte);
      await until("the byte", () => world.clock.next !== null);
      world.clock.advance(900);
    }
    world.clock.advance(2_000);
    assert.equal((await peer.answer()).status, 408);
    await peer.end();
  });

  it("is up for a body that does not come", async () => {
    const world = await World.start(echo);
    const peer = await world.peer();
    await peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
    await until("the body to be waited for", () => world.clock.next === 30_000);
    world.clock.advance(30_000);
    assert.equal((await peer.answer()).status, 408);
    await peer.end();
  });

  it("is up for a reader that does not read, and nothing is made for it any more", async () => {
    const { seen, body } = streamOf(endless("x".repeat(1_000)));
    const world = await World.start(openSite(() => new Response(body)));
    const peer = await world.peer();
    peer.pause();
    await peer.ask("GET", "/");
    await until("a write that waits", () => world.clock.next !== null && seen.given > 3);
    const before = seen.given;
    world.clock.advance(15_000);
    await until("the end of it", () => seen.cancelled);
    assert.ok(seen.given - before <= 1, "it was held up");
    await until("the session's end", () => world.server.size === 0);
    assert.deepEqual(world.faults, []);
  });

  it("is not up for whoever reads a stream in which nothing happens", async () => {
    const { seen, body } = streamOf(waiting());
    const world = await World.start(openSite(() => new Response(body, EVENTS)));
    const peer = await world.peer();
    await peer.ask("GET", "/");
    await until("the first event", () => peer.text.includes("data: 1"));
    world.clock.advance(7 * 86_400_000);
    assert.equal(peer.ended, false);
    assert.equal(seen.cancelled, false);
    await world.server.close();
    await peer.end();
    await until("the stream's end", () => seen.cancelled);
  });

  it("is not wasted on a stream whose reader has gone, in whatever way", async () => {
    for (const leave of ["close", "abort"] as const) {
      const { seen, body } = streamOf(waiting());
      const world = await World.start(openSite(() => new Response(body, EVENTS)));
      const peer = await world.peer();
      await peer.ask("GET", "/");
      await until("the first event", () => peer.text.includes("data: 1"));
      void peer.connection[leave]();
      await until("the stream's end", () => seen.cancelled);
      await until("the session's end", () => world.server.size === 0);
    }
  });
});

describe("the HTTP server's places", () => {
  it("are a newcomer's, whatever crowd waits there", async () => {
    const world = await World.start(echo, { mostWaiting: 100 });
    const crowd = [];
    for (let n = 0; n < 1_000; n++) crowd.push(await world.peer("10.0.0.66"));
    const peer = await world.peer();
    assert.equal((await peer.exchange("GET", "/")).status, 200);
    const oneOfThem = await world.peer("10.0.0.66");
    assert.equal((await oneOfThem.exchange("GET", "/")).status, 200);
    await until("all but a hundred to be dropped", () => world.server.size <= 100);
    assert.equal((await peer.exchange("GET", "/again")).status, 200);
    assert.ok(crowd.filter(({ ended }) => ended).length >= 900);
  });

  it("are taken from who holds most streams, when there is one too many", async () => {
    const world = await World.start(
      openSite(() => new Response(streamOf(waiting()).body, EVENTS)),
      { mostBusy: 4 },
    );
    const stream = async (from: string) => {
      const peer = await world.peer(from);
      await peer.ask("GET", "/");
      await until("an event", () => peer.text.includes("data: 1"));
      return peer;
    };
    const single = await stream("10.0.0.2");
    const greedy = [await stream("10.0.0.3"), await stream("10.0.0.3"), await stream("10.0.0.3")];
    const another = await stream("10.0.0.4");
    await greedy[0]!.end();
    assert.deepEqual([single.ended, another.ended, greedy[1]!.ended], [false, false, false]);
  });
});
