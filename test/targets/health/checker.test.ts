import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { parseCheck } from "../../../src/config/check-text.ts";
import { ownProxyHeader } from "../../../src/edge/proxy-header/write.ts";
import { MemoryNetwork } from "../../../src/net/memory/memory.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import type { AgentCheck } from "../../../src/targets/health/check.ts";
import { Checker } from "../../../src/targets/health/checker.ts";
import { readUntil } from "../../../src/targets/health/conversation.ts";
import { bodyOf, readHead } from "../../../src/targets/health/http-answer.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";
import { settle } from "../../support/wait.ts";

const SERVER = { host: "10.0.0.7", port: 8080 };
const AGENT: AgentCheck = {
  kind: "agent",
  send: new Uint8Array(),
  address: null,
  port: 9,
  interval: 1,
  timeout: 1_000,
  rise: 1,
  fall: 1,
};
const checkers: Checker[] = [];
after(() => Promise.all(checkers.map((each) => each.close())));

function setUp() {
  const network = new MemoryNetwork();
  const clock = new ManualClock();
  const checker = new Checker({ runtime: network, clock });
  checkers.push(checker);
  /** A server that says `answer` once somebody has spoken, or at once, and what it has heard. */
  const serving = async (answer: string | null, { port = SERVER.port, first = false } = {}) => {
    const heard: string[] = [];
    await network.listen({ host: SERVER.host, port }, async (connection: Connection) => {
      if (!first) heard.push(Buffer.from((await connection.read().catch(() => null)) ?? []).toString());
      if (answer !== null) await connection.write(Buffer.from(answer, "latin1")).catch(() => undefined);
      if (answer !== null) return connection.close();
      await connection.read().catch(() => null);
      connection.abort();
    });
    return heard;
  };
  const ask = async (text: string) => {
    const { ok, reason } = await checker.run(parseCheck(text), SERVER);
    return [ok, reason];
  };
  return { network, clock, checker, serving, ask };
}

describe("a check by TCP", () => {
  it("passes where a connection is accepted, and says why it is not", async () => {
    const { serving, ask, network } = setUp();
    assert.deepEqual(await ask("tcp"), [false, "connection refused, nothing accepts connections there"]);
    await serving("hello", { first: true });
    assert.deepEqual(await ask("tcp"), [true, "it accepts connections"]);
    assert.equal((await ask("tcp port=8081"))[0], false);
    network.connectFault = () => "EMFILE";
    assert.equal((await ask("tcp"))[0], null, "a lack of its own says nothing of the server");
  });
});

describe("a check that sends and expects", () => {
  it("passes where what is expected comes, in however many pieces", async () => {
    const { serving, ask } = setUp();
    const heard = await serving("220 ready\r\n+PONG\r\n");
    assert.deepEqual(await ask('send:"PING\\r\\n" expect:+PONG'), [true, "it answers as expected"]);
    assert.deepEqual(heard, ["PING\r\n"]);
    assert.deepEqual(await ask("send:x expect:+PANG"), [
      false,
      'it answered "220 ready\\r\\n+PONG\\r\\n", not "+PANG"',
    ]);
  });
});

describe("a check of a server that wants a PROXY header", () => {
  it("says in one that it speaks for itself, before it asks", async () => {
    const { serving, ask } = setUp();
    const heard = await serving("+PONG\r\n");
    assert.deepEqual(await ask("send:PING expect:+PONG proxy=v1"), [true, "it answers as expected"]);
    await ask("http:/ proxy=v2");
    assert.equal(heard[0], "PROXY UNKNOWN\r\n");
    assert.equal(heard[1], Buffer.from(ownProxyHeader(2)).toString());
  });
});

