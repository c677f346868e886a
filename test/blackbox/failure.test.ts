/** Targets and balancers that die, come back, or were never there. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Connection } from "../../src/net/runtime.ts";
import { launchReporter, startBalancer, startReporter } from "../support/cluster.ts";
import { httpGet } from "../support/http.ts";
import { field, isCloseRecord, isTargetEvent } from "../support/log.ts";
import { dial, endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { readText } from "../support/stream.ts";
import { startTarget } from "../support/target-process.ts";
import { until, within } from "../support/wait.ts";

// A connect on this machine takes well under a millisecond; one that has not come to anything after this long hangs.
const HANGS_MS = 400;

after(async () => {
  await endPrograms();
  await endServers();
});

const nameServer = (name: string) => serve(greeter(name));

/** How often each of `names` answers, over `count` connections one after another. */
async function answers(port: number, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const name = await within("an answer", exchange(port, ""));
    seen[name] = (seen[name] ?? 0) + 1;
  }
  return seen;
}

describe("a target killed with SIGKILL", () => {
  it("during a transfer: its client's connection ends, the others go on, and new ones go elsewhere", async () => {
    const balancer = await startBalancer(["--algorithm", "roundrobin"]);
    const [doomed, other] = await Promise.all([startTarget("stream"), startTarget("stream")]);
    await Promise.all([startReporter(balancer, doomed.port), startReporter(balancer, other.port)]);
    const clients = await Promise.all([dial(balancer.port), dial(balancer.port)]);
    const reading = clients.map(countBytes);
    await until("both transfers", () => reading.every(({ bytes }) => bytes > 1_000_000));

    doomed.program.signal("SIGKILL");
    const ended = await within(
      "the end of one",
      Promise.race(reading.map(({ done }, index) => done.then(() => index))),
    );
    const survivor = reading[1 - ended]!;
    const before = survivor.bytes;
    await until("the other's bytes", () => survivor.bytes > before + 10_000_000);

    const fresh = await Promise.all(Array.from({ length: 10 }, () => dial(balancer.port)));
    for (const connection of fresh) assert.ok(await within("first bytes", connection.read()));
    for (const connection of [...clients, ...fresh]) connection.abort();
  });

  it("during connect: the client gets another target, and nothing it sent is lost", {
    skip: process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)",
  }, async () => {
    const balancer = await startBalancer(["--algorithm", "roundrobin", "--connect-timeout", "15s"]);
    const [doomed, other] = await Promise.all([startTarget("full"), startTarget("http", "other")]);
    const reporter = await startReporter(balancer, doomed.port);
    // Stopped, it accepts nothing; a few connections fill its backlog, and the next one hangs in connect.
    doomed.program.signal("SIGSTOP");
    const fillers = await fillBacklog(doomed.port);
    const waiting = httpGet(balancer.port, "/asked-before-the-kill");
    await startReporter(balancer, other.port);

    reporter.signal("SIGKILL");
    doomed.program.signal("SIGKILL");
    assert.equal(await within("the answer", waiting), "other");
    const record = await balancer.program.logged("its record", isCloseRecord);
    assert.equal(field(record, "requeues"), 1);
    for (const filler of fillers) filler.abort();
  });

  it("and its reporter after it: it is out at once, long before its lease ends", async () => {
    const { balancer, doomed, reporter } = await twoTargets();
    await doomed.program.kill();
    reporter.signal("SIGKILL");
    await balancer.program.logged("the target to be out", (line) => isTargetEvent(line, "down", doomed.port));
    for (let i = 0; i < 20; i++) assert.equal(await httpGet(balancer.port, "/"), "other");
  });

  it("at the same instant as its reporter: no client is turned away", async () => {
    const { balancer, doomed, reporter } = await twoTargets();
    assert.equal(await httpGet(balancer.port, "/"), "doomed");
    reporter.signal("SIGKILL");
    await doomed.program.kill();
    for (let i = 0; i < 20; i++) assert.equal(await httpGet(balancer.port, "/"), "other");
  });

  /** `doomed` comes first, and has a lease that no test outlasts. */
  async function twoTargets() {
    const balancer = await startBalancer(["--algorithm", "roundrobin", "--host-timeout", "10m"]);
    const [doomed, other] = await Promise.all([startTarget("http", "doomed"), startTarget("http", "other")]);
    const reporter = await startReporter(balancer, doomed.port);
    await startReporter(balancer, other.port, ["--balance", "100"]);
    return { balancer, doomed, reporter };
  }
});

