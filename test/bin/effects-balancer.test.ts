/** What each flag of the balancer does, where it is not what the default does. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runtime } from "#runtime";
import { ClientSession } from "../../src/control/client/session.ts";
import { parseKey } from "../../src/control/keys/key.ts";
import { systemClock } from "../../src/util/clock.ts";
import { openBlackHole } from "../support/black-hole.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { keepaliveIn } from "../support/keepalive.ts";
import { exchange } from "../support/peers.ts";
import { readText } from "../support/stream.ts";
import { until } from "../support/wait.ts";
import {
  balancerWith,
  closeLater,
  endEffects,
  event,
  KEY,
  namedServer,
  report,
  soon,
  type TestBalancer,
  target,
} from "./effects.ts";

const folder = temporaryFolder("effects");

after(async () => {
  await endEffects();
  removeFolders();
});

function count(names: readonly string[]): Record<string, number> {
  const seen: Record<string, number> = {};
  for (const name of names) seen[name.trim()] = (seen[name.trim()] ?? 0) + 1;
  return seen;
}

async function holdMany(balancer: TestBalancer, clients: number): Promise<Record<string, number>> {
  const names: string[] = [];
  for (let i = 0; i < clients; i++) names.push((await balancer.hold()).name);
  return count(names);
}

describe("--listen and --admin", () => {
  test("repeated: every one of them", async () => {
    const balancer = await balancerWith("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0");
    const { listen, admin } = await balancer.balancer.ready;
    assert.equal(new Set([...listen, ...admin].map(({ port }) => port)).size, 4);
    const { port } = await namedServer("here");
    const second = { adminPort: admin[1]!.port } as TestBalancer;
    await report(second, port);
    for (const each of listen) assert.equal(await soon("an answer", exchange(each.port, "")), "here\n");
  });
});

describe("--algorithm", () => {
  /** Two targets, one of twice the weight. */
  async function unequal(algorithm: string): Promise<TestBalancer> {
    const balancer = await balancerWith("--persistent", "off", "--algorithm", algorithm);
    await target(balancer, "small", "--balance", "100");
    await target(balancer, "large", "--balance", "200");
    return balancer;
  }

  test("leastconn: an idle pool sends everybody to the largest, a busy one shares by weight", async () => {
    const balancer = await unequal("leastconn");
    assert.deepEqual(count(await balancer.answers(6)), { large: 6 });
    assert.deepEqual(await holdMany(balancer, 6), { small: 2, large: 4 });
  });
  test("roundrobin: exactly by weight, busy or not", async () => {
    const balancer = await unequal("roundrobin");
    assert.deepEqual(count(await balancer.answers(6)), { small: 2, large: 4 });
  });
  test("hash: one address, one target, however busy", async () => {
    const balancer = await unequal("hash");
    assert.equal(Object.keys(await holdMany(balancer, 6)).length, 1);
  });
  test("random: every target, in no order", async () => {
    const balancer = await balancerWith("--persistent", "off", "--algorithm", "random");
    for (const name of ["a", "b", "c"]) await target(balancer, name);
    // By chance alone all three are missed, or seen in turn, less often than once in a million runs.
    const names = await balancer.answers(40);
    assert.equal(new Set(names).size, 3);
    assert.ok(
      names.some((name, i) => i >= 3 && name !== names[i - 3]),
      `in turn: ${names.join("")}`,
    );
  });
});

describe("--persistent", () => {
  async function inTurn(persistent: string): Promise<TestBalancer> {
    const balancer = await balancerWith("--algorithm", "roundrobin", "--persistent", persistent);
    await target(balancer, "a");
    await target(balancer, "b");
    return balancer;
  }

  test("on: a client's address stays on its target", async () => {
    const names = await (await inTurn("on")).answers(4);
    assert.equal(new Set(names).size, 1);
  });
  test("off: it does not", async () => {
    const names = await (await inTurn("off")).answers(4);
    assert.deepEqual(count(names), { a: 2, b: 2 });
  });
  test("DURATION: until it has been away for that long", async () => {
    const balancer = await inTurn("200ms");
    const [before] = await balancer.answers(1);
    await delay(300);
    const [later] = await balancer.answers(1);
    assert.notEqual(later, before);
  });
});

