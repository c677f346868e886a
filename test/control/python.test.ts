/** That the README is enough: a reporter in another language, written to it, against the real server over real sockets. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { SECRET } from "./harness.ts";
import { serveControl } from "./serve.ts";

const script = join(import.meta.dirname, "../../scripts/reporter.py");
const python = spawnSync("python3", ["--version"]);
const noPython = python.status === 0 ? {} : { skip: "there is no python3 here" };
const noSignals = process.platform === "win32" ? { skip: "no SIGTERM to catch on Windows" } : noPython;
const client = Uint32Array.of(0, 0, 0xffff, 1);

after(endPrograms);

function start(port: number, key: string): Program {
  const places = ["--host", "127.0.0.1", "--admin-port", String(port), "--port", "8080"];
  const command = ["python3", script, ...places, "--balance", "700", "--id", "snake"];
  return new Program(command, { env: { HARMONY_KEY: key } });
}

describe("a reporter in Python", () => {
  it("has less than 100 lines", () => {
    assert.ok(readFileSync(script, "utf8").trim().split("\n").length < 100);
  });

  it("registers, drains and leaves", noSignals, async () => {
    const { server, pool, address } = await serveControl();
    const reporter = start(address.port, `web:${SECRET}`);
    await until("the target", () => pool.targets().length === 1);
    const [target] = pool.targets();
    const seen = [target?.identity, target?.weight, target?.state];
    assert.deepEqual(seen, ["default/snake", 700, "suspect"], "no server is there");
    const row = pool.pick(client, [], 0);
    reporter.signal("SIGTERM");
    await until("the target to be draining", () => pool.targets()[0]?.state === "draining");
    pool.release(row, client, 0, 0, 0);
    await until("the target to be gone", () => pool.targets().length === 0);
    assert.equal((await reporter.ended()).code, 0);
    await server.close();
  });

  it("with a wrong key is refused and hears why", noPython, async () => {
    const { server, pool, address } = await serveControl();
    const reporter = start(address.port, "web:not the secret of the tests");
    await until("the reason", () => reporter.stderr.includes("the key is not accepted here"));
    assert.deepEqual(pool.targets(), []);
    await reporter.kill();
    await server.close();
  });
});
