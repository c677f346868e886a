/** `harmony-reporter … -- COMMAND`: how the reporter and its server stop together. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ServerProcess } from "../../src/bin/server-process.ts";
import { deferred } from "../../src/util/deferred.ts";
import { launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { dial } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { lines, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(endPrograms);

async function startServed(args: readonly string[] = []) {
  const balancer = await startBalancer();
  const port = await freePort();
  const server = scriptCommand("test/bin/echo-server.ts");
  const reporter = launchReporter([balancer.adminPort], port, [...args, "--", ...server, String(port)]);
  await reporter.says(/registered/);
  const connection = await dial(balancer.port);
  const next = lines(connection);
  await send(connection, "first\n");
  assert.equal(await within("an answer", next()), "first");
  return { balancer, reporter, connection, next };
}

describe("a command that cannot be started", { skip }, () => {
  const folder = temporaryFolder("commands");
  after(removeFolders);
  const script = join(folder, "script");
  writeFileSync(script, "exit 2\n", { mode: 0o755 });
  for (const [what, file] of [
    ["does not exist", join(folder, "missing")],
    ["has no #! line", script],
    ["is a directory", folder],
  ] as const) {
    test(`since it ${what}: one clear line, and exit code 2`, async () => {
      const reporter = launchReporter([9], 9, ["--", file]);
      assert.deepEqual(await reporter.ended(), { code: 2, signal: null });
      // Where the runtime starts programs as execvp() does, a shell runs such a script.
      if (file === script && /ended by itself with code 2/.test(reporter.stderr)) return;
      const lines = reporter.stderr.trim().split("\n");
      assert.equal(lines.length, 1, reporter.stderr);
      assert.match(lines[0]!, new RegExp(`cannot start \\\\"${file}\\\\": `));
    });
  }
});

test("a server that does not accept on its port is told of once, while it runs", { skip }, async () => {
  const server = new ServerProcess([...scriptCommand("test/bin/echo-server.ts"), "0"], 0);
  server.ended.catch(() => undefined);
  const slow = deferred<void>();
  let told = 0;
  const accepting = server.accepting(await freePort(), 0, () => {
    told++;
    slow.resolve();
  });
  await within("the warning", slow.promise);
  server.kill("SIGKILL");
  assert.equal(await within("the end", accepting), false);
  assert.equal(told, 1);
});

describe("a reporter with a server, asked to stop", { skip }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`at ${signal} drains, then passes SIGTERM on, and exits with the server's code`, async () => {
      const { balancer, reporter, connection, next } = await startServed();
      reporter.signal(signal);
      await balancer.program.says(/drains/);
      await send(connection, "second\n");
      assert.equal(await within("an answer while draining", next()), "second");
      assert.equal(reporter.stdout, "", "the server has not been told yet");
      await connection.close();
      assert.deepEqual(await reporter.ended(), { code: 23, signal: null });
      assert.equal(reporter.stdout, "got SIGTERM\n");
      await balancer.program.says(/has left/);
    });
  }
  test("a second signal passes SIGTERM on at once", async () => {
    const { balancer, reporter } = await startServed();
    reporter.signal("SIGTERM");
    await balancer.program.says(/drains/);
    reporter.signal("SIGTERM");
    assert.deepEqual(await reporter.ended(), { code: 23, signal: null });
  });
  test("passes SIGTERM on after the drain time-out though a connection is open", async () => {
    const { reporter } = await startServed(["--drain-timeout", "300ms"]);
    assert.deepEqual(await reporter.stop(), { code: 23, signal: null });
    assert.match(reporter.stderr, /1 connection did not finish within 300ms/);
  });
});
