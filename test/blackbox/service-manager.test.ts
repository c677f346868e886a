/** What a service manager such as systemd is told, by both programs. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { KEY, launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { dial, echoServer, endServers, openConnection } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, start } from "../support/program.ts";
import { canNotify, FakeManager, managersTime, noManager } from "../support/service-manager.ts";
import { until } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

describe("a service manager", { skip: noManager || (!canNotify && "this runtime cannot call the C library") }, () => {
  it("hears when the balancer is ready, how it is, and when it stops", async () => {
    const manager = await FakeManager.open();
    const balancer = await startBalancer([], { env: { NOTIFY_SOCKET: manager.path } });
    await manager.hears(/^READY=1$/);
    await manager.hears(/^STATUS=Serving: 0 of 0 targets up, 0 connections, 0 waiting$/);
    await balancer.program.stop();
    await manager.hears(/^STOPPING=1$/);
    assert.equal(manager.told.filter((text) => text === "READY=1").length, 1);
  });

  it("is asked for more time while connections finish, and only then", async () => {
    const manager = await FakeManager.open();
    const balancer = await startBalancer([], { env: { NOTIFY_SOCKET: manager.path } });
    const reporter = launchReporter([balancer.adminPort], (await echoServer()).port);
    await reporter.says(/^registered/);
    const { connection } = await openConnection(balancer.port);
    balancer.program.signal("SIGTERM");
    await manager.hears(/^STATUS=Stopping: 1 connection left$/);
    const extensions = () => manager.told.filter((text) => text === "EXTEND_TIMEOUT_USEC=10000000").length;
    await until("a second extension", () => extensions() > 1);
    await connection.close();
    assert.deepEqual(await balancer.program.ended(), { code: 0, signal: null });
  });

  it("hears of a reload from its beginning to its end, whether or not it is taken", async () => {
    const manager = await FakeManager.open();
    const config = join(temporaryFolder("config"), "balancer.toml");
    writeFileSync(config, "queue = 5\n");
    const { program } = await startBalancer(["--config", config], { env: { NOTIFY_SOCKET: manager.path } });
    await manager.hears(/^READY/);
    for (const text of ["queue = 6\n", 'queue = "many"\n']) {
      const before = manager.told.length;
      const asked = managersTime();
      writeFileSync(config, text);
      program.signal("SIGHUP");
      await manager.hears(/^READY=1$/, before);
      const reloading = await manager.hears(/^RELOADING=1$/m, before);
      const told = Number(/^MONOTONIC_USEC=(\d+)$/m.exec(reloading)![1]);
      assert.ok(told >= Math.floor(asked) && told <= managersTime(), `${told} is not after ${asked}`);
      assert.ok(manager.told.indexOf(reloading) < manager.told.lastIndexOf("READY=1"));
    }
  });

  it("hears twice in the watchdog's time that the balancer lives", async () => {
    const manager = await FakeManager.open();
    const { program } = await startBalancer([], { env: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "200000" } });
    await until("three signs of life", () => manager.told.filter((text) => text === "WATCHDOG=1").length >= 3);
    await program.stop();
  });

  it("may have a socket without a file", async () => {
    const manager = await FakeManager.open(`@harmony-test-${process.pid}`);
    await startBalancer([], { env: { NOTIFY_SOCKET: manager.path } });
    await manager.hears(/^READY=1$/);
  });

  it("may be started anew: what the balancer says then goes to the new one", async () => {
    const manager = await FakeManager.open();
    const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "100000" };
    await startBalancer([], { env });
    await manager.hears(/^READY=1$/);
    await manager.close();
    const next = await FakeManager.open(manager.path);
    await next.hears(/^WATCHDOG=1$/);
  });

  it("hears from a reporter that it runs, whom it reports to, and that it drains", async () => {
    const manager = await FakeManager.open();
    const balancer = await startBalancer();
    const { port } = await echoServer();
    const reporter = start("harmony-reporter", ["--host", `127.0.0.1:${balancer.adminPort}`, "--port", String(port)], {
      env: { HARMONY_KEY: KEY, NOTIFY_SOCKET: manager.path },
    });
    await manager.hears(/^READY=1$/);
    await manager.hears(new RegExp(`^STATUS=127.0.0.1:${balancer.adminPort}: 1 target registered$`));
    await balancer.program.kill();
    await manager.hears(/^STATUS=127.0.0.1:\d+: .*(refuse|clos|lost|end|reset)/i);
    await reporter.stop();
    await manager.hears(/^STOPPING=1$/);
    await manager.hears(/^STATUS=Draining$/);
  });

  it("hears from a reporter around a server once that accepts, and the server is not told of it", async () => {
    const manager = await FakeManager.open();
    const port = await freePort();
    const server = `setTimeout(() => require("http").createServer((_, answer) => answer.end(String(process.env.NOTIFY_SOCKET))).listen(${port}), 300)`;
    const args = ["--host", "127.0.0.1:9", "--port", String(port), "--", process.execPath, "-e", server];
    const reporter = start("harmony-reporter", args, { env: { HARMONY_KEY: KEY, NOTIFY_SOCKET: manager.path } });
    await manager.hears(/^STATUS=Waiting for the server to accept connections on port \d+$/);
    assert.ok(!manager.told.includes("READY=1"));
    await manager.hears(/^READY=1$/);
    const connection = await dial(port);
    await connection.close();
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "undefined");
    await reporter.stop();
  });
});

describe("a program that cannot speak to the service manager", { skip: noManager }, () => {
  it("says so, with what to do, and serves all the same", async () => {
    const env = { NOTIFY_SOCKET: join(temporaryFolder("manager"), "nobody") };
    const { program } = await startBalancer([], { env });
    await program.says(/^cannot tell the service manager how this program is .*Type=exec/);
  });
});
