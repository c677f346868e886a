/** What becomes of a group's store when its Redis is stopped, killed, full, locked, or no Redis at all. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import type { RedisStoreSettings } from "../../src/group/redis/open.ts";
import { certificateFiles, renewedFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { closedAddress, LOOPBACK } from "../support/ports.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { now, until, within } from "../support/wait.ts";
import { atServer, closeStores, connectedAgain, openConnected, openStore, rejection } from "./redis-world.ts";
import { allCalls, changes, NOTHING, texts } from "./store-suite.ts";

const peers: Server[] = [];

afterEach(async () => {
  await closeStores();
  for (const peer of peers.splice(0)) peer.close();
});
after(async () => {
  await endRedis();
  removeFolders();
});

/** A call takes at most 2 s; the rest is what a busy machine takes. */
const BOUND_MS = 8_000;

describe("a Redis that fails", { skip: noRedis }, () => {
  it("that is not there: every call is rejected at once, and once it is there it is found", async () => {
    const { port } = await closedAddress();
    const counted = await openStore(atServer(port));
    const { code, fault } = await rejection(counted, /cannot be reached \(ECONNREFUSED\)/);
    assert.deepEqual([code, fault], ["GROUP_LOST", "balancer"]);
    for (const call of allCalls(counted.store)) await assert.rejects(call, { code: "GROUP_LOST" });
    const server = await RedisServer.start({ port });
    await connectedAgain(counted, 0);
    await counted.store.say("a", "word");
    await server.kill();
  });

  it("that is stopped: calls are rejected in bounded time, and when it goes on it is asked again", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    await counted.store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "word", "hint");
    const before = counted.connected;
    server.stop();
    const began = now();
    for (const call of allCalls(counted.store)) await assert.rejects(call, { code: "GROUP_LOST" });
    assert.ok(now() - began < BOUND_MS, `${now() - began} ms`);
    server.goOn();
    await connectedAgain(counted, before);
    assert.deepEqual([...(await counted.store.read("a", "targets", null))], [["x", "1"]]);
    await server.kill();
  });

  it("that is stopped while nobody asks: who only listens notices it as well", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    const before = counted.connected;
    server.stop();
    await until("the loss", () =>
      counted.store.forget("nobody", "").then(
        () => false,
        () => true,
      ),
    );
    server.goOn();
    await connectedAgain(counted, before);
    await server.kill();
  });

  it("that is killed and started anew, empty: it is found, nothing is there, and stamps are taken", async () => {
    const server = await RedisServer.start();
    const [counted, other] = [await openConnected(atServer(server.port)), await openConnected(atServer(server.port))];
    const orders = new Map([["x", { text: "drain", at: 1 }]]);
    await counted.store.stamp("orders", orders, "");
    const before = [counted.connected, other.connected] as const;
    await server.kill();
    await rejection(counted, /has closed the connection|cannot be reached/);
    await server.start();
    await connectedAgain(counted, before[0]);
    await connectedAgain(other, before[1]);
    assert.equal((await counted.store.readStamped("orders")).size, 0);
    const heard: string[] = [];
    other.store.onHint = (hint) => heard.push(hint);
    await counted.store.stamp("orders", orders, "stamped");
    assert.equal((await counted.store.readStamped("orders")).size, 1);
    await until("the hint", () => heard.includes("stamped"));
    await server.kill();
  });

  it("that is full: what it does not take is refused, what it has can be read", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    await counted.store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "word", "");
    await server.tell("CONFIG SET maxmemory 1");
    const set = texts({ y: "2" });
    await assert.rejects(counted.store.write("a", "targets", changes({ set, anew: true }), "word", ""), {
      code: "GROUP_REFUSED",
      message: /is full: raise its maxmemory/,
    });
    assert.deepEqual([...(await counted.store.read("a", "targets", null))], [["x", "1"]]);
    assert.equal(counted.connected, 1);
    await server.kill();
  });

  it("that is flushed: what is written afterwards is there", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    await counted.store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "word", "");
    await server.tell("FLUSHALL");
    assert.deepEqual([...(await counted.store.say("a", "again"))], []);
    assert.deepEqual([...(await counted.store.say("a", "again"))], [["a", "again"]]);
    await server.kill();
  });
});