/** Connects until a connect hangs: what is returned fills the backlog of a server that accepts nothing. */
async function fillBacklog(port: number): Promise<Connection[]> {
  const held: Connection[] = [];
  for (;;) {
    const attempt = runtime.connect({ to: { host: "127.0.0.1", port }, signal: AbortSignal.timeout(HANGS_MS) });
    const connection = await attempt.catch(() => null); // the time-out is what is being looked for
    if (connection === null) return held;
    held.push(connection);
  }
}

/** Reads and counts until the connection ends, in whatever way. */
function countBytes(connection: Connection): { bytes: number; done: Promise<void> } {
  const state = { bytes: 0, done: Promise.resolve() };
  const read = async (): Promise<void> => {
    for (let bytes = await connection.read(); bytes; bytes = await connection.read()) state.bytes += bytes.length;
  };
  state.done = read().catch(() => undefined); // a reset is one of the ways
  return state;
}

describe("two balancers", () => {
  it("get reports from one reporter, and each serves; one that dies takes nothing from the other", async () => {
    const server = await nameServer("target");
    const balancers = await Promise.all([startBalancer(), startBalancer()]);
    const ports = balancers.map(({ adminPort }) => adminPort);
    const reporter = launchReporter(ports, server.port);
    for (const balancer of balancers) {
      await balancer.program.logged("the target", (line) => isTargetEvent(line, "up", server.port));
      assert.deepEqual(await answers(balancer.port, 3), { target: 3 });
    }
    await balancers[0]!.program.kill();
    assert.deepEqual(await answers(balancers[1]!.port, 3), { target: 3 });
    assert.equal(reporter.exit, undefined);
  });
});

describe("a balancer that restarts", () => {
  it("has its targets back with their weights and ports, without anybody's doing", async () => {
    const [small, large] = await Promise.all([nameServer("small"), nameServer("large")]);
    const first = await startBalancer(["--algorithm", "roundrobin"]);
    const reporters = await Promise.all([
      startReporter(first, small.port, ["--balance", "100"]),
      startReporter(first, large.port, ["--balance", "300"]),
    ]);
    assert.deepEqual(await answers(first.port, 40), { small: 10, large: 30 });

    for (const how of ["SIGKILL", "SIGTERM"] as const) {
      await first.program.stop(how);
    }
    const second = await startBalancer(["--algorithm", "roundrobin"], { port: first.port, adminPort: first.adminPort });
    for (const server of [small, large]) {
      await second.program.logged("the target again", (line) => isTargetEvent(line, "up", server.port));
    }
    assert.deepEqual(await answers(second.port, 40), { small: 10, large: 30 });
    for (const reporter of reporters) assert.equal(reporter.exit, undefined);
  });
});

describe("a reporter without a balancer", () => {
  it("keeps trying until there is one", async () => {
    const server = await nameServer("patient");
    const placeholder = await startBalancer();
    const { port, adminPort } = placeholder;
    await placeholder.program.stop();
    const reporter: Program = launchReporter([adminPort], server.port);
    await reporter.logged("that nobody is there", (line) => /refused|ECONNREFUSED/i.test(line.message));
    await startBalancer([], { port, adminPort });
    await reporter.says(/registered/i);
    assert.equal(await exchange(port, ""), "patient");
  });
});

