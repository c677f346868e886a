/** What becomes of open connections when their target goes (`--on-down`), and when another one comes (`--rebalance`). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ask } from "../../src/admin/client.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { type Balancer, cutsWithReset, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { field } from "../support/log.ts";
import { dial, echo, endServers, serve } from "../support/peers.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { ending, readText, send } from "../support/stream.ts";
import { now, passes, standstill, until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

interface World {
  readonly balancer: Balancer;
  readonly reporter: Program;
  /** Relayed by the reporter's target. */
  readonly client: Connection;
  order(word: "drain" | "maintain"): Promise<unknown>;
}

async function world(onDown: string): Promise<World> {
  const api = join(temporaryFolder("removal"), "api.sock");
  const balancer = await startBalancer(["--on-down", onDown], { env: { HARMONY_API: `unix:${api}` } });
  const server = await serve(echo);
  const reporter = await startReporter(balancer, server.port, ["--id", "one"]);
  await balancer.program.says(/target default\/one is up/);
  const client = await dial(balancer.port);
  await answers(client, "1");
  const order = (word: string) =>
    ask([api], { method: "POST", path: `/v1/pools/default/targets/one/${word}`, body: {} });
  return { balancer, reporter, client, order };
}

async function answers(client: Connection, text: string): Promise<void> {
  await send(client, text);
  assert.equal(await readText(client, text.length), text);
}

async function assertEnded({ client, balancer }: World, why: RegExp): Promise<void> {
  const how = await within("the client's end", ending(client));
  if (cutsWithReset) assert.equal(how, "ECONNRESET");
  await balancer.program.says(why);
}

describe("connections that are open when a target comes", () => {
  it("make room for it at the rate that is asked for, idle ones first, and stay without", async () => {
    const balancer = await startBalancer(["--rebalance", "10/s", "--persistent", "on", "--algorithm", "leastconn"]);
    const [one, two] = await Promise.all([serve(echo), serve(echo)]);
    await startReporter(balancer, one.port, ["--id", "one"]);
    await balancer.program.says(/target default\/one is up/);
    const clients: Connection[] = [];
    for (let i = 0; i < 20; i++) {
      const client = await dial(balancer.port);
      await answers(client, "1");
      clients.push(client);
    }
    const busy = clients.slice(0, 10);
    let ended = 0;
    // Whoever is cut off comes back.
    let quiet = false;
    const idle = clients.slice(10).map(async (client) => {
      await ending(client);
      if (quiet) return;
      ended++;
      await answers(await dial(balancer.port), "1");
    });
    const chatter = busy.map(async (client) => {
      for (; !quiet; await passes(100)) await answers(client, "2");
    });
    await passes(2_200); // the portable engine looks once a second who is idle
    const begun = now();
    await startReporter(balancer, two.port, ["--id", "two"]);
    await balancer.program.says(/pool default is rebalanced: connections are ended, so that default\/two get/);
    const over = await balancer.program.says(/pool default is rebalanced no more: (\d+) connections ended/);
    quiet = true;
    await Promise.all(chatter);
    assert.equal(Number(field(over, "connections")), 9, "so that one has 11: half, and the margin");
    await until("all of them to be back", () => two.open() === 9);
    assert.equal(ended, 9);
    assert.ok(now() - begun >= 800, `nine took ${now() - begun} ms`);
    for (const client of busy) await answers(client, "3");
    await standstill("no more to be ended", () => ended, 1_000);
    assert.equal(ended, 9);
    for (const client of clients) client.abort();
    await Promise.all(idle);
  });

  it("stay where nobody asks for it", async () => {
    const balancer = await startBalancer();
    const [one, two] = await Promise.all([serve(echo), serve(echo)]);
    await startReporter(balancer, one.port, ["--id", "one"]);
    await balancer.program.says(/target default\/one is up/);
    const clients = await Promise.all(Array.from({ length: 10 }, () => dial(balancer.port)));
    for (const client of clients) await answers(client, "1");
    await startReporter(balancer, two.port, ["--id", "two"]);
    await balancer.program.says(/target default\/two is up/);
    await passes(1_500);
    for (const client of clients) await answers(client, "2");
    assert.equal(two.open(), 0);
  });
});

const orders = { skip: process.platform === "win32" && "Windows has no sockets that a file guards" };

describe("open connections of a target that takes no new ones", () => {
  it("are ended at once with kill, when it is down; those of one that drains when it leaves", orders, async () => {
    const down = await world("kill");
    await down.order("maintain");
    await assertEnded(down, /1 connection of target default\/one ended, as it is down \(on-down of pool default\)/);

    const drained = await world("kill");
    const stopped = drained.reporter.stop();
    await drained.balancer.program.says(/target default\/one drains/);
    await answers(drained.client, "2");
    drained.client.abort();
    await within("its reporter to leave, as none is left", stopped);
  });

  it("are ended with kill when it has left", async () => {
    const left = await world("kill");
    left.reporter.signal("SIGTERM");
    await left.balancer.program.says(/target default\/one drains/);
    await answers(left.client, "2");
    left.reporter.signal("SIGTERM"); // it leaves at once
    await assertEnded(left, /1 connection of target default\/one ended, as it has left/);
  });

  it("have their time with drain, and are ended after that", orders, async () => {
    const drained = await world("drain 1s");
    const begun = now();
    await drained.order("drain");
    await answers(drained.client, "2");
    await assertEnded(drained, /1 connection of target default\/one ended, as it drains, for 1\.\d s/);
    assert.ok(now() - begun >= 950, `after ${now() - begun} ms`);
  });

  it("go on with keep, whatever becomes of it", orders, async () => {
    const kept = await world("keep");
    await kept.order("maintain");
    await kept.balancer.program.says(/has ordered of target default\/one: maintenance/);
    await answers(kept.client, "2");
  });
});
