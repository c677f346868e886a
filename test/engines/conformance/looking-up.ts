/** Clients that wait for what other balancers know of them, before they are given a target. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import type { OpenConnection } from "../../../src/proxy/open.ts";
import { clientKey } from "../../../src/util/client-key.ts";
import { greeter } from "../../support/peers.ts";
import { LOOPBACK } from "../../support/ports.ts";
import { readText } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

const STICKY = { pool: { persistent: 600_000 } };
/** Longer than any test. */
const LONG_MS = 600_000;

/** Clients that are looked up. */
async function lookedUp(lab: Lab, count: number): Promise<Connection[]> {
  const before = [...lab.engine.connections()].length;
  const clients: Connection[] = [];
  for (let i = 0; i < count; i++) clients.push(await lab.client());
  await until("those that are looked up", () => [...lab.engine.connections()].length === before + count);
  return clients;
}

/** Those who have come until now go on. */
function done(lab: Lab): void {
  lab.pool.lookUps.done(lab.pool.lookUps.begin());
  lab.engine.lookedUp(lab.pool);
}

function only(lab: Lab): OpenConnection {
  const all = [...lab.engine.connections()];
  assert.equal(all.length, 1);
  return all[0]!;
}

export function lookingUp(host: Host): void {
  it("tells that it is wanted, and has those who wait for that go on with what is known then", () =>
    inLab(host, STICKY, async (lab) => {
      let wanted = 0;
      lab.pool.lookUps.onWanted = () => void wanted++;
      const bound: (number | null)[] = [];
      lab.pool.lookUps.onServed = () => void bound.push(lab.pool.bindings);
      for (const name of ["a", "b", "c", "d"]) await lab.target(name, greeter(name));
      lab.pool.lookUps.ms = LONG_MS;
      const clients = await lookedUp(lab, 5);
      await until("the first one's word", () => wanted === 1);
      for (const { phase, target, queuedMs, ageMs } of lab.engine.connections()) {
        assert.deepEqual([phase, target], ["queue", null]);
        assert.ok(queuedMs >= 0 && queuedMs <= ageMs);
      }
      const now = lab.engine.now();
      lab.pool.exchange.adopt(
        clientKey(LOOPBACK, new Uint32Array(4)),
        lab.pool.row("c"),
        { usedAt: now, boundAt: 1 },
        { now, stamp: 1 },
      );
      done(lab);
      for (const client of clients) assert.equal(await readText(client, 1), "c");
      await until("word of those who have gone on", () => bound.length > 0);
      assert.ok(bound.every((count) => count === 1));
      const known = await lab.client();
      assert.equal(await readText(known, 1), "c", "it is not looked up again");
      assert.equal(wanted, 1);
      for (const client of [...clients, known]) await client.closeWrite();
      await lab.recorded(6);
    }));

  it("has them wait no longer than the time for it", () =>
    inLab(host, STICKY, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = 200;
      const client = await lab.client();
      assert.equal(await readText(client, 1), "!");
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      assert.ok(record!.queuedMs >= 195, `${record!.queuedMs} ms`);
      assert.ok(record!.connectMs !== null && record!.queuedMs + record!.connectMs <= record!.durationMs + 0.01);
    }));

  it("has them wait in the queue after that, where they have to", () =>
    inLab(host, { pool: { ...STICKY.pool, concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = LONG_MS;
      const clients = await lookedUp(lab, 4);
      assert.deepEqual([lab.pool.active, lab.pool.waiting], [0, 0]);
      done(lab);
      await until("the queue", () => lab.pool.waiting === 3);
      for (const client of clients) await client.closeWrite();
      for (const client of clients) assert.equal(await readText(client), "!");
      await lab.recorded(4);
    }));

  it("lets clients leave meanwhile, and ends one that an operator has ended", () =>
    inLab(host, STICKY, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = LONG_MS;
      const [client] = await lookedUp(lab, 1);
      const { id } = only(lab);
      assert.equal(lab.engine.end([id], "rebalanced"), 1);
      assert.equal(lab.engine.end([id], "killed"), 1);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["queue", "balancer", "killed"]);
      client!.abort();
      if (host.runtime.can.reset) {
        const [leaver] = await lookedUp(lab, 1);
        leaver!.abort();
        const { phase, endedBy, cause } = (await lab.recorded(2))[1]!;
        assert.deepEqual([phase, endedBy, cause], ["queue", "client", "reset"]);
      }
      done(lab);
      assert.equal(target.accepted.length, 0);
    }));

  it("keeps what they send meanwhile, and their FINs", () =>
    inLab(host, STICKY, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = LONG_MS;
      const [client] = await lookedUp(lab, 1);
      await client!.closeWrite();
      done(lab);
      assert.equal(await readText(client!), "!");
      await lab.recorded(1);
    }));

  it("serves them when it stops, as they were taken in before", () =>
    inLab(host, STICKY, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = LONG_MS;
      const clients = await lookedUp(lab, 3);
      const closed = lab.engine.close(5_000);
      for (const client of clients) {
        assert.equal(await readText(client, 1), "!");
        await client.close();
      }
      await closed;
      for (const { phase } of await lab.recorded(3)) assert.equal(phase, "relay");
    }));

  it("goes on when nobody is to be looked up any more, and when the pool's memory has moved", () =>
    inLab(host, STICKY, async (lab) => {
      await lab.target("one", greeter("!"));
      lab.pool.lookUps.ms = LONG_MS;
      const [client] = await lookedUp(lab, 1);
      lab.pool.change({ maxTargets: 2_000, maxBindings: 100_000 });
      lab.pool.lookUps.ms = 0;
      lab.engine.lookedUp(lab.pool);
      assert.equal(await readText(client!, 1), "!");
      await client!.closeWrite();
      await lab.recorded(1);
    }));
}
