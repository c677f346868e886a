/** Servers that run only while somebody needs them, and clients that never notice. */
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { dial } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { now, until, within } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(async () => {
  await endPrograms();
  removeFolders();
});

const UNAVAILABLE = "no server";
const BALANCER = ["--unavailable", UNAVAILABLE];

/** A server that says `name`, and prints its port when it starts. */
function httpServer(name: string, port: number): readonly string[] {
  return [...scriptCommand("test/support/target-program.ts"), "http", name, String(port)];
}

interface Served {
  readonly reporter: Program;
  readonly port: number;
  /** How often its server was started. */
  starts(): number;
}

async function sleeping(
  balancers: readonly { adminPort: number }[],
  { name = "web", args = [] as string[], command = httpServer } = {},
): Promise<Served> {
  const port = await freePort();
  const own = ["--on-demand", "--id", name, ...args, "--", ...command(name, port)];
  const reporter = launchReporter(
    balancers.map(({ adminPort }) => adminPort),
    port,
    own,
  );
  await reporter.says(/registered/);
  return { reporter, port, starts: () => reporter.log.filter(({ message }) => /is started$/.test(message)).length };
}

async function ask(port: number): Promise<string> {
  const client = await dial(port);
  await send(client, "GET / HTTP/1.0\r\n\r\n");
  const answer = await within("an answer", readText(client));
  await client.close();
  return answer.split("\r\n\r\n").pop()!.trim();
}

function count(program: Program, pattern: RegExp): number {
  return program.log.filter(({ message }) => pattern.test(message)).length;
}

