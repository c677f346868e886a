import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Balancer, ClientOptions, CloseRecord, Reporter, ServerOptions } from "../../src/index.ts";
import harmony, * as library from "../../src/index.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { settle, until, within } from "../support/wait.ts";

const KEY = "library:a-key-that-only-these-tests-use";
const HOST = "127.0.0.1";

const open: { close(): unknown }[] = [];
after(async () => {
  await Promise.all(open.map((each) => each.close()));
  await endServers();
});

function server(options: ServerOptions = {}): Balancer {
  const balancer = harmony.server({
    host: HOST,
    listenport: 0,
    adminport: 0,
    key: KEY,
    persistent: false,
    drainTimeout: 0,
    startHold: 0,
    ...options,
  });
  open.push(balancer);
  return balancer;
}

async function client(balancer: Balancer, listenport: number, options: ClientOptions = {}): Promise<Reporter> {
  const { admin } = await balancer.ready;
  const reporter = harmony.client({ host: HOST, adminport: admin[0]!.port, listenport, key: KEY, ...options });
  open.push(reporter);
  await within("the registration", reporter.ready);
  return reporter;
}

async function target(name: string): Promise<number> {
  return (await serve(greeter(name))).port;
}

/** All that a client gets until its connection ends. */
async function ask(balancer: Balancer): Promise<string> {
  const { listen } = await balancer.ready;
  return exchange(listen[0]!.port, "");
}

