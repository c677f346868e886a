/** Clients that no pool has yet: how many there may be, for how long, and who goes first where descriptors are short. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOST_IN_RECEPTION, MOST_IN_TARPIT } from "../../../src/edge/reception.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import { greeter } from "../../support/peers.ts";
import { ending, readText, send } from "../../support/stream.ts";
import { settle } from "../../support/wait.ts";
import { type Asked, askingFor, HERE } from "../edge/asking.ts";
import { inMemory, type MemoryLab, type MemoryLabOptions } from "../memory-lab.ts";

const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";

function asking(options: MemoryLabOptions, asked: Asked, test: (lab: MemoryLab, counts: Counts) => Promise<void>) {
  return inMemory(options, async (lab) => {
    const { refusals, rules } = askingFor(asked);
    await lab.front.listeners[0]!.serve({ rules, pools: [lab.pool] });
    await lab.target("one", greeter("!"));
    await test(lab, refusals);
  });
}
type Counts = ReturnType<typeof askingFor>["refusals"];

async function clients(lab: MemoryLab, count: number): Promise<Connection[]> {
  const all: Connection[] = [];
  for (let i = 0; i < count; i++) all.push(await lab.client());
  await settle();
  return all;
}

describe("arrivals", () => {
  it("have until their time is over, and what came before counts for nothing", () =>
    asking({}, { senders: HERE, prereadTimeout: 5_000 }, async (lab, refusals) => {
      const [silent, slow, right] = await clients(lab, 3);
      lab.clock.advance(3_000);
      await send(slow!, V1.slice(0, -2));
      await send(right!, V1);
      await settle();
      lab.clock.advance(1_900);
      await settle();
      assert.deepEqual(refusals(), {});
      lab.clock.advance(200);
      for (const client of [silent!, slow!]) assert.equal(await ending(client), "ECONNRESET");
      assert.deepEqual(refusals(), { "no-header": 2 });
      assert.equal(await readText(right!, 1), "!");
      await right!.closeWrite();
      await settle();
      assert.equal(lab.records.length, 1);
    }));

  it("are so many at a time: of more, who has been asked for longest gives way", () =>
    asking({}, { senders: HERE }, async (lab, refusals) => {
      const all = await clients(lab, MOST_IN_RECEPTION);
      assert.deepEqual(refusals(), {});
      const [late] = await clients(lab, 1);
      assert.equal(await ending(all[0]!), "ECONNRESET");
      assert.deepEqual(refusals(), { crowded: 1 });
      for (const client of [all[1]!, late!]) {
        await send(client, V1);
        assert.equal(await readText(client, 1), "!");
        await client.closeWrite();
      }
      await settle();
    }));

  it("are kept waiting for so long, as many as that is done to, and the rest is reset", () =>
    asking({}, { deny: HERE, refuse: { type: "tarpit", ms: 10_000 } }, async (lab, refusals) => {
      const all = await clients(lab, MOST_IN_TARPIT);
      const [late] = await clients(lab, 1);
      assert.equal(await ending(late!), "ECONNRESET");
      assert.deepEqual(refusals(), { denied: MOST_IN_TARPIT + 1 });
      lab.clock.advance(9_000);
      await settle();
      assert.equal(lab.network.open, 2 * MOST_IN_TARPIT + 1);
      lab.clock.advance(1_100);
      assert.equal(await ending(all[0]!), "ECONNRESET");
      assert.equal(await ending(all.at(-1)!), "ECONNRESET");
    }));

  it("give way where descriptors are short: who is turned away, then who has been asked for longest", () =>
    asking(
      { limit: 32 + 8, reserve: 0 },
      { senders: HERE, deny: ["192.0.2.9"], refuse: { type: "tarpit", ms: 60_000 } },
      async (lab, refusals) => {
        const [denied, first, second, third] = await clients(lab, 4);
        await send(denied!, V1.replace("192.0.2.1", "192.0.2.9"));
        await settle();
        assert.deepEqual(refusals(), { denied: 1 });
        const [fifth] = await clients(lab, 1);
        assert.equal(await ending(denied!), "ECONNRESET");
        const [sixth] = await clients(lab, 1);
        assert.equal(await ending(first!), "ECONNRESET");
        assert.deepEqual(refusals(), { denied: 1, crowded: 1 });
        for (const client of [second!, third!, fifth!, sixth!]) {
          await send(client, V1);
          assert.equal(await readText(client, 1), "!");
          await client.closeWrite();
        }
        await settle();
        assert.equal(lab.records.length, 4);
      },
    ));

  it("are not kept waiting where descriptors are short, since nobody gives way for that", () =>
    asking({ limit: 32 + 2, reserve: 0 }, { deny: HERE, refuse: { type: "tarpit", ms: 60_000 } }, async (lab) => {
      const [waiting, late] = await clients(lab, 2);
      assert.equal(await ending(late!), "ECONNRESET");
      lab.clock.advance(60_100);
      assert.equal(await ending(waiting!), "ECONNRESET");
    }));

  it("are told why for a moment, also those who do not listen, and give their places back once", () =>
    asking(
      { limit: 32 + 2, reserve: 0, network: { window: 4 } },
      { deny: HERE, refuse: { type: "text", text: new Uint8Array(100) } },
      async (lab) => {
        const [client] = await clients(lab, 1);
        assert.equal(lab.network.open, 2);
        lab.clock.advance(5_100);
        await settle();
        assert.equal(await ending(client!), "ECONNRESET");
        const { rules } = askingFor({ deny: HERE, refuse: { type: "tarpit", ms: 60_000 } });
        await lab.front.listeners[0]!.serve({ rules, pools: [lab.pool] });
        const [, late] = await clients(lab, 2);
        assert.equal(await ending(late!), "ECONNRESET", "there is one place");
      },
    ));
});
