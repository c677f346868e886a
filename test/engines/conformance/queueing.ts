import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { drain, readText } from "../../support/stream.ts";
import { now, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE, waitingLine } from "../lab.ts";

export function queueing(host: Host): void {
  const noResets = host.runtime.can.reset ? false : "this runtime's sockets cannot send a reset";

  it("lets `concurrency` connections through, and the others in the order they came", () =>
    inLab(host, { pool: { concurrency: 2 } }, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      const clients = await waitingLine(lab, 6, 2);
      assert.equal(target.accepted.length, 2);
      const turns: number[] = [];
      clients.forEach((client, i) => {
        void readText(client, 1).then(() => turns.push(i));
      });
      for (let i = 0; i < clients.length; i++) {
        await until(`turn ${i}`, () => turns.length >= Math.min(i + 2, clients.length));
        assert.ok(target.open() <= 2, `${target.open()} at once`);
        await clients[i]!.closeWrite();
      }
      const records = await lab.recorded(6);
      // The first two are served side by side, and which of them the test hears of first is its own runtime's affair.
      assert.deepEqual([...turns.slice(0, 2).sort(), ...turns.slice(2)], [0, 1, 2, 3, 4, 5]);
      assert.deepEqual(
        records.map((record) => record.queuedMs > 0),
        [false, false, true, true, true, true],
      );
    }));

  it("keeps a queued client's bytes, and its turn after its FIN", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", echo);
      const [holder] = await waitingLine(lab, 1, 1);
      const client = await lab.client();
      await client.write(Buffer.from("patience"));
      await client.closeWrite();
      await until("the waiter", () => lab.pool.waiting === 1);
      await holder!.closeWrite();
      assert.equal(await readText(client), "patience");
      await lab.recorded(2);
    }));

  it("counts the time in the queue once, and not as time to connect", () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const [holder, waiter] = await waitingLine(lab, 2, 1);
      const since = now();
      await until("half a second in the queue", () => now() - since > 500);
      await holder!.closeWrite();
      await readText(waiter!, 1);
      await waiter!.closeWrite();
      const { queuedMs, connectMs, durationMs } = (await lab.recorded(2))[1]!;
      assert.ok(queuedMs >= 400, `waited ${queuedMs} ms`);
      assert.ok(
        queuedMs + connectMs! <= durationMs + 0.01,
        `${queuedMs} ms waiting and ${connectMs} ms connecting of ${durationMs}`,
      );
    }));

  it("turns a client away when the queue is full", () =>
    inLab(host, { pool: { concurrency: 1, queue: 2 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const clients = await waitingLine(lab, 3, 1);
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.cause, record!.phase, record!.endedBy], ["queue-full", "unavailable", "balancer"]);
      for (const client of clients) await client.closeWrite();
      await lab.recorded(4);
    }));

  it("turns a waiter away in a newcomer's stead that has half-closed without having sent anything", () =>
    inLab(host, { pool: { concurrency: 1, queue: 3 } }, async (lab) => {
      await lab.target("one", echo);
      const [holder, talker, patient, silent] = await waitingLine(lab, 4, 1);
      await talker!.write(Buffer.from("x"));
      await talker!.closeWrite();
      await silent!.closeWrite();
      await until("its silence", () => lab.pool.silentWaiters === 1);
      assert.equal(lab.pool.waiting, 3, "while there is room it keeps its place");
      const newcomer = await lab.client();
      assert.equal(await readText(silent!), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      const { cause, endedBy, phase, queuedMs, target } = record!;
      assert.deepEqual([cause, endedBy, phase, target], ["queue-full", "balancer", "unavailable", null]);
      assert.ok(queuedMs > 0);
      assert.deepEqual([lab.pool.waiting, lab.pool.silentWaiters], [3, 0]);
      assert.equal(
        await lab.ask(),
        UNAVAILABLE,
        "nobody else has to give way, whoever has sent something or not half-closed",
      );
      await holder!.closeWrite();
      assert.equal(await readText(talker!), "x");
      for (const client of [patient!, newcomer]) {
        await client.write(Buffer.from("y"));
        await client.closeWrite();
        assert.equal(await readText(client), "y");
      }
      await lab.recorded(6);
    }));

  it("has those who were silent first give way first, and serves those who keep their place", () =>
    inLab(host, { pool: { concurrency: 1, queue: 4 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const [holder, ...waiters] = await waitingLine(lab, 5, 1);
      for (const [i, nth] of [2, 0, 3, 1].entries()) {
        await waiters[nth]!.closeWrite();
        await until("its silence", () => lab.pool.silentWaiters === i + 1);
      }
      const newcomers = [];
      for (const nth of [2, 0, 3]) {
        newcomers.push(await lab.client());
        assert.equal(await readText(waiters[nth]!), UNAVAILABLE);
      }
      await holder!.closeWrite();
      for (const client of [waiters[1]!, ...newcomers]) {
        assert.equal(await readText(client, 1), "!");
        await client.closeWrite();
      }
      const records = await lab.recorded(8);
      assert.equal(records.filter(({ cause }) => cause === "queue-full").length, 3);
    }));

  it("knows one as silent that half-closed while its target was connected, and has to wait after that", () =>
    inLab(host, { requeue: 1, connectTimeout: 300, pool: { queue: 1 } }, async (lab) => {
      const full = await lab.target("full", greeter("!"), { maxConnections: 1 });
      const hole = await host.blackHole();
      try {
        const holder = await lab.client();
        assert.equal(await readText(holder, 1), "!");
        lab.announce("hole", hole.address);
        const silent = await lab.client();
        await silent.closeWrite();
        await until("its silence in the queue", () => lab.pool.silentWaiters === 1);
        lab.pool.remove("hole");
        const newcomer = await lab.client();
        assert.equal(await readText(silent), UNAVAILABLE);
        await holder.closeWrite();
        assert.equal(await readText(newcomer, 1), "!");
        await newcomer.closeWrite();
        await lab.recorded(3);
        assert.equal(full.accepted.length, 2);
      } finally {
        await hole.close();
      }
    }));

  it("turns a client away that would have to wait where none may", () =>
    inLab(host, { pool: { concurrency: 1, queue: 0 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      await waitingLine(lab, 1, 1);
      assert.equal(await lab.ask(), UNAVAILABLE);
      assert.equal((await lab.recorded(1))[0]!.cause, "queue-full");
    }));

  it("turns a client away that has waited for too long", () =>
    inLab(host, { queueTimeout: 300, pool: { concurrency: 1 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      await waitingLine(lab, 1, 1);
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.equal(record!.cause, "queue-timeout");
      assert.ok(record!.queuedMs >= 300 && record!.queuedMs < 3_000, `waited ${record!.queuedMs} ms`);
      assert.deepEqual([lab.pool.active, lab.pool.waiting], [1, 0]);
    }));

  it("lets a client that leaves out of the queue", { skip: noResets }, () =>
    inLab(host, { pool: { concurrency: 1 } }, async (lab) => {
      const target = await lab.target("one", greeter("!"));
      const [holder, leaver, stayer] = await waitingLine(lab, 3, 1);
      leaver!.abort();
      const [record] = await lab.recorded(1);
      assert.deepEqual(
        [record!.phase, record!.endedBy, record!.cause, record!.target],
        ["queue", "client", "reset", null],
      );
      assert.equal(lab.pool.waiting, 1);
      await holder!.closeWrite();
      assert.equal(await readText(stayer!, 1), "!");
      assert.equal(target.accepted.length, 2);
      await stayer!.closeWrite();
      await lab.recorded(3);
    }),
  );

  it("waits for room on a target (maxConnections)", () =>
    inLab(host, {}, async (lab) => {
      const target = await lab.target("one", greeter("!"), { maxConnections: 2 });
      const clients = await waitingLine(lab, 5, 2);
      for (const client of clients) {
        await readText(client, 1);
        assert.ok(target.open() <= 2, `${target.open()} at once`);
        await client.closeWrite();
      }
      await lab.recorded(5);
      assert.equal(lab.view("one").total, 5);
    }));

  it("gives those who wait for room the target that joins", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"), { maxConnections: 1 });
      const clients = await waitingLine(lab, 2, 1);
      await lab.target("two", greeter("2"));
      assert.equal(await readText(clients[1]!, 1), "2");
    }));

  it("tells those who wait for room when the last target has gone", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"), { maxConnections: 1 });
      const clients = await waitingLine(lab, 2, 1);
      lab.pool.remove("one");
      lab.poolChanged();
      assert.equal(await readText(clients[1]!), UNAVAILABLE);
      await clients[1]!.close();
      assert.equal((await lab.recorded(1))[0]!.cause, "no-targets");
    }));

  it("lets those who come before the first target wait for it, and serves them in order", () =>
    inLab(host, {}, async (lab) => {
      lab.pool.hold();
      const clients = await waitingLine(lab, 4, 0);
      const target = await lab.target("one", greeter("!"), { maxConnections: 1 });
      for (const client of clients) {
        assert.equal(await readText(client, 1), "!");
        assert.equal(target.open(), 1);
        await client.closeWrite();
      }
      await lab.recorded(4);
      lab.pool.remove("one");
      assert.equal(await lab.ask(), UNAVAILABLE, "nobody waits for another one");
    }));

  it("does not try a target that nobody has reached while it waits for the first, and does so after that", () =>
    inLab(host, {}, async (lab) => {
      lab.pool.hold();
      const target = await lab.target("one", greeter("!"), { weight: 0 });
      lab.pool.setState("one", "suspect");
      lab.announce("one", target.address);
      const clients = await waitingLine(lab, 2, 0);
      assert.equal(lab.view("one").state, "suspect");
      assert.equal(target.accepted.length, 0);
      lab.pool.endHold();
      lab.poolChanged();
      for (const client of clients) {
        assert.equal(await readText(client, 1), "!");
        await client.closeWrite();
      }
      await lab.recorded(2);
    }));

  it("tells all who wait for the first target, when they have waited for long enough, that there is none", () =>
    inLab(host, {}, async (lab) => {
      lab.pool.hold();
      const clients = await waitingLine(lab, 4, 0);
      const since = now();
      await until("a time that can be told from none", () => now() > since + 2);
      lab.pool.endHold();
      lab.poolChanged();
      for (const client of clients) {
        assert.equal(await readText(client), UNAVAILABLE);
        await client.close();
      }
      for (const { cause, queuedMs } of await lab.recorded(4)) {
        assert.equal(cause, "no-targets");
        assert.ok(queuedMs > 0);
      }
    }));

  it("keeps the queue's limits while it waits for the first target", () =>
    inLab(host, { queueTimeout: 2_000, pool: { queue: 1 } }, async (lab) => {
      lab.pool.hold();
      const [waiter] = await waitingLine(lab, 1, 0);
      assert.equal(await lab.ask(), UNAVAILABLE);
      assert.equal(await readText(waiter!), UNAVAILABLE);
      await waiter!.close();
      const causes = (await lab.recorded(2)).map(({ cause }) => cause);
      assert.deepEqual(causes, ["queue-full", "queue-timeout"]);
    }));

  it("waits for no target where none may wait", () =>
    inLab(host, { pool: { queue: 0 } }, async (lab) => {
      lab.pool.hold();
      assert.equal(await lab.ask(), UNAVAILABLE);
      assert.equal((await lab.recorded(1))[0]!.cause, "no-targets");
    }));

  it("tells those who wait for the first target when it stops", () =>
    inLab(host, {}, async (lab) => {
      lab.pool.hold();
      const clients = await waitingLine(lab, 2, 0);
      const closed = lab.engine.close(1_000);
      for (const client of clients) {
        assert.equal(await readText(client), UNAVAILABLE);
        await client.close();
      }
      await closed;
      for (const { cause } of await lab.recorded(2)) assert.equal(cause, "stopping");
    }));

  it("pauses at concurrency 0 and goes on when it is lifted", () =>
    inLab(host, {}, async (lab) => {
      const target = await lab.target("one", answerer("one"));
      lab.pool.setConcurrency(0);
      lab.poolChanged();
      const answers = [lab.ask(), lab.ask(), lab.ask()];
      await until("three waiters", () => lab.pool.waiting === 3);
      assert.equal(target.accepted.length, 0);
      lab.pool.setConcurrency(-1);
      lab.poolChanged();
      assert.deepEqual(await Promise.all(answers), ["one", "one", "one"]);
      await lab.recorded(3);
    }));

  it("lets open connections be when it is paused", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", echo);
      const client = await lab.client();
      await client.write(Buffer.from("a"));
      await readText(client, 1);
      lab.pool.setConcurrency(0);
      lab.poolChanged();
      await client.write(Buffer.from("b"));
      assert.equal(await readText(client, 1), "b");
      await client.closeWrite();
      assert.equal(await drain(client), 0);
      await lab.recorded(1);
    }));
}
