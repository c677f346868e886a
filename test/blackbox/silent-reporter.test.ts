/** Reporters that are stopped (SIGSTOP), alone or together with their servers: their connections are there, and nothing comes any more. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { httpGet } from "../support/http.ts";
import { dial, echoServer, endServers, exchange } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { startTarget } from "../support/target-process.ts";
import { until } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";
const HEARTBEAT_MS = 400;
const OPTIONS = ["--heartbeat", `${HEARTBEAT_MS}ms`, "--algorithm", "roundrobin"];
/** Two and a half heartbeats after the last one, and what looks and a busy machine add. */
const NOTICED_MS = 3 * HEARTBEAT_MS;

after(async () => {
  await endPrograms();
  await endServers();
});

function answersOf(port: number): Promise<string[]> {
  return Promise.all([1, 2, 3, 4].map(() => httpGet(port, "/")));
}

describe("a server that is stopped together with its reporter", { skip }, () => {
  it("is a suspect within three heartbeats, so that others serve all clients, until its reporter is heard again", async () => {
    const balancer = await startBalancer(OPTIONS);
    const [a, b] = [await startTarget("http", "a"), await startTarget("http", "b")];
    const reporter = await startReporter(balancer, a.port);
    await startReporter(balancer, b.port);
    await until("both serve", async () => new Set(await answersOf(balancer.port)).size === 2);
    await new Promise((resolve) => setTimeout(resolve, 2 * HEARTBEAT_MS)); // it has sent a heartbeat then: the time is what is tested
    a.program.signal("SIGSTOP");
    reporter.signal("SIGSTOP");
    const stopped = performance.now();
    await balancer.program.says(/target default\/127.0.0.1:\d+ is suspect: its reporter is silent/);
    const noticed = performance.now() - stopped;
    // The log tells it at the next look at suspects, which comes once a second.
    assert.ok(noticed < NOTICED_MS + 1_500, `${noticed.toFixed(0)} ms`);
    assert.deepEqual(await answersOf(balancer.port), ["b", "b", "b", "b"]);
    a.program.signal("SIGCONT");
    assert.deepEqual(await answersOf(balancer.port), ["b", "b", "b", "b"]);
    reporter.signal("SIGCONT");
    await until("both serve again", async () => new Set(await answersOf(balancer.port)).size === 2);
  });
});

describe("a reporter that is stopped alone", { skip }, () => {
  it("costs its target nothing while that answers clients", async () => {
    const balancer = await startBalancer(OPTIONS);
    const server = await echoServer();
    const reporter = await startReporter(balancer, server.port);
    const client = await dial(balancer.port);
    await new Promise((resolve) => setTimeout(resolve, 2 * HEARTBEAT_MS)); // as above
    reporter.signal("SIGSTOP");
    const end = performance.now() + 6 * HEARTBEAT_MS;
    while (performance.now() < end) {
      await client.write(Buffer.from("x"));
      assert.equal((await client.read())?.length, 1);
      await new Promise((resolve) => setTimeout(resolve, HEARTBEAT_MS / 8));
    }
    assert.doesNotMatch(balancer.program.stderr, /suspect/);
    client.abort();
    reporter.signal("SIGCONT");
  });
});

describe("a balancer that is stopped", { skip }, () => {
  it("takes no reporter for silent because of that", async () => {
    const balancer = await startBalancer(OPTIONS);
    const server = await echoServer();
    await startReporter(balancer, server.port);
    await new Promise((resolve) => setTimeout(resolve, 2 * HEARTBEAT_MS)); // as above
    balancer.program.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 6 * HEARTBEAT_MS));
    balancer.program.signal("SIGCONT");
    await new Promise((resolve) => setTimeout(resolve, 4 * HEARTBEAT_MS));
    assert.doesNotMatch(balancer.program.stderr, /suspect/);
    assert.equal(await exchange(balancer.port, "here"), "here");
  });
});
