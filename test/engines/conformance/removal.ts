/** Connections that the balancer takes off their targets. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Connection } from "../../../src/net/runtime.ts";
import { echo, greeter } from "../../support/peers.ts";
import { ending, readText, send } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

/** The ids of those on the target. */
function idsOn(lab: Lab, identity: string): string[] {
  return [...lab.engine.connections()].filter(({ target }) => target === identity).map(({ id }) => id);
}

/** A client that the target has greeted. */
async function greeted(lab: Lab): Promise<[client: Connection, by: string]> {
  const client = await lab.client();
  return [client, await readText(client, 1)];
}

export function removal(host: Host): void {
  it("ends what is relayed by a target that has gone, whichever way it went, and nothing on one that is up", () =>
    inLab(host, { threads: 2 }, async (lab) => {
      for (const name of ["1", "2", "3"]) await lab.target(name, greeter(name));
      const clients = [await greeted(lab), await greeted(lab), await greeted(lab)];
      const ids = [...lab.engine.connections()].map(({ id }) => id);
      assert.equal(lab.engine.end(ids, "target-gone"), 3, "so many were open");
      lab.pool.setState("1", "down");
      lab.pool.remove("2");
      lab.poolChanged();
      // The first order may not have been carried out yet, and then has ended them.
      assert.ok(lab.engine.end(ids, "target-gone") >= 1);
      for (const [client, by] of clients) if (by !== "3") await ending(client);
      for (const { phase, endedBy, cause, target } of await lab.recorded(2)) {
        assert.deepEqual([phase, endedBy, cause], ["relay", "balancer", "target-gone"]);
        assert.notEqual(target, "3");
      }
      const [stays] = clients.find(([, by]) => by === "3")!;
      assert.deepEqual(idsOn(lab, "3").length, 1);
      stays.abort();
      await lab.recorded(3);
    }));

  it("passes what is being connected to a target that has gone on to another, with nothing lost and no attempt more", async () => {
    const hole = await host.blackHole();
    try {
      await inLab(host, { connectTimeout: 20_000, requeue: 0 }, async (lab) => {
        lab.announce("hole", hole.address);
        const client = await lab.client();
        await send(client, "early");
        // Its thread counts it on the target before it notes the target of the connection.
        await until("the attempt", () => idsOn(lab, "hole").length === 1);
        await lab.target("echo", echo);
        lab.pool.setState("hole", "down");
        lab.poolChanged();
        assert.equal(lab.engine.end(idsOn(lab, "hole"), "target-gone"), 1);
        assert.equal(await readText(client, 5), "early");
        await client.closeWrite();
        await ending(client);
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.target, record!.cause, record!.tried], ["echo", "fin", []]);
        assert.deepEqual([lab.view("hole").failures, lab.view("hole").active], [0, 0]);
      });
    } finally {
      await hole.close();
    }
  });

  it("leaves those that wait as they are", () =>
    inLab(host, { threads: 1, pool: { concurrency: 0 } }, async (lab) => {
      const other = await lab.another("other");
      await lab.target("2", greeter("2"), {}, other);
      const served = await lab.client(other.addresses[0]);
      await readText(served, 1);
      await lab.target("1", greeter("1"));
      const client = await lab.client();
      await until("it to wait", () => lab.pool.waiting === 1);
      const waits = [...lab.engine.connections()].filter(({ pool }) => pool === "lab").map(({ id }) => id);
      for (const cause of ["target-gone", "rebalanced"] as const) assert.equal(lab.engine.end(waits, cause), 1);
      // One after the other: when this one has been carried out, so have those before.
      lab.engine.end(idsOn(lab, "2"), "killed");
      await lab.recorded(1);
      lab.pool.setConcurrency(-1);
      lab.poolChanged();
      assert.equal(await readText(client, 1), "1");
    }));

  it("ends what has to make room on its target; the client comes back to another one", () =>
    inLab(host, { pool: { persistent: 60_000 } }, async (lab) => {
      await lab.target("1", greeter("1"));
      const [client] = await greeted(lab);
      await lab.target("2", greeter("2"));
      const [second, stuck] = await greeted(lab);
      assert.equal(stuck, "1", "bound");
      assert.equal(lab.engine.end(idsOn(lab, "1").slice(0, 1), "rebalanced"), 1);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["relay", "balancer", "rebalanced"]);
      const [gone, left] = record!.client.port === client.local.port ? [client, second] : [second, client];
      await ending(gone);
      const [back, by] = await greeted(lab);
      assert.equal(by, "2");
      for (const each of [left, back]) each.abort();
      await lab.recorded(3);
    }));
}
