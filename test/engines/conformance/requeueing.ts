import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { answerer, echo, greeter, serve } from "../../support/peers.ts";
import { closedAddress, LOOPBACK } from "../../support/ports.ts";
import { drain, ending, readText } from "../../support/stream.ts";
import { passes, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE } from "../lab.ts";

/** Heavier than every live target, so that it is picked first. */
const FIRST = { weight: 1_000_000 };

export function requeueing(host: Host): void {
  const { runtime } = host;
  const noResets = runtime.can.reset ? false : "this runtime's sockets cannot send a reset";

  it("moves on to another target when one refuses, without losing a byte", () =>
    inLab(host, {}, async (lab) => {
      lab.announce("dead", await closedAddress(runtime), FIRST);
      await lab.target("live", echo);
      const client = await lab.client();
      const sent = Buffer.alloc(300_000, "0123456789abcdef");
      const writing = client.write(sent).then(() => client.closeWrite());
      const got = await readText(client);
      await writing;
      assert.equal(got, sent.toString());
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.requeues, record!.phase], ["live", 1, "relay"]);
      assert.deepEqual(record!.tried, [{ target: "dead", code: "ECONNREFUSED" }]);
      const dead = lab.view("dead");
      assert.deepEqual([dead.state, dead.failures, dead.total], ["suspect", 1, 0]);
    }));

  it("names a target that failed, also one that has left, and none that has its place later", () =>
    inLab(host, {}, async (lab) => {
      const dead = await closedAddress(runtime);
      for (const [nth, later] of [[], ["other"], ["other", "another"]].entries()) {
        lab.announce("dead", dead, FIRST);
        const live = await lab.target("live", echo);
        const client = await lab.client();
        await client.write(Buffer.from("x"));
        await readText(client, 1);
        lab.pool.remove("dead");
        for (const identity of later) {
          lab.announce(identity, dead);
          lab.pool.remove(identity);
        }
        await client.closeWrite();
        assert.equal(await client.read(), null);
        const record = await until("its record", () => lab.records[nth]);
        assert.deepEqual(record.tried, [{ target: later.length > 1 ? null : "dead", code: "ECONNREFUSED" }]);
        lab.pool.remove("live");
        await live.close();
      }
    }));

  it("tries each target once at most, and then says so", () =>
    inLab(host, { requeue: 5 }, async (lab) => {
      lab.announce("dead", await closedAddress(runtime));
      lab.announce("gone", await closedAddress(runtime));
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.cause, record!.phase, record!.requeues], ["connect-failed", "unavailable", 1]);
      assert.deepEqual([record!.target, record!.connectMs], [null, null]);
      assert.deepEqual(record!.tried.map(({ target }) => target).sort(), ["dead", "gone"]);
      assert.deepEqual([lab.view("dead").failures, lab.view("gone").failures], [1, 1]);
    }));

  it("tries `requeue` further targets and no more", () =>
    inLab(host, { requeue: 1 }, async (lab) => {
      for (const name of ["a", "b", "c"]) lab.announce(name, await closedAddress(runtime));
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.cause, record!.requeues, record!.tried.length], ["connect-failed", 1, 2]);
      assert.equal(failures(lab.pool.targets()), 2);
    }));

  it("tries one target only with requeue 0", () =>
    inLab(host, { requeue: 0 }, async (lab) => {
      lab.announce("dead", await closedAddress(runtime), FIRST);
      await lab.target("live", answerer("live"));
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.deepEqual(record!.tried, [{ target: "dead", code: "ECONNREFUSED" }]);
      assert.equal(record!.requeues, 0);
      assert.equal(await lab.ask(), "live", "the suspect comes last from now on");
      assert.equal(lab.view("dead").failures, 1);
    }));

  it("takes a suspect back once it answers", () =>
    inLab(host, { requeue: 0 }, async (lab) => {
      const target = await lab.target("one", answerer("one"));
      await target.close();
      assert.equal(await lab.ask(), UNAVAILABLE);
      assert.equal(lab.view("one").state, "suspect");
      if (!("port" in target.address)) throw new Error("a TCP target has a port");
      const back = await runtime.listen({ host: "127.0.0.1", port: target.address.port }, (connection) => {
        void drain(connection).then(() => connection.close());
      });
      assert.equal(await lab.ask(), "");
      assert.equal(lab.view("one").state, "up");
      await back.close();
    }));

  it("gives up on a target that does not answer within the connect time-out", async () => {
    const hole = await host.blackHole();
    try {
      await inLab(host, { connectTimeout: 300 }, async (lab) => {
        lab.announce("hole", hole.address, FIRST);
        await lab.target("live", answerer("live"));
        assert.equal(await lab.ask(), "live");
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.requeues, record!.tried], [1, [{ target: "hole", code: "ETIMEDOUT" }]]);
        assert.ok(record!.connectMs! >= 300 && record!.connectMs! < 3_000, `connected after ${record!.connectMs} ms`);
        assert.deepEqual([lab.view("hole").state, lab.view("hole").failures], ["suspect", 1]);
      });
    } finally {
      await hole.close();
    }
  });

  it("has a connect time-out for connecting alone", () =>
    inLab(host, { connectTimeout: 100 }, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      await until("its target", () => lab.view("one").active === 1);
      await passes(250); // of silence
      await client.write(Buffer.from("late"));
      assert.equal(await readText(client, 4), "late");
      await client.close();
    }));

  it("frees the permit of a client that leaves while its target is connected to", { skip: noResets }, async () => {
    const hole = await host.blackHole();
    try {
      await inLab(host, { connectTimeout: 20_000, pool: { concurrency: 1 } }, async (lab) => {
        lab.announce("hole", hole.address);
        const client = await lab.client();
        await until("the attempt", () => lab.view("hole").active === 1);
        client.abort();
        const [record] = await lab.recorded(1);
        assert.deepEqual([record!.phase, record!.endedBy, record!.cause], ["connect", "client", "reset"]);
        assert.deepEqual([lab.pool.active, lab.view("hole").active, lab.view("hole").failures], [0, 0, 0]);
        assert.equal(lab.view("hole").state, "up", "the target is not to blame");
      });
    } finally {
      await hole.close();
    }
  });

  it("goes elsewhere when a target dies with connections on it", () =>
    inLab(host, {}, async (lab) => {
      const dying = await lab.target("dying", echo, FIRST);
      await lab.target("live", answerer("live"));
      const client = await lab.client();
      await client.write(Buffer.from("x"));
      await readText(client, 1);
      await dying.close();
      await ending(client); // a FIN where the runtime cannot reset
      await client.close();
      await lab.recorded(1);
      for (let i = 0; i < 5; i++) assert.equal(await lab.ask(), "live");
      assert.equal(lab.view("dying").failures, 1, "tried once, and not again while there is another");
    }));

  it("moves a client whose own target is dead (persistent)", () =>
    inLab(host, { pool: { persistent: 60_000 } }, async (lab) => {
      const dying = await lab.target("dying", answerer("dying"), FIRST);
      await lab.target("live", answerer("live"));
      assert.equal(await lab.ask(), "dying");
      await dying.close();
      for (let i = 0; i < 3; i++) assert.equal(await lab.ask(), "live");
      const records = await lab.recorded(4);
      assert.deepEqual(
        records.map((record) => record.requeues),
        [0, 1, 0, 0],
      );
    }));

  it("waits for a target with room when the one it tried has failed", () =>
    inLab(host, {}, async (lab) => {
      lab.announce("dead", await closedAddress(runtime), { weight: 1 });
      await lab.target("small", echo, { maxConnections: 1 });
      const holder = await lab.client();
      await holder.write(Buffer.from("x"));
      await readText(holder, 1);
      const waiter = await lab.client();
      await waiter.write(Buffer.from("y"));
      await until("the waiter", () => lab.pool.waiting === 1);
      assert.equal(lab.view("dead").failures, 1);
      await holder.closeWrite();
      assert.equal(await readText(waiter, 1), "y");
      await waiter.closeWrite();
      const records = await lab.recorded(2);
      assert.deepEqual([records[1]!.target, records[1]!.requeues], ["small", 1]);
      assert.equal(lab.view("dead").failures, 1);
    }));

  it("leaves a suspect alone while a healthy target is merely full", () =>
    inLab(host, { requeue: 0 }, async (lab) => {
      await lab.target("small", greeter("!"), { maxConnections: 1 });
      const holder = await lab.client();
      await readText(holder, 1);
      lab.announce("suspect", await closedAddress(runtime), FIRST);
      lab.pool.setState("suspect", "suspect");
      lab.poolChanged();
      const waiters = [await lab.client(), await lab.client()];
      await until("both waiters, or what they got instead", () => lab.pool.waiting + lab.records.length === 2);
      await holder.closeWrite();
      // Each is served when the one before it has left; which of them came first is for the engine's threads to say.
      const served = async (client: (typeof waiters)[number]) => {
        assert.equal(await readText(client, 1), "!");
        await client.closeWrite();
      };
      await Promise.all(waiters.map(served));
      const records = await lab.recorded(3);
      assert.deepEqual(
        records.map((record) => [record.target, record.requeues]),
        Array(3).fill(["small", 0]),
      );
      assert.equal(lab.view("suspect").failures, 0, "it was never tried");
    }));

  it("tries a suspect for those who waited for a healthy target that has gone", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("small", greeter("!"), { maxConnections: 1 });
      const holder = await lab.client();
      await readText(holder, 1);
      const suspect = await serve(greeter("?"), LOOPBACK, runtime);
      try {
        lab.announce("suspect", suspect.address);
        lab.pool.setState("suspect", "suspect");
        lab.poolChanged();
        const waiter = await lab.client();
        await until("the waiter", () => lab.pool.waiting === 1);
        lab.pool.setState("small", "down");
        lab.poolChanged();
        assert.equal(await readText(waiter, 1), "?");
        for (const client of [holder, waiter]) await client.closeWrite();
        await lab.recorded(2);
      } finally {
        await suspect.close();
      }
    }));
}

function failures(targets: readonly { failures: number }[]): number {
  return targets.reduce((sum, target) => sum + target.failures, 0);
}