/** The file of a socket whose process is gone. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.made`);
  await once(server, "listening");
  renameSync(`${path}.made`, path);
  server.close();
  await once(server, "close");
}

describe("the package", () => {
  test("by require, by import and as its default export", () => {
    const required = createRequire(import.meta.url)("node-harmony") as typeof library;
    assert.equal(typeof required.server, "function");
    assert.equal(typeof required.client, "function");
    assert.equal(harmony.server, library.server);
    assert.equal(harmony.client, library.client);
  });
  test("with and without new", async () => {
    const options = { host: HOST, listenport: 0, adminport: 0, key: KEY };
    for (const balancer of [new harmony.server(options), harmony.server(options)]) {
      assert.ok(balancer instanceof harmony.server);
      await balancer.ready;
      await balancer.close();
    }
    for (const reporter of [
      new harmony.client({ host: HOST, adminport: 1 }),
      harmony.client({ host: HOST, adminport: 1 }),
    ]) {
      assert.ok(reporter instanceof harmony.client);
      reporter.ready.catch(() => undefined); // it is closed before it has found a balancer
      await reporter.close();
    }
  });
  test("wrong options are thrown at once, all of them", () => {
    assert.throws(
      () => harmony.server({ concurrency: -2, hostTimeout: 0 }),
      /2 problems.*concurrency "-2".*hostTimeout "0"/s,
    );
    assert.throws(
      () => harmony.client({ listenport: 70_000 }),
      /^HarmonyError: listenport "70000": give a whole number/,
    );
  });
});

describe("a server with targets", () => {
  test("events and targets() tell of a target's life", async () => {
    const balancer = server();
    const events: string[] = [];
    balancer.on("targetUp", ({ identity }) => events.push(`up ${identity}`));
    balancer.on("targetDrain", ({ identity }) => events.push(`drain ${identity}`));
    balancer.on("targetLeave", ({ identity }, reason) => events.push(`${reason} ${identity}`));
    const port = await target("hello");
    const reporter = await client(balancer, port, { id: "one", balance: 7 });
    assert.deepEqual(
      balancer.targets().map(({ identity, weight, state }) => ({ identity, weight, state })),
      [{ identity: "default/one", weight: 7, state: "up" }],
    );
    assert.equal(await ask(balancer), "hello");
    assert.deepEqual(await reporter.drain(1000), [{ balancer: balancer.adminAddresses[0], active: 0 }]);
    assert.equal(balancer.targets()[0]!.state, "draining");
    await reporter.close();
    await until("the target to be gone", () => balancer.targets().length === 0);
    assert.deepEqual(events, ["up default/one", "drain default/one", "leave default/one"]);
  });
  test("a client of several targets: it is not ready before each is registered, and its events say which they are about", async () => {
    const balancer = server();
    const { admin } = await balancer.ready;
    const ports = [await target("one"), await target("two")];
    const reporter = harmony.client({
      host: HOST,
      adminport: admin[0]!.port,
      key: KEY,
      targets: [...ports.map((port) => ({ port })), { port: ports[0]!, pool: "nowhere", id: "lost" }],
    });
    open.push(reporter);
    const told: string[] = [];
    reporter.on("registered", (_, name, { port }) => told.push(`${name} ${ports.indexOf(port)}`));
    const rejected = once(reporter, "rejected");
    let isReady = false;
    void reporter.ready.then(
      () => (isReady = true),
      () => undefined, // it is closed before that
    );
    const [, { code }, announced] = await within("the refusal", rejected);
    assert.deepEqual([code, announced.pool, announced.id], ["UNKNOWN_POOL", "nowhere", "lost"]);
    await until("two targets", () => told.length === 2);
    assert.deepEqual(told.toSorted(), ports.map((port, index) => `default/${HOST}:${port} ${index}`).toSorted());
    assert.deepEqual([await ask(balancer), await ask(balancer)].toSorted(), ["one", "two"]);
    assert.equal(isReady, false);
    await reporter.close();
    await until("the targets to be gone", () => balancer.targets().length === 0);
  });
  test("a close record per connection", async () => {
    const balancer = server();
    const records: CloseRecord[] = [];
    balancer.on("connectionClose", (record) => records.push(record));
    await client(balancer, await target("hello"), { id: "one" });
    await ask(balancer);
    await until("the record", () => records.length === 1);
    const { target: identity, cause, phase, bytesOut } = records[0]!;
    assert.deepEqual(
      { identity, cause, phase, bytesOut },
      { identity: "default/one", cause: "fin", phase: "relay", bytesOut: 5 },
    );
  });
  test("the wrong key: both sides are told, and nothing else happens", async () => {
    const balancer = server();
    const { admin } = await balancer.ready;
    const rejected = once(balancer, "rejected");
    const reporter = harmony.client({ host: HOST, adminport: admin[0]!.port, key: "another-key-of-somebody" });
    open.push(reporter);
    reporter.ready.catch(() => undefined); // it will be closed unregistered
    const told = once(reporter, "rejected");
    const [rejection] = (await within("the balancer's word", rejected)) as [{ who: string; why: string }];
    assert.match(rejection.who, /127\.0\.0\.1/);
    await within("the reporter's word", told);
    assert.deepEqual(balancer.targets(), []);
  });
  test("a client before its balancer", async () => {
    const first = server();
    const { admin } = await first.ready;
    await first.close();
    const reporter = harmony.client({
      host: HOST,
      adminport: admin[0]!.port,
      listenport: await target("hello"),
      key: KEY,
    });
    open.push(reporter);
    await within("the first failure", once(reporter, "lost"));
    const second = server({ adminport: admin[0]!.port });
    await within("the registration", reporter.ready);
    assert.equal(await ask(second), "hello");
  });
});

describe("a client whose key file cannot be used", () => {
  const folder = temporaryFolder("library");
  after(removeFolders);
  const openToOthers = join(folder, "open");
  writeFileSync(openToOthers, "web:a-secret-for-everybody\n");
  chmodSync(openToOthers, 0o644);
  const cases: [string, string, RegExp][] = [
    ["is missing", join(folder, "missing"), /no key at .*missing/],
    ["is a directory", folder, /is not a regular file/],
    ["is open to others", openToOthers, /run chmod 600/],
  ];
  for (const [what, keyFile, expected] of cases) {
    const skip = what === "is open to others" && process.platform === "win32" && "Windows has no such modes";
    test(`since it ${what} says so in an event, after it was made`, { skip }, async () => {
      const reporter = harmony.client({ host: HOST, adminport: 9, keyFile });
      open.push(reporter);
      reporter.ready.catch(() => undefined); // it will be closed unregistered
      const told: string[] = [];
      reporter.on("lost", (_, { reason }) => told.push(reason));
      await until("the trouble", () => told.length > 0);
      assert.match(told[0]!, expected);
    });
  }
});

describe("unavailable", () => {
  test("a text arrives whole", async () => {
    assert.equal(await ask(server({ unavailable: "Sorry, nobody is here." })), "Sorry, nobody is here.");
  });
  test("none: the connection is closed", async () => {
    assert.equal(await ask(server()), "");
  });
  test("a function that only writes: the socket is ended for it", async () => {
    const codes: string[] = [];
    const balancer = server({
      unavailable(error, socket) {
        codes.push(error.code);
        socket.write("Unavailable, holmes.");
      },
    });
    assert.equal(await ask(balancer), "Unavailable, holmes.");
    assert.deepEqual(codes, ["no-targets"]);
  });
  test("a function that answers later", async () => {
    const balancer = server({
      async unavailable(_error, socket) {
        await settle(1);
        socket.write(socket.remoteAddress);
      },
    });
    assert.equal(await ask(balancer), HOST);
  });
  test("a function that ends the socket itself, and one that throws", async () => {
    assert.equal(await ask(server({ unavailable: (_error, socket) => socket.end("bye") })), "bye");
    const failing = server({
      unavailable() {
        throw new Error("no idea");
      },
    });
    const warned = once(failing, "warning");
    assert.equal(await ask(failing).catch(() => ""), "");
    await within("a warning", warned);
  });
});

describe("starting and closing", () => {
  test("close() is idempotent, frees both ports, and ready then says so", async () => {
    const balancer = server();
    const { listen, admin } = await balancer.ready;
    const closed = once(balancer, "close");
    assert.equal(balancer.close(), balancer.close());
    await closed;
    const again = server({ listenport: listen[0]!.port, adminport: admin[0]!.port });
    await again.ready;
    await again.close();
  });
  test("close() before it has started", async () => {
    const balancer = server();
    const { ready } = balancer;
    await Promise.all([balancer.close(), assert.rejects(ready, { code: "CLOSED" })]);
  });
  test("close() at any turn of its start: nothing is told of it then, and ready says so", async () => {
    const path = join(temporaryFolder("api"), "api.sock");
    for (let turns = 0, isReady = false; !isReady; turns++) {
      await leaveSocket(path); // whether somebody listens there takes a while to find out
      const balancer = server({ engine: "portable", api: `unix:${path}` });
      const ready = balancer.ready.then(
        () => (isReady = true),
        (error: { code: string }) => error.code,
      );
      for (let turn = 0; turn < turns && !isReady; turn++) await new Promise(setImmediate);
      if (isReady) break;
      balancer.on("listening", () => assert.fail(`after ${turns} turns`));
      await balancer.close();
      assert.equal(await ready, "CLOSED", `after ${turns} turns`);
    }
  });
  test("close() while it waits for its group: ready says so, and it is no fault", async () => {
    const mute = createServer((socket) => void open.push({ close: () => socket.destroy() }));
    await once(mute.listen(0, HOST), "listening");
    open.push(mute);
    const asked = once(mute, "connection");
    const balancer = server({ group: `redis://${HOST}:${(mute.address() as AddressInfo).port}` });
    balancer.on("error", (error) => assert.fail(error));
    const { ready } = balancer;
    await Promise.all([asked.then(() => balancer.close()), assert.rejects(ready, { code: "CLOSED" })]);
  });
  test("a port that is taken rejects ready, and comes as an error event", async () => {
    const first = server();
    const { listen } = await first.ready;
    const second = server({ listenport: listen[0]!.port });
    const failed = once(second, "error").catch((error: unknown) => [error]);
    await assert.rejects(second.ready, { code: "EADDRINUSE" });
    assert.equal(((await failed)[0] as { code: string }).code, "EADDRINUSE");
    await second.close();
  });
  test("a taken admin port leaves the client port free", async () => {
    const first = server();
    const { admin } = await first.ready;
    const listenport = await freePort();
    await assert.rejects(server({ listenport, adminport: admin[0]!.port }).ready, { code: "EADDRINUSE" });
    assert.equal((await server({ listenport }).ready).listen[0]!.port, listenport);
  });
  test("localhost is both loopback addresses on one port", async () => {
    const listenport = await freePort();
    const balancer = server({ host: "localhost", listenport });
    const bound = (await balancer.ready).listen;
    assert.ok(bound.every(({ host }) => host === "127.0.0.1" || host === "::1"));
    assert.ok(bound.every(({ port }) => port === listenport));
  });
});