describe("who may write", { skip: noRedis }, () => {
  const at = (server: RedisServer, part: Partial<RedisStoreSettings>): RedisStoreSettings => ({
    ...atServer(server.port),
    ...part,
  });

  it("a password: right, wrong, none, and one that its file gets later", async () => {
    const server = await RedisServer.start({ config: ["requirepass of-this-test"] });
    await openConnected(at(server, { password: "of-this-test" }));
    const wrong = await rejection(await openStore(at(server, { password: "secret-and-wrong" })), /requirepass or ACL/);
    assert.deepEqual([wrong.code, wrong.fault], ["GROUP_REFUSED", "config"]);
    assert.doesNotMatch(JSON.stringify([wrong.message, wrong.stack, wrong.cause]), /secret-and-wrong/);
    await rejection(await openStore(at(server, {})), /asks for a password: give it with group-password-file/);
    const file = join(temporaryFolder("password"), "password");
    writeFileSync(file, "wrong\n", { mode: 0o600 });
    const counted = await openStore(at(server, { passwordFile: file }));
    await rejection(counted, /requirepass or ACL/);
    writeFileSync(file, "of-this-test\n");
    await connectedAgain(counted, 0);
    await server.kill();
  });

  it("a password where none is asked for, and one of a user who may do too little", async () => {
    const server = await RedisServer.start();
    await openConnected(at(server, { password: "not needed" }));
    await server.tell("ACL SETUSER app on >secret ~harmony:* &* +@all -publish");
    const counted = await openConnected({ ...atServer(server.port, { user: "app" }), password: "secret" });
    await counted.store.say("a", "word");
    await assert.rejects(counted.store.write("a", "targets", NOTHING, "word", "hint"), {
      code: "GROUP_REFUSED",
      message: /does not let this user do what a group needs/,
    });
    await server.kill();
  });

  it("TLS: with the authority that has signed, without it, and where none is spoken", async () => {
    const { ca, cert, key } = certificateFiles;
    const server = await RedisServer.start({ tls: { ca, cert, key } });
    const settings = atServer(server.port, { tls: true, addresses: [{ host: "localhost", port: server.port }] });
    const { store } = await openConnected({ ...settings, ca });
    await store.say("a", "word");
    const refused = await rejection(await openStore({ ...settings, ca: renewedFiles.ca }), /is not trusted/);
    assert.equal(refused.code, "GROUP_REFUSED");
    const plain = await RedisServer.start();
    const lost = await rejection(await openStore({ ...atServer(plain.port, { tls: true }), ca }), /cannot be reached/);
    assert.equal(lost.code, "GROUP_LOST");
    await Promise.all([server.kill(), plain.kill()]);
  });

  it("a Unix socket, and a database of its own", {
    skip: process.platform === "win32" && "no Unix sockets",
  }, async () => {
    const server = await RedisServer.start();
    const [zero, three] = await Promise.all(
      [0, 3].map((database) =>
        openConnected(atServer(server.port, { addresses: [{ path: server.socket }], database })),
      ),
    );
    await zero!.store.say("a", "word");
    assert.deepEqual([...(await three!.store.say("b", "word"))], []);
    assert.deepEqual([...(await zero!.store.say("a", "word"))], [["a", "word"]]);
    await server.kill();
  });
});

describe("what is kept", { skip: noRedis }, () => {
  it("too long or too many is refused before it is written", async () => {
    const server = await RedisServer.start();
    const { store } = await openConnected(atServer(server.port));
    const refused = { code: "GROUP_REFUSED", message: /too much/ };
    const long = texts({ x: "é".repeat(33_000) });
    await assert.rejects(store.write("a", "targets", changes({ set: long }), "word", ""), refused);
    await assert.rejects(store.say("a", "w".repeat(70_000)), refused);
    const many = new Map(Array.from({ length: 100_001 }, (_, i) => [String(i), ""]));
    await assert.rejects(store.write("a", "targets", changes({ set: many }), "word", ""), refused);
    assert.deepEqual([...(await store.say("b", ""))], []);
    await server.kill();
  });

  it("what others have written there is ignored, and said once", async () => {
    const server = await RedisServer.start();
    const { store, warnings } = await openConnected(atServer(server.port));
    await store.write("a", "targets", changes({ set: texts({ x: "1" }) }), "word", "");
    await server.tell(`EVAL "redis.call('HSET', 'harmony:{test}:1:targets:a', 'y', string.rep('y', 70000))" 0`);
    for (let i = 0; i < 2; i++) assert.deepEqual([...(await store.read("a", "targets", null))], [["x", "1"]]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /harmony:\{test\}:1:targets:a has of "y" is longer than 65536 bytes/);
    await server.tell("HSET harmony:{test}:1:orders bad drain huge 99999999999999999999 nan nanx good '5 drain'");
    assert.deepEqual([...(await store.readStamped("orders"))], [["good", { text: "drain", at: 5 }]]);
    assert.equal(warnings.length, 4);
    const stamp = { text: "none", at: 1 };
    await store.stamp(
      "orders",
      new Map([
        ["bad", stamp],
        ["huge", stamp],
        ["nan", stamp],
        ["good", stamp],
      ]),
      "",
    );
    assert.equal((await store.readStamped("orders")).get("huge")?.text, "none");
    assert.equal((await store.readStamped("orders")).get("good")?.text, "drain");
    await server.tell("SET harmony:{test}:1:revoked text");
    await assert.rejects(store.readStamped("revoked"), { code: "GROUP_REFUSED", message: /another program uses it/ });
    await server.kill();
  });

  it("more names than a balancer has are refused, far more end the connection, and neither the process", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    const fill = (key: string, count: number) =>
      server.tell(`EVAL "for i = 1, ${count} do redis.call('HSET', 'harmony:{test}:1:${key}', i, '') end" 0`);
    await fill("targets:many", 100_001);
    const many = { code: "GROUP_REFUSED", message: /more than 100000 names/ };
    await assert.rejects(counted.store.read("many", "targets", null), many);
    await fill("targets:far-more", 200_001);
    const far = { code: "GROUP_REFUSED", message: /more than 400000 parts/ };
    await assert.rejects(counted.store.read("far-more", "targets", null), far);
    await connectedAgain(counted, 1);
    await server.kill();
  });

  it("goes by itself a day after a balancer was last heard, and orders stay", async () => {
    const server = await RedisServer.start();
    const { store } = await openConnected(atServer(server.port));
    await store.write("a", "bindings", changes({ set: texts({ x: "1" }) }), "word", "");
    await store.stamp("orders", new Map([["x", { text: "drain", at: 1 }]]), "");
    const life = async (key: string) => Number((await server.tell(`TTL harmony:{test}:1:${key}`)).slice(1));
    await server.tell("EXPIRE harmony:{test}:1:bindings:a 100");
    await store.say("a", "word");
    for (const key of ["members", "bindings:a"]) {
      const seconds = await life(key);
      assert.ok(seconds > 86_000 && seconds <= 86_400, `${key}: ${seconds} s`);
    }
    assert.equal(await life("orders"), -1);
    await server.kill();
  });
});

