/** `harmony-reporter … -- COMMAND`: how the reporter and its server stop together. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { launchReporter, startBalancer } from "../blackbox/harness/cluster.ts";
import { scriptCommand } from "../blackbox/harness/form.ts";
import { endPrograms } from "../blackbox/harness/program.ts";
import { freePorts } from "../blackbox/harness/targets.ts";
import { dial, lines, send } from "../blackbox/harness/tcp.ts";
import { within } from "../blackbox/harness/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(endPrograms);

async function startServed(args: readonly string[] = []) {
  const balancer = await startBalancer();
  const [port] = await freePorts(1);
  const server = scriptCommand("test/programs/echo-server.ts");
  const reporter = launchReporter([balancer.adminPort], port!, [...args, "--", ...server, String(port)]);
  await reporter.says(/registered/);
  const connection = await dial(balancer.port);
  const next = lines(connection);
  await send(connection, "first\n");
  assert.equal(await within("an answer", next()), "first");
  return { balancer, reporter, connection, next };
}

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
