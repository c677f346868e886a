/** A balancer whose process was stopped for a while (SIGSTOP, a suspended machine): what came meanwhile came in time. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { dial, echoServer, endServers } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { passes, until, within } from "../support/wait.ts";

const IDLE_MS = 2_000;
const STOPPED_MS = 2_500;
// More events than the kernel hands over at once.
const CLIENTS = 300;
const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";

after(async () => {
  await endPrograms();
  await endServers();
});

describe("a balancer that was stopped for longer than a report counts", { skip }, () => {
  it("serves who came meanwhile, and takes no target for lost", async () => {
    const balancer = await startBalancer(["--host-timeout", "2s", "--idle-timeout", "0"]);
    const server = await echoServer();
    const reporter = await startReporter(balancer, server.port);
    balancer.program.signal("SIGSTOP");
    const clients = await Promise.all(Array.from({ length: 20 }, () => dial(balancer.port)));
    for (const client of clients) await client.write(new TextEncoder().encode("x"));
    await new Promise((resolve) => setTimeout(resolve, 2 * STOPPED_MS)); // the time that passes is what is tested
    balancer.program.signal("SIGCONT");
    const echoes = await within("the echoes", Promise.all(clients.map((client) => client.read())));
    assert.deepEqual([...new Set(echoes.map((echo) => echo?.length))], [1]);
    await passes(STOPPED_MS); // a session that is not heard of for so long ends
    assert.doesNotMatch(balancer.program.stderr, / is down/);
    assert.deepEqual(
      reporter.log.filter(({ level }) => /warn|error/i.test(level)),
      [],
      "its session goes on",
    );
    for (const client of clients) client.abort();
  });
});

describe("a balancer that was stopped for longer than its idle time-out", { skip }, () => {
  it("keeps every connection whose client has spoken meanwhile", async () => {
    const balancer = await startBalancer(["--idle-timeout", `${IDLE_MS}ms`]);
    const server = await echoServer();
    await startReporter(balancer, server.port);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => dial(balancer.port)));
    const echoes = async () => {
      const received = await Promise.all(
        clients.map(async (client) => {
          await client.write(new TextEncoder().encode("x"));
          return (await client.read())?.length ?? 0;
        }),
      );
      assert.equal(received.filter((bytes) => bytes === 1).length, CLIENTS);
    };
    // All have spoken just before the stop: a round takes long while the programs are being compiled.
    await until("a quick round of echoes", async () => {
      const started = performance.now();
      await echoes();
      return performance.now() - started < IDLE_MS / 4;
    });

    balancer.program.signal("SIGSTOP");
    const answers = echoes();
    answers.catch(() => {}); // told below
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS)); // the time that passes is what is tested
    balancer.program.signal("SIGCONT");
    await within("the echoes", answers);
    for (const client of clients) client.abort();
  });
});