describe("a server that is started when somebody waits", { skip }, () => {
  test("answers its first client, and all that come at once, after one start; is stopped when idle, and started again", async () => {
    const balancer = await startBalancer(BALANCER);
    const { reporter, starts } = await sleeping([balancer], { args: ["--idle-time", "400ms"] });
    await balancer.program.says(/target default\/web is down: it is asleep/);
    for (const round of [1, 2]) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(balancer.port)));
      assert.deepEqual(new Set(answers), new Set(["web"]));
      assert.equal(starts(), round);
      await until(`stop ${round}`, () => count(reporter, /server is stopped, and asleep/) === round);
    }
    assert.equal(count(balancer.program, /target default\/web is woken/), 2);
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
  });

  test("loses no client that comes while it is about to stop", async () => {
    const balancer = await startBalancer(BALANCER);
    const { reporter } = await sleeping([balancer], { args: ["--idle-time", "120ms"] });
    const end = now() + 3_000;
    let asked = 0;
    const caller = async (pause: () => number) => {
      while (now() < end) {
        assert.equal(await ask(balancer.port), "web");
        asked++;
        const since = now();
        const ms = pause();
        await until("a pause", () => now() - since >= ms);
      }
    };
    // Around the idle time, so that some come when it has just begun to drain, stop, or sleep.
    await Promise.all([caller(() => 100 + Math.random() * 150), caller(() => 300 + Math.random() * 300)]);
    assert.ok(asked >= 4, `${asked} asked`);
    assert.ok(count(reporter, /stopped, and asleep/) >= 1, "it has been stopped meanwhile");
  });

  test("keeps running while a connection is open, whatever the balancer's interval", async () => {
    const balancer = await startBalancer(BALANCER);
    const stream = (_: string, port: number) => [...scriptCommand("test/bin/echo-server.ts"), String(port)];
    const { reporter, starts } = await sleeping([balancer], { args: ["--idle-time", "200ms"], command: stream });
    const client = await dial(balancer.port);
    await send(client, "one\n");
    assert.equal(await within("its echo", readText(client, 4)), "one\n");
    const since = now();
    await until("several idle times", () => now() - since > 1_000);
    await send(client, "two\n");
    assert.equal(await within("its echo", readText(client, 4)), "two\n");
    await client.close();
    await reporter.says(/stopped, and asleep/);
    assert.equal(starts(), 1);
  });

  test("is started anew after a crash", async () => {
    const balancer = await startBalancer(BALANCER);
    const crashes = (name: string, port: number) => [
      ...scriptCommand("test/support/crashing-program.ts"),
      name,
      String(port),
    ];
    const { reporter } = await sleeping([balancer], { command: crashes });
    assert.equal(await ask(balancer.port), "web");
    await reporter.says(/ended by itself with code 3/);
    // Until its balancer knows, it refuses clients as any server does that has crashed.
    await until("the balancer's knowledge", () => count(balancer.program, /web is down: it is asleep/) === 2);
    assert.equal(await ask(balancer.port), "web");
  });

  test("that does not start has clients told at once, with the reason where an operator looks; and is tried again", async () => {
    const folder = temporaryFolder("on-demand");
    const flag = join(folder, "broken");
    writeFileSync(flag, "");
    const fails = (name: string, port: number) => [
      ...scriptCommand("test/support/crashing-program.ts"),
      name,
      String(port),
      flag,
    ];
    const balancer = await startBalancer(BALANCER);
    const { reporter } = await sleeping([balancer], { command: fails });
    assert.equal(await ask(balancer.port), UNAVAILABLE);
    await reporter.says(/ended with code 4 before it accepted connections/);
    assert.ok(existsSync(flag));
    rmSync(flag);
    const answered = await until("another start", async () => (await ask(balancer.port)) === "web");
    assert.ok(answered);
  });

  test("is not idle before it passes its check, and clients wait for that", async () => {
    const balancer = await startBalancer(BALANCER);
    const ready = join(temporaryFolder("on-demand"), "ready");
    const check = `exec:ls ${ready} interval=100ms`;
    const { reporter, starts } = await sleeping([balancer], { args: ["--idle-time", "200ms", "--check", check] });
    const answer = ask(balancer.port);
    await reporter.says(/server is started/);
    const since = now();
    await until("several idle times", () => now() - since > 1_500);
    writeFileSync(ready, "");
    assert.equal(await answer, "web");
    assert.equal(starts(), 1);
    await reporter.says(/stopped, and asleep/);
  });

  test("that never listens is stopped after its time, and clients are told", async () => {
    const balancer = await startBalancer(BALANCER);
    const deaf = () => [process.execPath, "-e", "setInterval(() => {}, 1000)"];
    const { reporter } = await sleeping([balancer], { args: ["--start-timeout", "300ms"], command: deaf });
    assert.equal(await ask(balancer.port), UNAVAILABLE);
    await reporter.says(/has not accepted connections on port \d+ within 300ms/);
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
  });

  test("is one of several: one client starts one of them", async () => {
    const balancer = await startBalancer(BALANCER);
    const all = await Promise.all(["a", "b", "c"].map((name) => sleeping([balancer], { name })));
    assert.match(await ask(balancer.port), /^[abc]$/);
    assert.equal(
      all.reduce((sum, { starts }) => sum + starts(), 0),
      1,
    );
  });

  test("is woken by either of two balancers, and by one that has been started anew", async () => {
    const balancers = [await startBalancer(BALANCER), await startBalancer(BALANCER)];
    const { starts, reporter } = await sleeping(balancers, { args: ["--idle-time", "500ms"] });
    await until("both", () => count(reporter, /registered/) === 2);
    assert.equal(await ask(balancers[1]!.port), "web");
    assert.equal(await ask(balancers[0]!.port), "web");
    assert.equal(starts(), 1);
    await reporter.says(/stopped, and asleep/);
    const { port, adminPort, program } = balancers[0]!;
    await program.kill();
    const again = await startBalancer(BALANCER, { port, adminPort, env: { HARMONY_START_HOLD: "15s" } });
    assert.equal(await ask(again.port), "web");
    assert.equal(starts(), 2);
  });
});

test("clients wait for a server that is started anew, where the balancer's pool says so", { skip }, async () => {
  const port = await freePort();
  const balancer = await startBalancer([...BALANCER, "--queue-when-empty", "15s", "--requeue", "0"]);
  const first = launchReporter([balancer.adminPort], port, ["--", ...httpServer("first", port)]);
  await balancer.program.says(/target .* is up/);
  assert.equal(await ask(balancer.port), "first");
  await first.stop();
  const answer = ask(balancer.port);
  launchReporter([balancer.adminPort], port, ["--", ...httpServer("second", port)]);
  assert.equal(await answer, "second");
});
