/** What an operator sees of connections that go on, and how he ends them. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { it } from "node:test";
import type { Engine } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import type { OpenConnection } from "../../../src/proxy/open.ts";
import { formatAddress } from "../../../src/util/address.ts";
import { echo, greeter, type Serve } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { drain, ending, readText, send } from "../../support/stream.ts";
import { passes, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, waitingLine } from "../lab.ts";

const silent: Serve = async (connection) => {
  await drain(connection);
  await connection.close();
};

/** The ids, by phase. */
function idsIn(engine: Engine, phase: OpenConnection["phase"]): string[] {
  return [...engine.connections()].filter((each) => each.phase === phase).map(({ id }) => id);
}

function only(engine: Engine): OpenConnection {
  const all = [...engine.connections()];
  assert.equal(all.length, 1);
  return all[0]!;
}

/** Whether a connection was reset, as far as this runtime tells; every one of them has ended. */
async function assertReset(connection: Connection, host: Host): Promise<void> {
  const how = await ending(connection);
  if (host.runtime.can.reset && host.runtime.can.seesReset) assert.equal(how, "ECONNRESET");
}

export function operating(host: Host): void {
  it("tells at which listener a connection came, also one that is closed", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", greeter("!"));
      const clients: Connection[] = [];
      for (const address of lab.addresses) {
        const client = await lab.client(address);
        await readText(client, 1);
        clients.push(client);
      }
      const names = lab.addresses.map(formatAddress);
      assert.deepEqual([...lab.engine.connections()].map((each) => each.listener).toSorted(), names.toSorted());
      await lab.front.listeners[0]!.close();
      await lab.front.listen(ANY_PORT); // what may be named by a number of the first one's
      for (const client of clients) {
        await client.closeWrite();
        await drain(client);
        await until("its record", () => lab.records.length === clients.indexOf(client) + 1);
      }
      assert.deepEqual(
        lab.records.map(({ listener }) => listener),
        names,
      );
    }));

  it("tells when the target's first byte came, and that none did", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("late", async (connection) => {
        await passes(200);
        await send(connection, "!");
        await drain(connection);
      });
      const served = await lab.client();
      await until("the relay", () => idsIn(lab.engine, "relay").length === 1);
      assert.equal(only(lab.engine).firstByteMs, null);
      await readText(served, 1);
      await send(served, "and more");
      const open = only(lab.engine);
      await served.closeWrite();
      await drain(served);
      const [record] = await lab.recorded(1);
      const { connectMs, durationMs, firstByteMs } = record!;
      assert.ok(firstByteMs! >= connectMs! + 150 && firstByteMs! <= durationMs, `${firstByteMs} of ${durationMs} ms`);
      assert.equal(open.firstByteMs, firstByteMs);

      lab.pool.remove("late");
      await lab.target("silent", silent);
      await (await lab.client()).closeWrite();
      assert.equal((await lab.recorded(2))[1]!.firstByteMs, null);
    }));

  it("does not take what answers in a target's place for its first byte", () =>
    inLab(host, {}, async (lab) => {
      await lab.ask();
      const { firstByteMs, bytesOut } = (await lab.recorded(1))[0]!;
      assert.ok(bytesOut > 0);
      assert.equal(firstByteMs, null);
    }));

  it("lists connections that wait and that are served, with what has happened to them so far", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", echo);
      const [first] = await waitingLine(lab, 2, 1);
      await send(first!, "hello");
      await readText(first!, 5);
      await passes(50);
      const all = [...lab.engine.connections()].toSorted((a, b) => a.startedAt - b.startedAt);
      const [served, waiting] = all as [OpenConnection, OpenConnection];
      assert.equal(all.length, 2);
      assert.equal(new Set(all.map(({ id }) => id)).size, 2);
      assert.deepEqual(
        all.map(({ phase, pool, target, bytesIn, bytesOut, failed }) => [
          phase,
          pool,
          target,
          bytesIn,
          bytesOut,
          failed,
        ]),
        [
          ["relay", "lab", "one", 5, 5, 0],
          ["queue", "lab", null, 0, 0, 0],
        ],
      );
      assert.deepEqual(served.client, first!.local);
      assert.ok(served.ageMs >= served.idleMs! && served.idleMs! >= 0, `idle for ${served.idleMs} of ${served.ageMs}`);
      assert.ok(waiting.queuedMs >= 40 && waiting.queuedMs <= waiting.ageMs, `waited ${waiting.queuedMs} ms`);
      assert.deepEqual([waiting.idleMs, waiting.connectMs, waiting.firstByteMs], [null, null, null]);
      assert.ok(Math.abs(Date.now() - served.startedAt - served.ageMs) < 1_000);
    }));

  it("lists one that is being connected, with its target and those that failed it", async () => {
    const hole = await host.blackHole();
    try {
      await inLab(host, { connectTimeout: 20_000, requeue: 1 }, async (lab) => {
        const gone = await lab.target("gone", silent, { weight: 1_000 });
        await gone.close();
        lab.announce("hole", hole.address);
        await lab.client();
        await until("the second attempt", () => lab.view("hole").active === 1);
        const { failed, phase, target } = only(lab.engine);
        assert.deepEqual([phase, target, failed], ["connect", "hole", 1]);
        assert.equal(lab.engine.end(idsIn(lab.engine, "connect"), "killed"), 1);
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["connect", "balancer", "killed"]);
        assert.deepEqual([lab.view("hole").active, lab.view("hole").state], [0, "up"]);
      });
    } finally {
      await hole.close();
    }
  });

  it("gives those that stay once each, while others come and go", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"));
      const open = async (count: number) => {
        const clients: Connection[] = [];
        for (let i = 0; i < count; i++) {
          const client = await lab.client();
          await readText(client, 1);
          clients.push(client);
        }
        return clients;
      };
      const going = await open(10);
      const staying = await open(10);
      const ports = new Set(staying.map(({ local }) => local.port));
      const seen: number[] = [];
      for (const { client } of lab.engine.connections()) {
        if (ports.has(client.port)) seen.push(client.port);
        const leaver = going.shift();
        if (leaver === undefined) continue;
        await leaver.closeWrite();
        await drain(leaver);
        await open(1);
      }
      assert.deepEqual(seen.toSorted(), [...ports].toSorted());
    }));

  it("ends relays with a reset of both peers, and nothing else", () =>
    inLab(host, {}, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      const clients: Connection[] = [];
      for (let i = 0; i < 3; i++) {
        const client = await lab.client();
        await readText(client, 1);
        clients.push(client);
      }
      const victim = clients[1]!;
      const all = [...lab.engine.connections()];
      const { id } = all.find(({ client }) => client.port === victim.local.port)!;
      assert.equal(lab.engine.end([id, "no such one", "1.2.3.4", "", "-1.0.0.0"], "killed"), 1);
      await assertReset(victim, host);
      const [record] = await lab.recorded(1);
      assert.deepEqual(
        [record!.client.port, record!.phase, record!.endedBy, record!.cause],
        [victim.local.port, "relay", "balancer", "killed"],
      );
      await until("the target's end", () => target.open() === 2);
      assert.equal(lab.engine.end([id], "killed"), 0, "it is over");
      assert.equal(lab.view("one").active, 2);
      const again = await lab.client();
      await readText(again, 1);
      assert.equal(lab.engine.end([id], "killed"), 0, "another has its place");
      for (const client of [clients[0]!, clients[2]!, again]) {
        await client.closeWrite();
        await drain(client);
      }
      await lab.recorded(4);
    }));

  it("ends those that wait, and lets the next one have its turn", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const [holder, second, third] = await waitingLine(lab, 3, 1);
      const queued = [...lab.engine.connections()].filter(({ phase }) => phase === "queue");
      const { id } = queued.find(({ client }) => client.port === second!.local.port)!;
      assert.equal(lab.engine.end([id], "killed"), 1);
      await assertReset(second!, host);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["queue", "balancer", "killed"]);
      assert.equal(lab.engine.end(idsIn(lab.engine, "relay"), "killed"), 1);
      await readText(third!, 1);
      await drain(holder!).catch(() => undefined);
      await lab.recorded(2);
      assert.equal(lab.pool.waiting, 0);
    }));

  it("ends one that is being told that there is no target; it keeps that as its cause", () =>
    inLab(host, {}, async (lab) => {
      const client = await lab.client();
      await readText(client); // and leaves its own side open, so that the balancer lingers
      await until("the answer", () => idsIn(lab.engine, "unavailable").length === 1);
      const { bytesOut, idleMs, target } = only(lab.engine);
      assert.ok(bytesOut > 0 && idleMs! < 10_000);
      assert.equal(target, null);
      assert.equal(lab.engine.end(idsIn(lab.engine, "unavailable"), "killed"), 1);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.cause], ["unavailable", "no-targets"]);
    }));

  const noThreads =
    process.platform !== "linux" || host.runtime.name === "memory" ? "the system names no threads" : false;

  it("names its threads", { skip: noThreads }, () =>
    inLab(host, { threads: 2 }, async (lab) => {
      const known = readdirSync("/proc/self/task").map(Number);
      const threads = lab.engine.threads();
      assert.equal(new Set(threads.map(({ tid }) => tid)).size, threads.length);
      for (const { name, tid } of threads) assert.ok(tid !== null && known.includes(tid), `${name} has number ${tid}`);
    }),
  );
}
