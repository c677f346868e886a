import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { ALGORITHM_NAMES } from "../../../src/pool/pool.ts";
import { answerer, greeter } from "../../support/peers.ts";
import { readText } from "../../support/stream.ts";
import { passes, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

export function targets(host: Host): void {
  const noIPv6 = host.ipv6 ? false : "this host has no IPv6 loopback";
  const noUnix = host.runtime.can.unix ? false : "no Unix sockets here";

  it("shares connections by weight exactly (roundrobin, 100/100/200)", () =>
    inLab(host, { pool: { algorithm: "roundrobin" } }, async (lab) => {
      await weighted(lab, [100, 100, 200]);
      const answers = await askMany(lab, 400);
      assert.deepEqual(tally(answers), { t0: 100, t1: 100, t2: 200 });
      assert.deepEqual(await totals(lab, 400), [100, 100, 200]);
    }));

  it("shares open connections by weight (leastconn, 500/500/1000)", () =>
    inLab(host, { pool: { algorithm: "leastconn" } }, async (lab) => {
      await weighted(lab, [500, 500, 1000]);
      const names = await holdMany(lab, 100);
      assert.deepEqual(tally(names), { t0: 25, t1: 25, t2: 50 });
      assert.deepEqual(active(lab), [25, 25, 50]);
    }));

  it("sends everyone to the heaviest while it is idle (leastconn)", () =>
    inLab(host, { pool: { algorithm: "leastconn" } }, async (lab) => {
      await weighted(lab, [500, 500, 1000]);
      for (let i = 0; i < 20; i++) {
        assert.equal(await lab.ask(), "t2");
        await lab.recorded(i + 1); // only then is the pool idle again
      }
    }));

  it("sends everyone to the heaviest while the close before is still on its way (leastconn)", () =>
    inLab(host, { pool: { algorithm: "leastconn" } }, async (lab) => {
      await weighted(lab, [500, 500, 1000]);
      let last = await lab.client();
      assert.equal(await readText(last, 2), "t2");
      for (let i = 0; i < 20; i++) {
        const next = await lab.client();
        assert.equal(await readText(next, 2), "t2");
        await last.closeWrite();
        await lab.recorded(i + 1);
        last = next;
      }
    }));

  it("spreads by two random choices (random)", () =>
    inLab(host, { pool: { algorithm: "random" } }, async (lab) => {
      await weighted(lab, [500, 500, 500, 500]);
      await holdMany(lab, 100);
      const shares = active(lab);
      assert.equal(
        shares.reduce((a, b) => a + b),
        100,
      );
      // Of two choices the emptier: a plain random choice would be out of these bounds now and then, this one is not.
      for (const share of shares) assert.ok(share >= 15 && share <= 35, `shares ${shares}`);
    }));

  it("keeps a client on its target by its address (hash)", () =>
    inLab(host, { pool: { algorithm: "hash" } }, async (lab) => {
      await weighted(lab, [500, 500, 500, 500]);
      // Worker threads pick by the table of before until the pool's own thread has made the next: on a slow machine, some time.
      let names = await holdMany(lab, 20);
      for (let i = 0; i < 20 && Object.keys(tally(names)).length > 1; i++) names = await holdMany(lab, 20);
      assert.equal(Object.keys(tally(names)).length, 1);
    }));

  for (const algorithm of ALGORITHM_NAMES) {
    it(`never sends anyone to weight 0, a drained or a full target (${algorithm})`, () =>
      inLab(host, { pool: { algorithm } }, async (lab) => {
        await lab.target("zero", greeter("zero"), { weight: 0 });
        await lab.target("drained", greeter("drained"));
        await lab.target("small", greeter("small"), { maxConnections: 3 });
        await lab.target("large", greeter("large"), { weight: 1 });
        lab.pool.setState("drained", "draining");
        lab.poolChanged();
        const names = tally(await holdMany(lab, 30));
        assert.equal(names.zero, undefined);
        assert.equal(names.drained, undefined);
        assert.ok((names.small ?? 0) <= 3, `small has ${names.small}`);
        assert.equal((names.small ?? 0) + names.large!, 30);
      }));
  }

  it("lets a drained target's connections finish", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("old", greeter("o"));
      const client = await lab.client();
      await readText(client, 1);
      await lab.target("new", answerer("new"));
      lab.pool.setState("old", "draining");
      lab.poolChanged();
      for (let i = 0; i < 5; i++) assert.equal(await lab.ask(), "new");
      assert.equal(lab.view("old").active, 1);
      await client.closeWrite();
      assert.equal(await client.read(), null, "the open connection ends in peace");
      await lab.recorded(6);
    }));

  it("lets a removed target's connections finish", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("old", greeter("o"));
      const client = await lab.client();
      await readText(client, 1);
      lab.pool.remove("old");
      lab.poolChanged();
      await client.closeWrite();
      assert.equal(await client.read(), null);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.cause], ["old", "fin"]);
      assert.equal(lab.pool.view("old"), undefined, "forgotten once its last connection is over");
    }));

  it("keeps each client on its own target (persistent), by the client's address", { skip: noIPv6 }, () =>
    inLab(host, { listen: both(), pool: { persistent: 60_000, algorithm: "roundrobin" } }, async (lab) => {
      await weighted(lab, [500, 500]);
      const [v4, v6] = lab.addresses;
      // Two clients by address; with the balancer's own address as the key, both would be one.
      const first = await lab.ask(v4);
      const second = await lab.ask(v6);
      assert.notEqual(first, second);
      for (let i = 0; i < 5; i++) {
        assert.equal(await lab.ask(v4), first);
        assert.equal(await lab.ask(v6), second);
      }
      await lab.recorded(12);
      assert.deepEqual(new Set(lab.records.map((record) => record.client.host)), new Set(["127.0.0.1", "::1"]));
    }),
  );

  it("keeps a client on its target however long its connection lasts (persistent)", () =>
    inLab(host, { pool: { persistent: 200, algorithm: "roundrobin" } }, async (lab) => {
      await weighted(lab, [500, 500, 500]);
      const client = await lab.client();
      const first = await readText(client, 2);
      await passes(500);
      const second = await lab.client();
      assert.equal(await readText(second, 2), first, "while the connection is open");
      for (const each of [client, second]) await each.closeWrite();
      await lab.recorded(2);
    }));

  it("moves a client whose target drains, and keeps it there (persistent)", () =>
    inLab(host, { pool: { persistent: 60_000, algorithm: "roundrobin" } }, async (lab) => {
      await weighted(lab, [500, 500, 500]);
      const first = await lab.ask();
      assert.equal(await lab.ask(), first);
      lab.pool.setState(first, "draining");
      lab.poolChanged();
      const second = await lab.ask();
      assert.notEqual(second, first);
      lab.pool.setState(first, "up");
      lab.poolChanged();
      for (let i = 0; i < 5; i++) assert.equal(await lab.ask(), second);
    }));

  it("listens on IPv6 and reaches IPv6 targets", { skip: noIPv6 }, () =>
    inLab(host, { listen: both() }, async (lab) => {
      await lab.target("six", answerer("six"), { host: "::1" });
      const [v4, v6] = lab.addresses;
      assert.equal(v6!.host, "::1");
      assert.equal(await lab.ask(v4), "six");
      assert.equal(await lab.ask(v6), "six");
    }),
  );

  it("listens on every interface, IPv6 and IPv4 on one port", { skip: noIPv6 }, () =>
    inLab(host, { listen: [{ host: "", port: 0 }] }, async (lab) => {
      await lab.target("one", answerer("one"));
      assert.equal(await lab.ask({ host: "127.0.0.1", port: lab.port }), "one");
      assert.equal(await lab.ask({ host: "::1", port: lab.port }), "one");
      await lab.recorded(2);
      assert.equal(lab.records[0]!.client.host, "127.0.0.1", "an IPv4 client reads as one on a listener for both");
    }),
  );

  it("reaches targets on Unix sockets", { skip: noUnix }, async () => {
    const server = await host.unixServer("unix");
    try {
      await inLab(host, {}, async (lab) => {
        lab.announce("unix", server.address);
        assert.equal(await lab.ask(), "unix");
      });
    } finally {
      await server.close();
    }
  });
}

function both() {
  return [
    { host: "127.0.0.1", port: 0 },
    { host: "::1", port: 0 },
  ];
}

/** Targets t0, t1 … of these weights, which say their name at once and end when the client does. */
async function weighted(lab: Lab, weights: readonly number[]): Promise<void> {
  for (const [i, weight] of weights.entries()) await lab.target(`t${i}`, greeter(`t${i}`), { weight });
}

async function askMany(lab: Lab, count: number): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) answers.push(await lab.ask());
  return answers;
}

/** Opens connections and leaves them open; the names of their targets. */
async function holdMany(lab: Lab, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const client = await lab.client();
    names.push(Buffer.from((await client.read())!).toString());
  }
  return names;
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function active(lab: Lab): number[] {
  return lab.pool.targets().map((target) => target.active);
}

async function totals(lab: Lab, count: number): Promise<number[]> {
  await until("the last release", () => lab.records.length === count);
  return lab.pool.targets().map((target) => target.total);
}
