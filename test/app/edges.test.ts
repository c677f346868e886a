/** What listeners ask of clients, from one document to the next. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ListenerSettings } from "../../src/config/settings.ts";
import { AddressSet } from "../../src/edge/access/address-set.ts";
import { ClientLimits, MAIN_THREAD, TLS_THREADS } from "../../src/edge/access/client-limits.ts";
import { addressWords } from "../../src/util/client-key.ts";
import { certificateFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { settle, until } from "../support/wait.ts";
import { documentOf, listener, pool, World } from "./services-world.ts";

after(removeFolders);

function web(more: Partial<ListenerSettings>, ...ports: number[]): ListenerSettings {
  return { ...listener("web", ...(ports.length > 0 ? ports : [80])), ...more };
}

function document(more: Partial<ListenerSettings>, ...ports: number[]) {
  return documentOf({ web: pool(), db: pool() }, { web: web(more, ...ports), db: listener("db", 5432) });
}

function edgeOf(world: World, port = 80) {
  return world.engine.listeners.get(`127.0.0.1:${port}`)!.edge;
}

describe("what a listener asks of clients", () => {
  it("is nothing where the document says nothing: the engine is given the pool itself", async () => {
    const world = await World.start(document({}));
    assert.equal(edgeOf(world), null);
    assert.equal(world.engine.listeners.get("127.0.0.1:80")!.pool, world.services.pools.get("web"));
    assert.equal(world.services.listeners[0]!.edge, null);
  });

  it("is the same for all of its addresses", async () => {
    const world = await World.start(document({ clientConnections: 5 }, 80, 81));
    assert.equal(edgeOf(world)!.rules, edgeOf(world, 81)!.rules);
    assert.notEqual(edgeOf(world)!.rules.limits, null);
  });

  it("keeps its counters and the connections of clients over another document, and touches no listener that asks the same", async () => {
    const world = await World.start(document({ clientConnections: 5 }));
    const before = edgeOf(world)!.rules;
    await world.document.apply(document({ clientConnections: 6, deny: [{ cidr: "10.0.0.0/8" }] }));
    const after = edgeOf(world)!.rules;
    assert.notEqual(after, before);
    assert.deepEqual([after.counters, after.limits], [before.counters, before.limits]);
    await world.document.apply(
      documentOf(
        { web: pool(), db: pool(), more: pool() },
        { ...Object.fromEntries(world.document.settings.listeners), more: listener("more", 7) },
      ),
    );
    assert.equal(edgeOf(world)!.rules, after);
  });

  it("counts anew where a listener of that name has gone and come back", async () => {
    const world = await World.start(document({ clientConnections: 5 }));
    const before = edgeOf(world)!.rules;
    await world.document.apply(documentOf({ db: pool() }, { db: listener("db", 5432) }));
    await world.document.apply(document({ clientConnections: 5 }));
    assert.notEqual(edgeOf(world)!.rules.counters, before.counters);
    assert.notEqual(edgeOf(world)!.rules.limits, before.limits);
  });

  it("goes to the pools of its routes, in their order", async () => {
    const routes = [
      { pool: "db", names: ["a.example"], alpn: [], tls: "pass" as const },
      { pool: "web", names: [], alpn: [], tls: "pass" as const },
    ];
    const world = await World.start(document({ routes }));
    const { pools, rules } = edgeOf(world)!;
    assert.deepEqual(
      pools.map((pool) => pool?.options.name),
      ["db", "web"],
    );
    assert.deepEqual(rules.routes, [
      { names: ["a.example"], alpn: [] },
      { names: [], alpn: [] },
    ]);
    const [shown] = world.services.listeners;
    assert.deepEqual([shown!.pool, shown!.pools], ["web", ["db", "web"]]);
  });

  it("changes with a file that a list names, and stays where that cannot be read", async () => {
    const file = join(temporaryFolder("lists"), "deny.txt");
    writeFileSync(file, "10.0.0.1\n");
    const world = await World.start(document({ deny: [{ file }] }));
    const denies = (host: string) => {
      const set = new AddressSet(edgeOf(world)!.rules.deny!);
      return set.has(addressWords(host, new Uint32Array(4)), 0);
    };
    assert.deepEqual([denies("10.0.0.1"), denies("10.0.0.2")], [true, false]);
    const counters = edgeOf(world)!.rules.counters;
    writeFileSync(file, "10.0.0.2\n10.0.0.3\n");
    const pass = async () => {
      world.clock.advance(500);
      await settle();
    };
    await until("the list to be read again", async () => {
      await pass();
      return denies("10.0.0.2");
    });
    assert.equal(denies("10.0.0.1"), false);
    assert.equal(edgeOf(world)!.rules.counters, counters);
    const warnings: string[] = [];
    world.onWarning = (message) => warnings.push(message);
    writeFileSync(file, "10.0.0.2\nnothing of the kind\n");
    await until("the fault to be told", async () => {
      await pass();
      return warnings.length > 0;
    });
    assert.match(
      warnings[0]!,
      /^deny: .*deny\.txt:2: "nothing of the kind" is no address.*; what was read before stays in force$/,
    );
    assert.equal(denies("10.0.0.2"), true);
  });

  it("is not carried out where a list cannot be read, and nothing has changed", async () => {
    const world = await World.start(document({ clientConnections: 5 }));
    const before = edgeOf(world);
    await assert.rejects(
      world.document.apply(document({ allow: [{ file: join(temporaryFolder("lists"), "none") }] })),
      {
        code: "BAD_LIST",
      },
    );
    assert.equal(edgeOf(world), before);
  });
});

describe("TLS", () => {
  const tls = {
    certificates: [{ cert: certificateFiles.cert, key: certificateFiles.key }],
    clientCa: null,
    client: "none",
    min: "1.2",
    alpn: [],
    tickets: true,
    handshake: 10_000,
  } as const;
  const routes = [{ pool: "web", names: [], alpn: [], tls: "terminate" as const }];

  it("of a listener is its threads', with the rules and what each route decrypts", async () => {
    const world = await World.start(document({ tls, routes }));
    const [service] = world.tls.served.values();
    assert.deepEqual(service!.terminates, [true]);
    assert.deepEqual(service!.tls, tls);
    assert.notEqual(world.services.listeners[0]!.tls, null);
  });

  it("that the runtime cannot serve is refused at a reload, and nothing has changed", async () => {
    const world = await World.start(document({ tls, routes }));
    const [before] = world.tls.served.values();
    world.tls.refusal = new Error("it lacks that");
    const certificates = [{ ...tls.certificates[0]!, ocsp: "/a.der" }];
    await assert.rejects(world.document.apply(document({ tls: { ...tls, certificates }, routes })), /it lacks that/);
    assert.deepEqual([...world.tls.served.values()], [before]);
  });

  it("begins with limits that keep books of its threads, so that what a dead one held is given back", async () => {
    const world = await World.start(document({ clientConnections: 5 }));
    const before = edgeOf(world)!.rules.limits;
    await world.document.apply(document({ clientConnections: 5, tls, routes }, 443));
    const { limits } = [...world.tls.served.values()][0]!.rules;
    assert.notEqual(limits, before);
    const client = addressWords("10.0.0.1", new Uint32Array(4));
    const limitsOf = (thread: number) => new ClientLimits(limits!, thread);
    const enter = () => limitsOf(TLS_THREADS + 1).enter(client, 0, 0);
    for (let n = 0; n < 5; n++) assert.ok(enter() > 0);
    assert.ok(enter() < 0);
    limitsOf(MAIN_THREAD).returnAll(TLS_THREADS + 1);
    assert.ok(enter() > 0);
  });

  it("does not begin or end at an address that is open", async () => {
    const world = await World.start(document({}));
    await assert.rejects(
      world.document.apply(document({ tls, routes })),
      /cannot begin to speak TLS at 127\.0\.0\.1:80 while it is open/,
    );
    assert.equal(edgeOf(world), null);
  });

  it("to targets has a bridge for as long as the pool speaks it in the same way", async () => {
    const targetTls = { ca: null, verify: false, name: null, certificate: null, alpn: [] };
    const with_ = (changes: object) =>
      documentOf({ web: pool(changes), db: pool() }, { web: listener("web", 80), db: listener("db", 5432) });
    const world = await World.start(with_({ targetTls }));
    const served = () => world.engine.pools.get(world.services.pools.get("web")!)!.targetTls;
    const first = served()!;
    await world.document.apply(with_({ targetTls, queue: 1 }));
    assert.equal(served(), first);
    await world.document.apply(with_({ targetTls: { ...targetTls, name: "a.example" } }));
    assert.notEqual(served()!.terms, first.terms);
    assert.equal(world.tls.bridges.size, 2, "targets may be being connected to over the former one");
    world.clock.advance(60_000);
    await settle();
    assert.deepEqual([...world.tls.bridges.keys()], [served()!.terms]);
    await world.document.apply(with_({ targetTls: "off" }));
    assert.equal(served(), undefined);
  });
});