describe("--concurrency and its queue", () => {
  test("--concurrency: so many are served, the next when one has gone", async () => {
    const balancer = await balancerWith("--concurrency", "2");
    await target(balancer, "served");
    const first = await balancer.hold();
    await balancer.hold();
    const third = balancer.hold();
    await balancer.sees("waiting", 1);
    assert.equal(balancer.balancer.connections.active, 2);
    await first.connection.close();
    assert.equal((await third).name, "served");
  });
  test("--queue: a client that finds it full is turned away at once", async () => {
    const balancer = await balancerWith("--concurrency", "1", "--queue", "1", "--unavailable", "Full.");
    await target(balancer, "served");
    await balancer.hold();
    await balancer.knock();
    await balancer.sees("waiting", 1);
    assert.equal(await balancer.ask(), "Full.");
    await balancer.record("queue-full");
    assert.equal(balancer.balancer.connections.waiting, 1, "the one that waits goes on waiting");
  });
  test("--queue-timeout: no connection waits longer", async () => {
    const balancer = await balancerWith("--concurrency", "1", "--queue-timeout", "150ms", "--unavailable", "Too long.");
    await target(balancer, "served");
    await balancer.hold();
    assert.equal(await balancer.ask(), "Too long.");
    const { queuedMs } = await balancer.record("queue-timeout");
    assert.ok(queuedMs >= 150, `${queuedMs} ms`);
  });
});

describe("--start-hold", () => {
  test("a client that comes before the first target is served by it", async () => {
    const balancer = await balancerWith("--start-hold", "1h", "--unavailable", "None.");
    const answer = balancer.ask();
    await balancer.sees("waiting", 1);
    await target(balancer, "first");
    assert.equal(await answer, "first\n");
  });
  test("a client that waits for a target is told when the time is over that none has come, and later ones at once", async () => {
    const balancer = await balancerWith("--start-hold", "1s", "--unavailable", "None.");
    assert.equal(await balancer.ask(), "None.");
    const { queuedMs } = await balancer.record("no-targets");
    assert.ok(queuedMs > 0 && queuedMs < 10_000, `${queuedMs} ms in the queue`);
    assert.equal(await balancer.ask(), "None.");
    assert.equal((await until("its record", () => balancer.records[1])).queuedMs, 0);
  });
  test("nobody waits for another target when the last one has gone", async () => {
    const balancer = await balancerWith("--start-hold", "1h", "--unavailable", "None.");
    const server = await namedServer("first");
    const reporter = await report(balancer, server.port);
    const up = await until("the target", () => balancer.balancer.targets().find(({ state }) => state === "up"));
    await reporter.close();
    await until(`${up.identity} to go`, () => balancer.balancer.targets().length === 0);
    assert.equal(await balancer.ask(), "None.");
  });
  test("a stop ends the wait", async () => {
    const balancer = await balancerWith("--start-hold", "1h", "--unavailable", "None.");
    const answer = balancer.ask();
    await balancer.sees("waiting", 1);
    await soon("its end", balancer.balancer.close(1_000));
    assert.equal(await answer, "None.");
    await balancer.record("stopping");
  });
  test("0: the first client is told at once", async () => {
    const balancer = await balancerWith("--start-hold", "0", "--unavailable", "None.");
    assert.equal(await balancer.ask(), "None.");
    assert.equal((await balancer.record("no-targets")).queuedMs, 0);
  });
});

