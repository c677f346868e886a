/** `make run`, as somebody would use it. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { after, describe, it } from "node:test";
import { script } from "../../scripts/runtimes.ts";
import { httpGet } from "../support/http.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

after(endPrograms);

const demo = (env: Record<string, string>) => new Program(script("scripts/run-demo.ts"), { env });

describe("the demonstration", () => {
  it("serves by weight under load, shows who got what, and ends at Ctrl-C", async () => {
    const program = demo({ PORT: "0", ADMIN_PORT: "0" });
    const url = await until("the address", () => /http:\/\/127\.0\.0\.1:(\d+)\//.exec(program.stdout));
    const port = Number(url[1]);
    assert.match(await httpGet(port, "/"), /^This is server 3, of weight 1000\.\n$/);

    const texts = await Promise.all(Array.from({ length: 400 }, () => httpGet(port, "/")));
    const count = (name: string): number => texts.filter((text) => text.includes(name)).length;
    // All 400 are open at once, so weights decide, but for the few that were answered before the last ones came.
    for (const [name, share] of [
      ["server 1", 100],
      ["server 2", 100],
      ["server 3", 200],
    ] as const) {
      assert.ok(Math.abs(count(name) - share) <= 20, `${name}: ${count(name)} of 400`);
    }
    await until("the final counts", () => {
      const last = program.stdout.trim().split("\n").at(-1)!;
      return [...last.matchAll(/: (\d+) \(/g)].reduce((sum, [, served]) => sum + Number(served), 0) === 401;
    });
    assert.deepEqual(await program.stop("SIGINT"), { code: 0, signal: null });
    await assert.rejects(httpGet(port, "/"));
  });

  it("says so when the port is taken, and how to choose another", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const program = demo({ PORT: String(port), ADMIN_PORT: "0" });
    assert.equal((await program.ended()).code, 1);
    assert.match(program.stderr, new RegExp(`${port}.*in use[\\s\\S]*make run PORT=`));
    server.close();
  });
});
