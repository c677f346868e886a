/** The access log of the balancer as a program. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { echoServer, endServers, exchange } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { until } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

const noSignals = process.platform === "win32" && "Windows has no signals";
const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];

async function lines(path: string, count: number): Promise<string[]> {
  return until(`${count} lines in ${path}`, () => (linesOf(path).length >= count ? linesOf(path) : undefined));
}

describe("the access log", () => {
  it("has a line for each connection, and a new file at SIGUSR1", { skip: noSignals }, async () => {
    const path = join(temporaryFolder("access-log"), "access.log");
    const balancer = await startBalancer(["--access-log", path, "--access-log-format", "json", "--start-hold", "0"]);
    await exchange(balancer.port, "hello\n").catch(() => undefined); // a reset, as its bytes are not read
    const none = JSON.parse((await lines(path, 1))[0]!);
    assert.deepEqual(
      [none.target, none.phase, none.cause, none.firstByteMs],
      [null, "unavailable", "no-targets", null],
    );

    const { port } = await echoServer();
    await startReporter(balancer, port);
    assert.equal(await exchange(balancer.port, "hello\n"), "hello\n");
    const { firstByteMs, connectMs, durationMs, ...served } = JSON.parse((await lines(path, 2))[1]!);
    assert.equal(served.listener, `127.0.0.1:${balancer.port}`);
    assert.match(served.target, new RegExp(`127\\.0\\.0\\.1:${port}$`));
    assert.deepEqual([served.bytesIn, served.bytesOut, served.cause, served.phase], [6, 6, "fin", "relay"]);
    assert.ok(connectMs <= firstByteMs && firstByteMs <= durationMs);

    renameSync(path, `${path}.1`);
    balancer.program.signal("SIGUSR1");
    await balancer.program.says(/^SIGUSR1: opening the access log .*access\.log again/);
    await exchange(balancer.port, "once more\n");
    const [line] = await lines(path, 1);
    assert.equal(JSON.parse(line!).bytesIn, 10);
    assert.equal(linesOf(`${path}.1`).length, 2);
    await balancer.program.stop();
  });

  it("is switched on, moved and switched off by a reload", { skip: noSignals }, async () => {
    const folder = temporaryFolder("access-log");
    const config = join(folder, "harmony.toml");
    const [one, two] = [join(folder, "one.log"), join(folder, "two.log")];
    writeFileSync(config, "");
    const balancer = await startBalancer(["--config", config]);
    await startReporter(balancer, (await echoServer()).port);
    const reload = async (text: string) => {
      writeFileSync(config, text);
      const before = balancer.program.log.length;
      balancer.program.signal("SIGHUP");
      await until("the reload", () =>
        balancer.program.log.slice(before).some(({ message }) => /^reloaded/.test(message)),
      );
    };
    await exchange(balancer.port, "before\n");
    await balancer.program.logged("its end", ({ properties }) => (properties as { bytesIn?: number }).bytesIn === 7); // after which no log has it
    await reload(`access-log = ${JSON.stringify(one)}\n`);
    await exchange(balancer.port, "first\n");
    assert.match((await lines(one, 1))[0]!, / bytesIn=6 /);
    await reload(`access-log = ${JSON.stringify(two)}\n`);
    await exchange(balancer.port, "second\n");
    assert.match((await lines(two, 1))[0]!, / bytesIn=7 /);
    await reload(`access-log = ${JSON.stringify(folder)}\n`);
    await balancer.program.says(/^the access log .* cannot be opened: .*; it goes on where it was$/);
    await exchange(balancer.port, "the third\n");
    assert.match((await lines(two, 2))[1]!, / bytesIn=10 /);
    await reload("");
    await exchange(balancer.port, "last\n");
    await balancer.program.stop();
    assert.deepEqual([linesOf(one).length, linesOf(two).length], [1, 2]);
  });

  it("goes to standard error, between the other lines", async () => {
    const balancer = await startBalancer(["--access-log", "stderr", "--access-log-format", "json"]);
    await startReporter(balancer, (await echoServer()).port);
    await exchange(balancer.port, "hello\n");
    await until("its line", () => /^\{"startedAt":.*"bytesIn":6/m.test(balancer.program.stderr));
    if (!noSignals) {
      balancer.program.signal("SIGUSR1");
      await balancer.program.says(/^SIGUSR1: there is no access log to open again/);
    }
    await balancer.program.stop();
  });

  it("is a reason not to start where it cannot be opened", async () => {
    const path = join(temporaryFolder("access-log"), "none", "access.log");
    await assert.rejects(startBalancer(["--access-log", path]), /the access log .* cannot be opened/);
  });
});
