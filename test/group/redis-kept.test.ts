/** What a group keeps on Redis: how much of it, for how long, and what becomes of what others write there. */
import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { atServer, closeStores, connectedAgain, openConnected } from "./redis-world.ts";
import { changes, texts } from "./store-suite.ts";

afterEach(closeStores);
after(async () => {
  await endRedis();
  removeFolders();
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
    /** On a loaded machine it may come after the time that an answer has. */
    const refusal = (id: string) =>
      until(`a refusal of ${id}`, () =>
        counted.store.read(id, "targets", null).then(
          () => assert.fail("it was read"),
          (error: Error & { code: string }) => error.code === "GROUP_REFUSED" && error.message,
        ),
      );
    assert.match(await refusal("many"), /more than 100000 names/);
    await fill("targets:far-more", 200_001);
    const { connected } = counted;
    assert.match(await refusal("far-more"), /more than 400000 parts/);
    await connectedAgain(counted, connected);
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
