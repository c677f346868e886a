/** Clients that take all the descriptors they can get, and reporters that come and stay nevertheless. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Connection } from "../../src/net/runtime.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { dial, echoServer, endServers, exchange } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { passes, standstill, until } from "../support/wait.ts";

const skip = process.platform === "linux" ? false : "limits descriptors with the shell of Linux";

const DESCRIPTORS = 256;
/** More than there are descriptors. */
const CLIENTS = 300;
/** Each with a descriptor for its session, and one for a moment. */
const NEWCOMERS = 5;
/** A reporter that is not heard of for so long has lost its target. */
const LEASE_MS = 2_000;

after(async () => {
  await endPrograms();
  await endServers();
});

describe("with few descriptors, which one idle address takes", { skip }, () => {
  it("a new reporter is let in, one that is there goes on, and the clients' port recovers", async () => {
    const [one, two] = [await echoServer(), await echoServer()];
    const balancer = await startBalancer(["--host-timeout", `${LEASE_MS}ms`], { descriptors: DESCRIPTORS });
    const settled = await startReporter(balancer, one.port);
    const crowd = await crowdOf(balancer);
    const newcomer = await startReporter(balancer, two.port);
    await passes(1.5 * LEASE_MS); // which is what has to pass without their being lost
    for (const reporter of [settled, newcomer]) {
      const told = reporter.log.filter(({ level }) => level === "warn" || level === "error");
      assert.deepEqual([reporter.exit, told], [undefined, []]);
    }
    const told = balancer.program.log.filter(({ message }) => / down|lost/.test(message));
    assert.deepEqual(told, []);
    for (const client of crowd) client.abort();
    await until("an answer", async () => (await answer(balancer)) === "hello");
    assert.equal((await settled.stop()).code, 0);
    assert.equal((await newcomer.stop()).code, 0);
  });

  it("reporters are let in when clients who waited for the first of them get their targets", async () => {
    const one = await echoServer();
    const env = { HARMONY_START_HOLD: "60s" };
    const balancer = await startBalancer([], { descriptors: DESCRIPTORS, env });
    const crowd = await crowdOf(balancer);
    await startReporter(balancer, one.port);
    await standstill("connections that are served", () => one.open());
    for (let i = 0; i < NEWCOMERS; i++) {
      const { port } = await echoServer();
      await startReporter(balancer, port);
      await balancer.program.says(new RegExp(`:${port} is up`)); // it could be connected to
    }
    for (const client of crowd) client.abort();
    await until("an answer", async () => (await answer(balancer)) === "hello");
  });
});

/** As many idle clients as there is room for, and more; until the balancer says so. */
async function crowdOf(balancer: Balancer): Promise<Connection[]> {
  const crowd: Connection[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await dial(balancer.port).catch((error: { code: string }) => {
      assert.equal(error.code, "ECONNRESET"); // turned away at once
      return null;
    });
    if (client !== null) crowd.push(client);
  }
  await balancer.program.says(/out of file descriptors/);
  return crowd;
}

async function answer(balancer: Balancer): Promise<string> {
  return exchange(balancer.port, "hello").catch((error) => String(error));
}
