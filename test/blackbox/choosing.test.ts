/** Which target a client gets, as the programs have it: priorities, limits, answers that are slow, a slow start. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, type Serve, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { drain, send } from "../support/stream.ts";
import { until } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

interface World extends Balancer {
  /** What the API shows of the target. */
  target(id: string): Promise<Target>;
}

async function world(...options: readonly string[]): Promise<World> {
  const api = join(temporaryFolder("choosing"), "api.sock");
  const balancer = await startBalancer(options, { env: { HARMONY_API: `unix:${api}` } });
  return {
    ...balancer,
    target: (id) => ask([api], { method: "GET", path: `/v1/pools/default/targets/${id}` }) as Promise<Target>,
  };
}

/** Announced, and up. */
async function announce(balancer: World, id: string, serveEach: Serve, ...options: readonly string[]) {
  const server = await serve(serveEach);
  const reporter = await startReporter(balancer, server.port, ["--id", id, ...options]);
  await balancer.program.says(new RegExp(`target default/${id} is up`));
  return { server, reporter };
}

const posix = { skip: process.platform === "win32" && "Windows has no sockets that a file guards" };

describe("which target a client gets", posix, () => {
  it("is one of the smallest priority that can, from the first connection that fails on, and back", async () => {
    const balancer = await world();
    const third = await announce(balancer, "third", answerer("third"), "--priority", "7");
    const second = await announce(balancer, "second", answerer("second"), "--priority", "3");
    const first = await announce(balancer, "first", answerer("first"));
    assert.equal((await balancer.target("third")).priority, 7);
    const all = async (name: string) => {
      for (let n = 0; n < 5; n++) assert.equal(await exchange(balancer.port, ""), name);
    };
    await all("first");
    await first.server.close(); // nobody tells the balancer
    await all("second");
    await second.server.close();
    await all("third");
    await announce(balancer, "again", answerer("again"), "--priority", "1");
    await all("again");
    for (const { reporter } of [first, second, third]) await reporter.stop();
  });

  it("is none that has as many connections as its reporter says it takes: clients wait", async () => {
    const balancer = await world();
    let open = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const counting: Serve = async (connection) => {
      if ((await connection.read()) === null) return; // a probe
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => release.push(resolve));
      open--;
      await send(connection, "done");
      await connection.close();
    };
    await announce(balancer, "one", counting, "--max-connections", "2");
    assert.equal((await balancer.target("one")).maxConnections, 2);
    const clients = Array.from({ length: 5 }, () => exchange(balancer.port, "please"));
    for (let left = 5; left > 0; left--) {
      await until("as many as it takes", () => open === Math.min(2, left) && release.length > 0);
      release.shift()!();
    }
    assert.deepEqual(await Promise.all(clients), Array(5).fill("done"));
    assert.equal(most, 2);
  });

  it("is the one that answers sooner, with latency", async () => {
    const balancer = await world("--algorithm", "latency");
    const slow: Serve = async (connection) => {
      await drain(connection);
      await new Promise((resolve) => setTimeout(resolve, 100)); // as long as its work takes
      await send(connection, "slow");
      await connection.close();
    };
    await announce(balancer, "slow", slow);
    await announce(balancer, "fast", answerer("fast"));
    let slowOnes = 0;
    // Not at once where the fast one's first answer met a machine that was busy: that is forgotten within seconds.
    await until("it to get at least 35 of 40", async () => {
      const answers: string[] = [];
      for (let n = 0; n < 40; n++) answers.push(await exchange(balancer.port, ""));
      const slow = answers.filter((text) => text === "slow").length;
      slowOnes += slow;
      return slow <= 5;
    });
    assert.ok(slowOnes >= 1, "the slow one is tried");
  });

  it("is seldom one that has just come, with a slow start, until that is over", async () => {
    const balancer = await world("--slow-start", "2s");
    await announce(balancer, "old", answerer("old"));
    const before = await balancer.target("old");
    assert.deepEqual([before.weight, before.ramp], [500, null], "it is alone");
    await until("the first one's own slow start to be over", async () => {
      const young = await announce(balancer, "young", answerer("young"));
      const { weight, ramp } = await balancer.target("young");
      await young.reporter.stop();
      await balancer.program.says(/target default\/young has left/);
      return weight < 100 && ramp !== null && Math.abs(ramp - weight / 500) < 0.001;
    });
    await announce(balancer, "new", answerer("new"));
    const weights: number[] = [];
    await until("its whole weight", async () => {
      const { weight, ownWeight } = await balancer.target("new");
      weights.push(weight);
      assert.equal(ownWeight, 500);
      return weight === 500;
    });
    assert.deepEqual(
      weights,
      [...weights].sort((a, b) => a - b),
    );
    assert.ok(weights[0]! < 400, `${weights}`);
    assert.equal((await balancer.target("new")).ramp, null);
  });
});
