/** What becomes of a group's store when its Redis is stopped, killed or full, and when it refuses. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import type { RedisStoreSettings } from "../../src/group/redis/open.ts";
import { certificateFiles, renewedFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { closedAddress, LOOPBACK } from "../support/ports.ts";
import { endRedis, noRedis, REDIS, RedisServer } from "../support/redis.ts";
import { now, until } from "../support/wait.ts";
import { atServer, closeStores, connectedAgain, openConnected, openStore, rejection } from "./redis-world.ts";
import { allCalls, changes, NOTHING, sorted, texts } from "./store-suite.ts";

afterEach(closeStores);
after(async () => {
  await endRedis();
  removeFolders();
});

/** A call takes at most 2 s; the rest is what a busy machine takes. */
const BOUND_MS = 8_000;

describe(`a ${REDIS} that fails`, { skip: noRedis }, () => {
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

  it("that has only ended the connections is known again; not one that was started anew, was a replica meanwhile, or may not be asked", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    assert.equal(counted.isSame, false, "the first one is none that is known");
    const again = async (happens: () => Promise<unknown>): Promise<boolean> => {
      const before = counted.connected;
      await happens();
      await connectedAgain(counted, before);
      return counted.isSame;
    };
    const cut = () => server.tell("CLIENT KILL TYPE normal");
    assert.equal(await again(cut), true);
    await server.tell("REPLICAOF 127.0.0.1 1");
    await server.tell("REPLICAOF NO ONE");
    assert.equal(await again(cut), false);
    assert.equal(await again(cut), true);
    assert.deepEqual(counted.warnings, []);
    await server.tell("ACL SETUSER default -info");
    assert.equal(await again(cut), false);
    assert.equal(await again(cut), false);
    assert.equal(counted.warnings.length, 1, "that is told once");
    assert.match(counted.warnings[0]!, /may not ask it for INFO/);
    await server.tell("ACL SETUSER default +info");
    assert.equal(await again(cut), false);
    await server.kill();
    assert.equal(await again(() => server.start()), false);
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
    const orders = new Map([["x", { text: "drain", at: 1 }]]);
    for (const call of [counted.store.say("a", "word"), counted.store.stamp("orders", orders, "")])
      await assert.rejects(call, { code: "GROUP_REFUSED", message: /is full: raise its maxmemory/ });
    assert.deepEqual([...(await counted.store.read("a", "targets", null))], [["x", "1"]]);
    assert.deepEqual([...(await counted.store.words())], [["a", "word"]]);
    assert.equal((await counted.store.readStamped("orders")).size, 0);
    await counted.store.discard("orders", orders);
    assert.equal(counted.connected, 1);
    await server.kill();
  });

  it("whose texts are longer than any of a group's: those are left out, and all else is read over the same connection", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    await counted.store.write("a", "targets", changes({ set: texts({ x: "1", z: "3" }) }), "word", "");
    for (const [key, name] of [
      ["targets:a", "y"],
      ["members", "b"],
      ["orders", "o"],
    ] as const) {
      const script = `redis.call('HSET',KEYS[1],'${name}',string.rep('x',3000000))`;
      await server.tell(`EVAL "${script}" 1 "harmony:{test}:1:${key}"`);
    }
    assert.deepEqual(sorted(await counted.store.read("a", "targets", null)), [
      ["x", "1"],
      ["z", "3"],
    ]);
    assert.deepEqual(sorted(await counted.store.read("a", "targets", ["x", "y", "z"])).length, 2);
    assert.deepEqual([...(await counted.store.say("a", "word"))], [["a", "word"]]);
    assert.equal((await counted.store.readStamped("orders")).size, 0);
    assert.equal(counted.connected, 1);
    assert.match(counted.warnings.join("\n"), /targets:a has of "y" is longer than any of Harmony's: it is ignored/);
    await server.kill();
  });

  it("with more than a hundred thousand orders that were taken back: they can be read, and so be removed", async () => {
    const server = await RedisServer.start();
    const counted = await openConnected(atServer(server.port));
    const script = "for i=1,100005 do redis.call('HSET',KEYS[1],'n'..i,'1 x') end";
    await server.tell(`EVAL "${script}" 1 "harmony:{test}:1:orders"`);
    const found = await counted.store.readStamped("orders");
    assert.equal(found.size, 100_005);
    await counted.store.discard("orders", new Map([...found].slice(0, 7_000)));
    assert.equal((await counted.store.readStamped("orders")).size, 93_005);
    await server.kill();
  });

  it("that is silent at each of its addresses: closing waits for none of them", async () => {
    const server = await RedisServer.start();
    server.stop(); // connections are made, and nothing is answered
    const addresses = Array.from({ length: 5 }, () => ({ host: LOOPBACK, port: server.port }));
    const counted = await openStore(atServer(server.port, { addresses }));
    await rejection(counted, /has not been reached yet|has not answered/);
    const began = now();
    await counted.store.close();
    assert.ok(now() - began < 1_000, `${now() - began} ms`);
    server.goOn();
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

describe(`who may write at ${REDIS}`, { skip: noRedis }, () => {
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
    const none = /where it speaks no TLS at that port, write redis instead of rediss/;
    const lost = await rejection(await openStore({ ...atServer(plain.port, { tls: true }), ca }), none);
    assert.equal(lost.code, "GROUP_LOST");
    await rejection(await openStore(atServer(server.port)), /speaks TLS at that port.* rediss instead of redis/);
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