describe("a balancer that has just started", () => {
  // Longer than any test takes: reporters that have lost their balancer try again at growing intervals.
  const HOLD = ["--start-hold", "1h", "--queue-timeout", "1h", "--unavailable", "nobody"];

  it("keeps a client that comes before the first target until there is one", async () => {
    const balancer = await startBalancer(HOLD);
    const client = await dial(balancer.port);
    await client.closeWrite();
    const server = await nameServer("first");
    await startReporter(balancer, server.port);
    assert.equal(await within("the answer", readText(client)), "first");
    await client.close();
    const record = await balancer.program.logged("its record", isCloseRecord);
    assert.ok((field(record, "queuedMs") as number) > 0, "it came first");
  });

  it("loses none of those who come between its restart and its reporters' return", async () => {
    const server = await nameServer("there");
    const { port, adminPort, program } = await startBalancer(HOLD);
    await startReporter({ port, adminPort, program }, server.port);
    assert.equal(await within("the answer", exchange(port, "")), "there");
    await program.kill();
    await startBalancer(HOLD, { port, adminPort });
    const answers = Array.from({ length: 20 }, () => exchange(port, ""));
    assert.deepEqual(new Set(await within("all answers", Promise.all(answers))), new Set(["there"]));
  });
});

describe("targets that all refuse", () => {
  it("are named in the log, with why and for how many, and in the record of each connection", async () => {
    const balancer = await startBalancer(["--requeue", "1", "--unavailable", "nobody"]);
    const servers = [await nameServer("a"), await nameServer("b")];
    for (const { port } of servers) {
      await startReporter(balancer, port);
      await balancer.program.logged("it is up", (line) => isTargetEvent(line, "up", port));
    }
    for (const server of servers) await server.close();
    const names = servers.map(({ port }) => `default/127.0.0.1:${port}`).sort();
    const CLIENTS = 3;
    for (let i = 0; i < CLIENTS; i++) assert.equal(await within("the text", exchange(balancer.port, "")), "nobody");
    const told = new Map<string, number>();
    await until("all of them in the log", () => {
      told.clear();
      const sums = balancer.program.log.filter(({ message }) => message.includes("got no target"));
      for (const { target, connections } of sums.flatMap((line) => field(line, "tried") as Failures)) {
        told.set(target, connections + (told.get(target) ?? 0));
      }
      return told.size === 2 && [...told.values()].every((connections) => connections === CLIENTS);
    });
    assert.deepEqual([...told.keys()].sort(), names);
    const { message } = await balancer.program.says(/^1 connection got no target/);
    assert.match(message, /: every target tried failed: default\S+ refused, default\S+ refused$/);
    const records = balancer.program.log.filter(isCloseRecord);
    assert.equal(records.length, CLIENTS);
    for (const record of records) {
      const tried = field(record, "tried") as Failures;
      assert.deepEqual(tried.map(({ target }) => target).sort(), names);
      assert.deepEqual([tried[0]!.code, field(record, "requeues")], ["ECONNREFUSED", 1]);
      assert.match(record.message, /, 1 requeued \(default\S+ refused, default\S+ refused\)$/);
    }
  });
});

type Failures = readonly { readonly target: string; readonly code: string; readonly connections: number }[];

describe("no target at all", () => {
  it("gives the unavailable text whole, even to a client that has much to say", async () => {
    const text = "Nobody is here. ".repeat(1000);
    const balancer = await startBalancer(["--unavailable", text]);
    assert.equal(await within("the text", exchange(balancer.port, "x".repeat(100_000))), text);
  });

  it("closes the connection when there is no text", async () => {
    const balancer = await startBalancer();
    const connection = await dial(balancer.port);
    assert.equal(await within("the end", readText(connection)), "");
    await connection.close();
  });

  it("says so in the log, for the first at once and for the rest in sum, and lives on", async () => {
    const balancer = await startBalancer(["--unavailable", "nobody"]);
    for (let i = 0; i < 3; i++) assert.equal(await within("the text", exchange(balancer.port, "")), "nobody");
    await balancer.program.logged("the first", (line) => line.message.startsWith("1 connection got no target"));
    await balancer.program.logged("the rest", (line) => line.message.startsWith("2 connections got no target"));
    assert.equal(await within("the text", exchange(balancer.port, "")), "nobody");
    assert.equal((await balancer.program.stop()).code, 0);
  });
});
