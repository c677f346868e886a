import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import type { LinuxEngine } from "../../../src/engines/linux/main/engine.ts";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import { answerer, echo } from "../../support/peers.ts";
import { drain, readText } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import { thisHost } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

const skip = (await linux.test({ listen: [] })) ?? false;

describe("linux engine, threads", () => {
  it("counts 10,000 connections over four threads to the connection, and keeps every limit", { skip }, () =>
    inLab(thisHost(linux), { threads: 4, pool: { concurrency: 150, queue: 1000 } }, async (lab) => {
      const open = [0, 0, 0, 0];
      let peak = 0;
      let most = 0;
      const serve = (i: number) => async (connection: Client) => {
        open[i]!++;
        peak = Math.max(peak, open[0]!);
        most = Math.max(
          most,
          open.reduce((a, b) => a + b),
        );
        await drain(connection);
        await connection.write(Buffer.from(`t${i}`));
        open[i]!--; // before our FIN: as soon as it has that, the engine may send the next
        await connection.close();
      };
      const targets = await Promise.all(
        open.map((_, i) => lab.target(`t${i}`, serve(i), { maxConnections: i === 0 ? 10 : 0 })),
      );
      const answers = await Promise.all(Array.from({ length: 200 }, () => askRepeatedly(lab, 50)));
      const records = await lab.recorded(10_000);
      assert.equal(answers.flat().length, 10_000);
      for (const record of records) assert.deepEqual([record.cause, record.phase], ["fin", "relay"]);
      for (const [i, target] of targets.entries()) {
        const answered = answers.flat().filter((name) => name === `t${i}`).length;
        assert.equal(target.accepted.length, answered);
        assert.equal(lab.view(`t${i}`).total, answered);
        assert.equal(lab.view(`t${i}`).bytesOut, 2 * answered);
        assert.equal(lab.view(`t${i}`).failures, 0);
      }
      assert.ok(peak > 0 && peak <= 10, `${peak} at once where 10 are allowed`);
      assert.ok(most <= 150, `${most} at once where 150 are allowed`);
    }),
  );

  for (const threads of [1, 2, 4]) {
    it(`spreads open connections evenly with ${threads} threads (leastconn)`, { skip }, () =>
      inLab(thisHost(linux), { threads }, async (lab) => {
        for (let i = 0; i < 4; i++) await lab.target(`t${i}`, echo);
        await Promise.all(Array.from({ length: 400 }, () => openEcho(lab)));
        assert.deepEqual(
          lab.pool.targets().map(({ active }) => active),
          [100, 100, 100, 100],
        );
        assert.equal(lab.pool.active, 400);
      }),
    );
  }

  it("goes on when a worker dies: its connections end, the others' do not, and it is replaced", { skip }, () =>
    inLab(thisHost(linux), { threads: 2 }, async (lab) => {
      await lab.target("one", echo);
      const clients = await Promise.all(Array.from({ length: 40 }, () => openEcho(lab)));
      assert.equal(lab.view("one").active, 40);
      (lab.engine as LinuxEngine).crashWorker(0);
      await until("the news", () => lab.warnings.length > 0);
      const [warning] = lab.warnings.splice(0);
      const lost = Number(/with (\d+) connections/.exec(warning!)?.[1]);
      assert.match(warning!, /worker thread 1 has died.*told to die/);
      assert.ok(lost > 0 && lost < 40, `${lost} of 40 lost`);
      const records = await lab.recorded(lost);
      for (const record of records) assert.deepEqual([record.endedBy, record.cause], ["balancer", "reset"]);
      assert.equal(lab.view("one").active, 40 - lost);
      const still = await Promise.all(
        clients.map((client) =>
          say(client, "y").then(
            () => 1,
            () => 0,
          ),
        ),
      );
      assert.equal(still.filter((n) => n === 1).length, 40 - lost);
      // Enough that both listeners have their share: no client is left waiting at the dead worker's.
      await Promise.all(Array.from({ length: 40 }, () => openEcho(lab)));
      assert.equal(lab.view("one").active, 80 - lost);
    }),
  );

  it("takes a dead worker's waiters out of the queue, and lets the others go on", { skip }, () =>
    inLab(thisHost(linux), { threads: 2, pool: { concurrency: 1, queue: 100 } }, async (lab) => {
      await lab.target("one", answerer("one"));
      lab.pool.setConcurrency(0);
      const asked = Array.from({ length: 30 }, () =>
        lab.ask().then(
          () => 1,
          () => 0,
        ),
      );
      await until("the line", () => lab.pool.waiting === 30);
      (lab.engine as LinuxEngine).crashWorker(1);
      await until("the news", () => lab.warnings.length > 0);
      const lost = Number(/with (\d+) connections/.exec(lab.warnings.splice(0)[0]!)?.[1]);
      assert.equal(lab.pool.waiting, 30 - lost);
      lab.pool.setConcurrency(2);
      lab.poolChanged();
      const answered = (await Promise.all(asked)).reduce<number>((sum, n) => sum + n, 0);
      assert.ok(answered >= 30 - lost, `${answered} were answered`);
      await lab.recorded(30);
    }),
  );
});

async function askRepeatedly(lab: Lab, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < times; i++) answers.push(await lab.ask());
  return answers;
}

type Client = Awaited<ReturnType<Lab["client"]>>;

async function openEcho(lab: Lab): Promise<Client> {
  const client = await lab.client();
  await say(client, "x");
  return client;
}

async function say(client: Client, text: string): Promise<void> {
  await client.write(Buffer.from(text));
  assert.equal(await readText(client, text.length), text);
}