describe("a check by HTTP", () => {
  it("asks as a browser would, and judges the status", async () => {
    const { serving, ask } = setUp();
    const heard = await serving("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    assert.deepEqual(await ask("http:/healthz?a=b host=app.example"), [false, "HTTP 503"]);
    assert.match(
      heard[0]!,
      /^GET \/healthz\?a=b HTTP\/1\.1\r\nHost: app\.example\r\n(.+\r\n)*Connection: close\r\n\r\n$/,
    );
    assert.deepEqual(await ask("http:/ status=200/500-599"), [true, "HTTP 503"]);
    assert.match(heard[1]!, /\r\nHost: 10\.0\.0\.7:8080\r\n/);
  });

  it("looks for a text in the body, through chunks and interim answers", async () => {
    const { serving, ask } = setUp();
    await serving(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n5\r\ngood!\r\n0\r\n\r\n",
    );
    assert.deepEqual(await ask('http:/ body="all good"'), [true, "HTTP 200"]);
    assert.deepEqual(await ask("http:/ body=bad"), [false, 'HTTP 200, and its body does not contain "bad"']);
  });

  it("has a reason where what comes is no HTTP, or nothing", async () => {
    const one = setUp();
    await one.serving("SSH-2.0-x\r\n");
    assert.deepEqual(await one.ask("http:/"), [false, "what it answers is not HTTP"]);
    const other = setUp();
    await other.serving("");
    assert.deepEqual(await other.ask("http:/"), [false, "it closed the connection without an answer"]);
  });

  it("finds the same in an answer however it is cut, and never more than has come", () => {
    const text = fc.stringMatching(/^[a-z]{0,20}$/);
    fc.assert(
      fc.property(
        fc.array(text.filter(Boolean)),
        fc.constantFrom("chunked", "length", "close"),
        fc.nat(),
        (parts, framing, cut) => {
          const body = parts.join("");
          const chunks = parts.map((each) => `${each.length.toString(16)}\r\n${each}\r\n`).join("");
          const whole = {
            chunked: `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
            length: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
            close: `HTTP/1.0 200 OK\r\n\r\n${body}`,
          }[framing];
          const head = readHead(Buffer.from(whole));
          assert.ok(head !== null && head !== "bad");
          assert.equal(bodyOf(Buffer.from(whole), head).bytes.toString(), body);
          const part = Buffer.from(whole).subarray(0, cut % (whole.length + 1));
          const early = readHead(part);
          assert.notEqual(early, "bad");
          if (early !== null && early !== "bad") assert.ok(body.startsWith(bodyOf(part, early).bytes.toString()));
        },
      ),
    );
  });

  it("looks through a thousand chunks of a body, and no more", () => {
    const head = { status: 200, end: 0, chunked: true, length: null };
    const { bytes, isWhole } = bodyOf(Buffer.from("1\nx\n".repeat(5_000)), head);
    assert.deepEqual([bytes.length, isWhole], [1_000, true]);
  });

  it("looks at an answer in single bytes a hundred times a second at most, and at the first ones as they come", async () => {
    const clock = new ManualClock();
    const server = { isGone: false, read: async () => (server.isGone ? null : Buffer.from("x")) };
    let looks = 0;
    const isEnough = () => {
      looks += 1;
      return false;
    };
    const reading = readUntil(server, 64 * 1024, clock, isEnough);
    await settle();
    assert.equal(looks, 17);
    for (let ms = 0; ms < 1_000; ms += 10) {
      clock.advance(10);
      await settle();
    }
    assert.equal(looks, 117);
    server.isGone = true;
    clock.advance(10);
    assert.equal((await reading).length, 116);
  });

  it("judges any bytes without failing", () => {
    const piece = fc.constantFrom(
      "HTTP/1.1 ",
      "200",
      " OK\r\n",
      "\r\n",
      "transfer-encoding: chunked\r\n",
      "content-length: 5\r\n",
      "ffffffffffff\r\n",
      "-1\r\n",
      "x",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const bytes = Buffer.from(pieces.join(""));
        const head = readHead(bytes);
        if (head !== null && head !== "bad") bodyOf(bytes, head);
      }),
    );
  });
});

describe("an agent's answer", () => {
  it("is its word, and one that is none says nothing", async () => {
    const { serving, checker } = setUp();
    await serving("drain 30% # busy\nmore", { port: 9, first: true });
    const { ok, word } = await checker.run(AGENT, SERVER);
    assert.deepEqual([ok, word], [true, { order: "drain", percent: 30, reason: "busy" }]);
    await serving("what?\n", { port: 10, first: true });
    const other = await checker.run({ ...AGENT, port: 10 }, SERVER);
    assert.deepEqual(
      [other.ok, other.word, other.reason],
      [false, undefined, 'its agent said "what?", which is no word of the protocol'],
    );
  });
});

describe("the time of a check", () => {
  it("is bounded, whatever the server does, and nothing is left of it", async () => {
    for (const text of ["tcp", "http:/ timeout=1s", "send:x expect:y"]) {
      const { serving, checker, clock, network } = setUp();
      if (text === "tcp") network.connectFault = () => "blackhole";
      else await serving(null);
      const running = checker.run(parseCheck(text), SERVER);
      await settle();
      clock.advance(1_000);
      assert.deepEqual(await running, { ok: false, reason: "no answer within 1s", ms: 1_000 });
      await settle();
      assert.deepEqual([clock.pending, network.open], [0, 0], text);
    }
  });

  it("proves nothing where it was over while this process could not look", async () => {
    const network = new MemoryNetwork();
    network.connectFault = () => "blackhole";
    let now = 0;
    let fire = () => {};
    const after = (_: number, run: () => void) => {
      fire = run;
      return () => undefined;
    };
    const checker = new Checker({ runtime: network, clock: { now: () => now, after } });
    for (const [ms, ok] of [
      [1_100, false],
      [12_000, null],
    ] as const) {
      const running = checker.run(parseCheck("tcp"), SERVER);
      await settle();
      now += ms;
      fire();
      assert.equal((await running).ok, ok);
    }
  });

  it("ends with the checker's, without a word about the server", async () => {
    const { serving, checker, clock, network } = setUp();
    await serving(null);
    const running = checker.run(parseCheck("http:/"), SERVER);
    await settle();
    await checker.close();
    assert.equal((await running).ok, null);
    assert.equal((await checker.run(parseCheck("tcp"), SERVER)).ok, null);
    await settle();
    assert.deepEqual([clock.pending, network.open], [0, 0]);
  });
});
