import assert from "node:assert/strict";
import { it } from "node:test";
import { greeter } from "../../support/peers.ts";
import { readText } from "../../support/stream.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE, waitingLine } from "../lab.ts";

/** Connections that wait for a target while none is up. */
export function awaiting(host: Host): void {
  it("has clients wait for a target that comes back, and again for the next one", () =>
    inLab(host, { queueWhenEmpty: 20_000, pool: { queueWhenEmpty: 20_000 } }, async (lab) => {
      for (const round of [1, 2]) {
        const clients = await waitingLine(lab, 3, 0);
        await lab.target("one", greeter("!"));
        for (const client of clients) {
          assert.equal(await readText(client, 1), "!");
          await client.closeWrite();
        }
        await lab.recorded(3 * round);
        lab.pool.remove("one");
        lab.poolChanged();
      }
    }));

  it("tells clients that there is none after the time for that, not after the one for their turn", () =>
    inLab(host, { queueTimeout: 60_000, queueWhenEmpty: 200, pool: { queueWhenEmpty: 200 } }, async (lab) => {
      for (const client of await waitingLine(lab, 2, 0)) {
        assert.equal(await readText(client), UNAVAILABLE);
        await client.close();
      }
      for (const { cause, queuedMs } of await lab.recorded(2)) {
        assert.equal(cause, "no-targets");
        assert.ok(queuedMs >= 190 && queuedMs < 10_000, `${queuedMs} ms`);
      }
    }));

  it("has them wait as long as for their turn for a target that sleeps, and tells them when it does not come", () =>
    inLab(host, { queueTimeout: 20_000 }, async (lab) => {
      lab.pool.sleeping = 1;
      const clients = await waitingLine(lab, 2, 0);
      lab.pool.sleeping = 0;
      lab.poolChanged();
      for (const client of clients) {
        assert.equal(await readText(client), UNAVAILABLE);
        await client.close();
      }
      for (const { cause } of await lab.recorded(2)) assert.equal(cause, "no-targets");
    }));

  it("has one whose target has refused it wait for that target", () =>
    inLab(host, { requeue: 0, queueWhenEmpty: 20_000, pool: { queueWhenEmpty: 20_000 } }, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      await target.close();
      lab.announce("one", target.address);
      const [client] = await waitingLine(lab, 1, 0);
      assert.equal(lab.view("one").state, "suspect");
      await lab.target("two", greeter("?"));
      assert.equal(await readText(client!, 1), "?");
      await client!.closeWrite();
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.requeues, record!.tried.map(({ code }) => code)], [1, ["ECONNREFUSED"]]);
    }));
}
