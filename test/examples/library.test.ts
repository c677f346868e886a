/** examples/library: a balancer in a program, and applications that register themselves. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { scriptCommand } from "../support/form.ts";
import { httpGet } from "../support/http.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";
const env = { HARMONY_KEY: "examples:a-key-that-only-these-tests-use" };

after(endPrograms);

const run = (file: string, ports: Record<string, string>) =>
  new Program(scriptCommand(`examples/library/${file}`), { env: { ...env, ...ports } });

const printed = (program: Program, pattern: RegExp) =>
  until(String(pattern), () => {
    if (program.exit) throw new Error(`it ended: ${program.stderr}`);
    return pattern.exec(program.stdout);
  });

describe("the example of the library", { skip }, () => {
  it("balances over applications that register themselves, and drain before they go", async () => {
    const balancer = run("balancer.mjs", { PORT: "0", ADMIN_PORT: "0" });
    const [, port, adminPort] = await printed(balancer, /clients connect to port (\d+), applications to port (\d+)/);
    const get = () => httpGet(Number(port), "/");
    await assert.rejects(get(), /status 503/);

    const apps = [1, 2].map(() => run("app.mjs", { ADMIN_PORT: adminPort! }));
    await Promise.all(apps.map((app) => printed(app, /registered as default\/127\.0\.0\.1:\d+/)));
    const answers = new Set([await get(), await get()]);
    assert.deepEqual(answers, new Set(apps.map(({ pid }) => `served by process ${pid}\n`)));

    assert.deepEqual(await apps[0]!.stop(), { code: 0, signal: null });
    await printed(balancer, /127\.0\.0\.1:\d+ drains\n.* has left/);
    assert.equal(await get(), `served by process ${apps[1]!.pid}\n`);
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });
});
