/** Several services behind one server of the library, which goes over to other options while it runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Balancer, CloseRecord, ServerOptions, Step } from "../../src/index.ts";
import harmony from "../../src/index.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, echoServer, endServers, exchange, openConnection, serve } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { until, within } from "../support/wait.ts";

const KEY = "library:a-key-that-only-these-tests-use";
const ANY = "127.0.0.1:0";

const open: { close(): unknown }[] = [];
after(async () => {
  await Promise.all(open.map((each) => each.close()));
  await endServers();
  removeFolders();
});

async function server(options: ServerOptions): Promise<Balancer> {
  const balancer = harmony.server({
    admin: ANY,
    key: KEY,
    persistent: false,
    startHold: 0,
    drainTimeout: 0,
    ...options,
  });
  open.push(balancer);
  await balancer.ready;
  return balancer;
}

/** The address of a target that says its name. */
async function named(name: string): Promise<string> {
  return `127.0.0.1:${(await serve(answerer(name))).port}`;
}

function portOf(balancer: Balancer, pool: string): number {
  const { listeners } = balancer.pools().find(({ name }) => name === pool)!;
  const [address] = listeners[0]!.addresses;
  return (address as { port: number }).port;
}

const kinds = (steps: readonly Step[]) => steps.map(({ kind }) => kind);

describe("a server with pools", () => {
  it("serves each at its own port, by its own targets: registered ones and those that it was given", async () => {
    const balancer = await server({
      pools: { web: { listen: ANY, targets: [await named("web")] }, db: { listen: ANY } },
    });
    const { port } = await serve(answerer("db"));
    const client = harmony.client({
      host: "127.0.0.1",
      adminPort: balancer.adminAddresses[0]!.port,
      key: KEY,
      port,
      pool: "db",
    });
    open.push(client);
    await within("the registration", client.ready);
    assert.equal(await exchange(portOf(balancer, "web"), ""), "web");
    assert.equal(await exchange(portOf(balancer, "db"), ""), "db");
    const shown = balancer.targets().map(({ pool, sources }) => ({ pool, sources }));
    assert.deepEqual(shown, [
      { pool: "web", sources: ["static"] },
      { pool: "db", sources: ["registered"] },
    ]);
    assert.deepEqual(
      balancer.targets("db").map(({ pool }) => pool),
      ["db"],
    );
    assert.equal(balancer.addresses.length, 2);
  });

  it("dials no Unix socket where it listens itself, whatever its targets say", {
    skip: process.platform === "win32",
  }, async () => {
    const path = join(temporaryFolder("pools"), "own.sock");
    const balancer = await server({ pools: { web: { listen: `unix:${path}`, targets: [`unix:${path}`] } } });
    assert.deepEqual(balancer.targets(), []);
  });

  it("gives a key no more targets for the pools that it brings", async () => {
    const balancer = await server({ listen: ANY, maxTargets: 4, key: `${KEY} listen=1-65535` });
    const refused: string[] = [];
    balancer.on("rejected", ({ code }) => refused.push(code));
    const targets = [];
    for (const pool of ["a", "b", "c"])
      targets.push({ pool, listen: await freePort(), port: (await serve(answerer(pool))).port });
    const adminPort = balancer.adminAddresses[0]!.port;
    open.push(harmony.client({ host: "127.0.0.1", adminPort, key: KEY, targets }));
    await until("what is refused", () => refused.length > 0);
    assert.deepEqual(refused, ["QUOTA"], "half of the places are others'");
    assert.equal(balancer.targets().length, 2);
  });

  it("shows its pools, and names them in what it tells of connections", async () => {
    const balancer = await server({
      algorithm: "random",
      pools: {
        web: { listen: ANY, targets: [await named("web")] },
        db: { listen: ANY, algorithm: "hash", concurrency: 3 },
      },
    });
    const records: CloseRecord[] = [];
    balancer.on("connectionClose", (record) => records.push(record));
    for (const pool of ["web", "db"]) await exchange(portOf(balancer, pool), "");
    await until("both records", () => records.length === 2);
    assert.deepEqual(
      records.map(({ pool }) => pool),
      ["web", "db"],
    );
    const shown = balancer
      .pools()
      .map(({ name, origin, options, active }) => ({ name, origin, algorithm: options.algorithm, active }));
    assert.deepEqual(shown, [
      { name: "web", origin: "defined", algorithm: "random", active: 0 },
      { name: "db", origin: "defined", algorithm: "hash", active: 0 },
    ]);
  });

  it("is limited pool by pool", async () => {
    const balancer = await server({
      pools: { web: { listen: ANY, targets: [await named("web")] }, db: { listen: ANY, targets: [await named("db")] } },
    });
    balancer.setConcurrency(0, "web");
    assert.equal(await exchange(portOf(balancer, "db"), ""), "db");
    const waits = exchange(portOf(balancer, "web"), "");
    await until("a client that waits", () => balancer.connections.waiting === 1);
    balancer.setConcurrency(-1, "web");
    assert.equal(await waits, "web");
    assert.throws(() => balancer.setConcurrency(1, "wbe"), { code: "UNKNOWN_POOL", message: /only web, db/ });
  });

  it("is limited as was ordered while it started, however far it had come", async () => {
    const options = { admin: ANY, key: KEY, listen: ANY, startHold: 0, drainTimeout: 0 };
    const balancer = harmony.server({ ...options, engine: "portable" });
    open.push(balancer);
    let isReady = false;
    const ready = balancer.ready.then(() => {
      isReady = true;
    });
    for (; !isReady; await new Promise(setImmediate)) {
      for (let step = 0; step < 16 && !isReady; step++) {
        balancer.setConcurrency(0);
        await Promise.resolve();
      }
    }
    await ready;
    const waits = exchange(portOf(balancer, "default"), "");
    await until("a client that waits", () => balancer.connections.waiting === 1);
    balancer.setConcurrency(-1);
    assert.equal(await waits, "", "there is no target");
  });
});

