/** Many connections at once, and a rolling restart under load. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Connection } from "../../src/net/runtime.ts";
import { type Balancer, launchReporter, startBalancer, startReporter } from "../support/cluster.ts";
import { scriptCommand } from "../support/form.ts";
import { httpGet } from "../support/http.ts";
import { isCloseRecord } from "../support/log.ts";
import { dial, echoServer, endServers } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { lines, send } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
});

describe("2,000 open connections", () => {
  const COUNT = 2_000;
  const BATCH = 100;

  it("are all served, shared by weight to the connection, and leave nothing behind", async () => {
    const servers = await Promise.all([echoServer(), echoServer(), echoServer()]);
    const balancer = await startBalancer();
    const weights = ["500", "500", "1000"];
    await Promise.all(servers.map(({ port }, i) => startReporter(balancer, port, ["--balance", weights[i]!])));

    const clients: { connection: Connection; next: () => Promise<string | null> }[] = [];
    while (clients.length < COUNT) {
      const batch = await Promise.all(Array.from({ length: BATCH }, () => dial(balancer.port)));
      clients.push(...batch.map((connection) => ({ connection, next: lines(connection) })));
    }
    // Twice, so that each connection is known to be open to its server while all the others are.
    for (const round of ["first", "second"]) {
      await Promise.all(clients.map(({ connection }, i) => send(connection, `${round} ${i}\n`)));
      const replies = await within(`the ${round} answers`, Promise.all(clients.map(({ next }) => next())));
      assert.deepEqual(
        replies,
        clients.map((_, i) => `${round} ${i}`),
      );
    }
    assert.deepEqual(
      servers.map((server) => server.served()),
      [COUNT / 4, COUNT / 4, COUNT / 2],
    );
    await Promise.all(clients.map(({ connection }) => connection.close()));
    await until("the balancer to have closed them all", () => closeRecords(balancer) === COUNT);
    assert.equal((await balancer.program.stop()).code, 0);
  });
});

const closeRecords = ({ program }: Balancer): number => program.log.filter(isCloseRecord).length;

describe("a rolling restart of three targets under constant load", () => {
  const CLIENTS = 8;

  it("fails no request", async () => {
    const balancer = await startBalancer();
    const ports = await freePorts(3);
    const reporters = ports.map((port) => reportAndRun(balancer, port));
    await Promise.all(reporters.map((reporter) => reporter.says(/registered/i)));

    const load = constantLoad(balancer.port);
    await until("some answers", () => load.answered > 50);
    for (const [index, port] of ports.entries()) {
      const exit = await reporters[index]!.stop("SIGTERM");
      assert.equal(exit.code, 0, `the server's own exit code; the reporter said:\n${reporters[index]!.stderr}`);
      const before = load.answered;
      await until("answers while it is away", () => load.answered > before + 20);
      reporters[index] = reportAndRun(balancer, port);
      await reporters[index]!.says(/registered/i);
    }
    const before = load.answered;
    await until("answers after it all", () => load.answered > before + 50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.deepEqual([...load.seen].sort(), ports.map(String).sort());
  });

  /** `harness/target.ts http` answers with its name: here its port. */
  function reportAndRun(balancer: Balancer, port: number): Program {
    const server = [...scriptCommand("test/support/target-program.ts"), "http", String(port), String(port)];
    return launchReporter([balancer.adminPort], port, ["--", ...server]);
  }

  function constantLoad(port: number) {
    const load = { answered: 0, failures: [] as string[], seen: new Set<string>(), stop };
    let stopping = false;
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!stopping) {
        try {
          load.seen.add(await httpGet(port, "/"));
          load.answered++;
        } catch (error) {
          load.failures.push(String(error));
        }
      }
    });
    async function stop(): Promise<void> {
      stopping = true;
      await Promise.all(clients);
    }
    return load;
  }
});
