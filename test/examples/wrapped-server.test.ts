/** examples/wrapped-server: a server that the reporter starts and stops, restarted under load. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { KEY, startBalancer } from "../support/cluster.ts";
import { scriptCommand } from "../support/form.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms, Program, start } from "../support/program.ts";
import { until } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(endPrograms);

const example = (file: string) => scriptCommand(`examples/wrapped-server/${file}`);

describe("the example of a wrapped server", { skip }, () => {
  it("is restarted without a failed request", async () => {
    const balancer = await startBalancer();
    const ports = await freePorts(2);
    const serve = async (port: number): Promise<Program> => {
      const options = ["--host", `127.0.0.1:${balancer.adminPort}`, "--port", String(port), "--log-format", "json"];
      const env = { HARMONY_KEY: KEY, PORT: String(port) };
      const reporter = start("harmony-reporter", [...options, "--", ...example("server.mjs")], { env });
      await reporter.says(/^registered/);
      return reporter;
    };
    const [first] = await Promise.all(ports.map(serve));

    const load = new Program([...example("load.mjs"), `http://127.0.0.1:${balancer.port}/`]);
    await until("connections to the first server", () =>
      balancer.program.log.some((line) => line.message.includes(`→ default/127.0.0.1:${ports[0]}: fin`)),
    );
    assert.deepEqual(await first!.stop(), { code: 0, signal: null });
    assert.match(first!.stderr, /draining before the server is stopped/);
    await serve(ports[0]!);
    assert.deepEqual(await load.stop(), { code: 0, signal: null }, load.stderr);
    assert.match(load.stdout, /^\d{2,} answered, 0 failed$/m);
  });
});