describe("who is no Redis", () => {
  /** Says that to whoever connects, or answers each chunk with it. */
  async function peer(act: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      act(socket);
    });
    peers.push(server);
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  const nonsense: readonly string[] = [
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*1\r\n$-1\r\n",
    ">1\r\n_\r\n",
    "*1000000000\r\n",
    "*-5\r\n",
    "$99999999999\r\nabc",
    "$-7\r\n",
    "+\rX\r\n",
    ":abc\r\n",
    "*1\r\n".repeat(100_000),
    "+".padEnd(100_000, "x"),
    "\0\0\0\0",
  ];
  for (const text of nonsense) {
    it(`says ${JSON.stringify(text.slice(0, 20))}, unasked or as an answer: it is refused, and the process goes on`, async () => {
      const acts = [
        (socket: Socket) => void socket.write(text),
        (socket: Socket) => void socket.on("data", () => socket.write(text)),
        // The first answers fit, so that it comes where messages are expected.
        (socket: Socket) => void socket.on("data", (data) => socket.write(answersTo(String(data)) ?? text)),
      ];
      const refused = /no Redis that a group can use|refuses what|has not answered|reads as no list/;
      await Promise.all(
        acts.map(async (act) => {
          const { code } = await rejection(await openStore(atServer(await peer(act))), refused);
          assert.match(code, /^GROUP_/);
        }),
      );
    });
  }

  /** What a real one says to the questions with which a connection begins. */
  function answersTo(question: string): string | null {
    if (question.includes("HLEN")) return ":0\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    if (/subscribe/i.test(question))
      return "*3\r\n$9\r\nsubscribe\r\n$21\r\nharmony:{test}:1:hints\r\n:1\r\n".replace("$21", "$22");
    return null;
  }

  it("sends without end: it is cut off, and nothing is kept", async () => {
    let sent = 0;
    const port = await peer((socket) => {
      const block = Buffer.alloc(1024 * 1024, "x");
      socket.once("data", () => {
        socket.write("*100000\r\n");
        const text = `$${block.length}\r\n`;
        const next = () => {
          if (socket.destroyed || sent > 1e9) return;
          sent += block.length;
          socket.write(text);
          socket.write(block);
          if (socket.write("\r\n")) setImmediate(next);
          else socket.once("drain", next);
        };
        next();
      });
    });
    const counted = await openStore(atServer(port));
    await rejection(counted, /more than \d+ bytes|has not answered/);
    await counted.store.close();
    // What one connection may send, and what lies in buffers; a few connections may have come and gone.
    assert.ok(sent < 500e6, `${sent} bytes were taken`);
  });

  it("says nothing, or only a little now and then: it is given up in bounded time", async () => {
    const silent = await openStore(atServer(await peer(() => undefined)));
    await rejection(silent, /has not answered for 2 s/);
    await within("the end", silent.store.close(), BOUND_MS);
  });
});