describe("connecting to targets", () => {
  /** Two heavy targets that refuse connections since they were reached, and one light one that is there. */
  async function twoGone(requeue: string): Promise<TestBalancer> {
    const balancer = await balancerWith("--requeue", requeue, "--unavailable", "None.");
    for (const name of ["first", "second"]) await (await target(balancer, name, "--balance", "1000")).close();
    await target(balancer, "third", "--balance", "1");
    return balancer;
  }

  for (const [requeue, answer] of [
    ["0", "None."],
    ["1", "None."],
    ["2", "third\n"],
  ] as const) {
    test(`--requeue ${requeue}: so many further targets are tried`, async () => {
      const balancer = await twoGone(requeue);
      assert.deepEqual(await balancer.answers(1), [answer]);
      const failures = balancer.balancer.targets().map((each) => each.failures);
      assert.equal(
        failures.reduce((sum, each) => sum + each),
        Math.min(Number(requeue) + 1, 2),
      );
      const [record] = balancer.records;
      assert.deepEqual([record!.tried.length, record!.requeues], [Math.min(Number(requeue) + 1, 2), Number(requeue)]);
    });
  }
  test("--connect-timeout: a target that does not answer is given up", async () => {
    const hole = closeLater(await openBlackHole());
    const balancer = await balancerWith("--connect-timeout", "150ms", "--requeue", "0", "--unavailable", "Silence.");
    await report(balancer, hole.address.port);
    assert.equal(await balancer.ask(), "Silence.");
    const { durationMs } = await balancer.record("connect-failed");
    assert.ok(durationMs >= 150, `${durationMs} ms`);
  });
});

describe("--unavailable", () => {
  test("TEXT", async () => {
    assert.equal(await (await balancerWith("--unavailable", "Come back.")).ask(), "Come back.");
  });
  test("@FILE: what is in the file, byte by byte", async () => {
    const path = join(folder, "page.http");
    const page = `HTTP/1.1 503 Service Unavailable\r\n\r\n${"Später.\n".repeat(10_000)}`;
    writeFileSync(path, page);
    assert.equal(await (await balancerWith("--unavailable", `@${path}`)).ask(), page);
  });
});

describe("time limits", () => {
  test("--idle-timeout: a connection on which nothing moves is ended", async () => {
    const balancer = await balancerWith("--idle-timeout", "150ms");
    await target(balancer, "silent");
    const { connection } = await balancer.hold();
    await soon(
      "its end",
      readText(connection).catch(() => ""), // a reset, where the runtime can send one
    );
    const { phase, endedBy } = await balancer.record("idle");
    assert.deepEqual([phase, endedBy], ["relay", "balancer"]);
  });
  test("--keepalive: how long silence lasts before the kernel asks", {
    skip: process.platform === "linux" ? false : "no list of timers",
  }, async () => {
    const balancer = await balancerWith("--keepalive", "10m");
    await target(balancer, "silent");
    const { connection } = await balancer.hold();
    const { local, remote } = connection;
    await until("keepalive after minutes", () => (keepaliveIn(remote, local) ?? 0) > 240_000);
  });
  test("--host-timeout: a target whose reporter falls silent gets nothing", async () => {
    const balancer = await balancerWith("--host-timeout", "200ms", "--unavailable", "Out.");
    const { port } = await namedServer("in");
    const session = await silentReporter(balancer.adminPort);
    closeLater(session);
    const down = event(balancer.balancer, "targetDown");
    await session.ask({ t: "report", pool: "default", port, weight: 1, health: "up", drain: false });
    const [info, reason] = await down;
    assert.deepEqual([(info as { address: { port: number } }).address.port, reason], [port, "lease-expired"]);
    assert.equal(await balancer.ask(), "Out.");
  });
  test("--drain-timeout: connections that outlast it are ended", async () => {
    const balancer = await balancerWith("--drain-timeout", "150ms");
    await target(balancer, "busy");
    await balancer.hold();
    const started = performance.now();
    await soon("its end", balancer.balancer.close());
    assert.ok(performance.now() - started >= 149, "they may go on until then");
    await balancer.record("shutdown");
  });
  test("--stop-delay: clients are served until it is over, and a second call ends it", async () => {
    const balancer = await balancerWith("--stop-delay", "1h");
    await target(balancer, "here");
    const ended = balancer.balancer.close();
    assert.equal(await balancer.ask(), "here\n");
    void balancer.balancer.close();
    await soon("its end", ended);
  });
});

function silentReporter(adminPort: number): Promise<ClientSession> {
  const to = { host: "127.0.0.1", port: adminPort };
  const options = { runtime, to, tls: null, software: "test", clock: systemClock };
  return ClientSession.open(options, parseKey(KEY, "the key"), new AbortController().signal);
}