describe("apply()", () => {
  it("carries out what differs, says what that was, and touches nothing else", async () => {
    const { port: echo } = await echoServer();
    const options = { listen: ANY, targets: [`127.0.0.1:${echo}`] };
    const same = { admin: ANY, key: KEY, persistent: false, startHold: 0, drainTimeout: 0 };
    const balancer = await server({ pools: { web: options } });
    const told: (readonly Step[])[] = [];
    balancer.on("reloaded", (steps) => told.push(steps));
    const port = portOf(balancer, "web");
    const { ask, connection } = await openConnection(port);
    const db = { listen: ANY, targets: [await named("db")] };
    const steps = await balancer.apply({ ...same, pools: { web: { ...options, queue: 7 }, db } });
    assert.deepEqual(kinds(steps), ["add-pool", "change-pool", "add-listener"]);
    assert.deepEqual(told, [steps]);
    assert.equal(portOf(balancer, "web"), port);
    assert.equal(await exchange(portOf(balancer, "db"), ""), "db");
    await ask("still here");
    assert.deepEqual(kinds(await balancer.apply({ ...same, pools: { web: options } })), [
      "change-pool",
      "remove-listener",
      "remove-pool",
    ]);
    assert.deepEqual(
      balancer.pools().map(({ name }) => name),
      ["web"],
    );
    assert.deepEqual(await balancer.apply({ ...same, pools: { web: options } }), []);
    await ask("still here");
    await connection.close();
  });

  it("says of what a process cannot change that it takes a restart", async () => {
    const balancer = await server({ pools: { web: { listen: ANY } } });
    const other = {
      admin: ANY,
      key: KEY,
      persistent: false,
      startHold: 0,
      drainTimeout: 5_000,
      pools: { web: { listen: ANY } },
    } as const;
    const restart = { kind: "restart", option: "drainTimeout", before: "0", after: "5s" };
    assert.deepEqual(await balancer.apply(other), [restart]);
    assert.deepEqual(await balancer.apply(other), [restart], "it still does");
  });

  it("changes nothing where a port is taken or an option is wrong, and rejects", async () => {
    const { port: taken } = await echoServer();
    const balancer = await server({ pools: { web: { listen: ANY, targets: [await named("web")] } } });
    const failures: string[] = [];
    balancer.on("reloadFailed", (error) => failures.push((error as { code?: string }).code ?? ""));
    const before = balancer.pools();
    const free = await freePort();
    await assert.rejects(balancer.apply({ key: KEY, pools: { web: { listen: [free, taken] } } }), {
      code: "EADDRINUSE",
    });
    await assert.rejects(balancer.apply({ key: KEY, pools: { web: { listen: free, queue: -1 } } }), {
      code: "BAD_OPTIONS",
    });
    assert.deepEqual(failures, ["EADDRINUSE", "BAD_OPTIONS"]);
    assert.deepEqual(balancer.pools(), before);
    assert.equal(await exchange(portOf(balancer, "web"), ""), "web");
  });

  it("waits for the start, and is of no use after the end", async () => {
    const balancer = harmony.server({ admin: ANY, key: KEY, drainTimeout: 0, pools: { web: { listen: ANY } } });
    await balancer.apply({ key: KEY, pools: { db: { listen: ANY } } });
    assert.deepEqual(
      balancer.pools().map(({ name }) => name),
      ["db"],
    );
    await balancer.close();
    await assert.rejects(balancer.apply({ key: KEY, pools: { web: { listen: ANY } } }), { code: "CLOSED" });
    await assert.rejects(balancer.reload(), { code: "CLOSED" });
  });

  it("is what a program does that embeds it: there is nothing to reload", async () => {
    const balancer = await server({ pools: { web: { listen: ANY } } });
    await assert.rejects(balancer.reload(), { code: "NO_DOCUMENT", message: /apply\(\)/ });
  });
});
