/** That the README is enough: a reporter in another language, written to it, against the real server over real sockets. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { until } from "../support/wait.ts";
import { SECRET } from "./harness.ts";
import { serve } from "./serve.ts";

const script = join(import.meta.dirname, "../../scripts/reporter.py");
const python = spawnSync("python3", ["--version"]);
const noPython = python.status === 0 ? {} : { skip: "there is no python3 here" };
const noSignals = process.platform === "win32" ? { skip: "no SIGTERM to catch on Windows" } : noPython;
const client = Uint32Array.of(0, 0, 0xffff, 1);

function start(
  port: number,
  key: string,
): { child: ChildProcess; exited: Promise<number | null>; errors: () => string } {
  const args = [
    script,
    "--host",
    "127.0.0.1",
    "--admin-port",
    String(port),
    "--port",
    "8080",
    "--balance",
    "700",
    "--id",
    "snake",
  ];
  const child = spawn("python3", args, {
    env: { ...process.env, HARMONY_KEY: key },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors += String(chunk);
  });
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve));
  return { child, exited, errors: () => errors };
}

describe("a reporter in Python", () => {
  it("has less than 100 lines", () => {
    assert.ok(readFileSync(script, "utf8").trim().split("\n").length < 100);
  });

  it("registers, drains and leaves", noSignals, async () => {
    const { server, pool, address } = await serve();
    const { child, exited } = start(address.port, `web:${SECRET}`);
    await until("the target", () => pool.targets().length === 1);
    const [target] = pool.targets();
    assert.deepEqual([target?.identity, target?.weight, target?.state], ["default/snake", 700, "up"]);
    const row = pool.pick(client, [], 0);
    // Not child.kill(): Deno then reports death by signal, however the program ends.
    process.kill(child.pid!, "SIGTERM");
    await until("the target to be draining", () => pool.targets()[0]?.state === "draining");
    pool.release(row, client, 0, 0, 0);
    await until("the target to be gone", () => pool.targets().length === 0);
    assert.equal(await exited, 0);
    await server.close();
  });

  it("with a wrong key is refused and hears why", noPython, async () => {
    const { server, pool, address } = await serve();
    const { child, exited, errors } = start(address.port, "web:not the secret of the tests");
    await until("the reason", () => errors().includes("the key is not accepted here"));
    assert.deepEqual(pool.targets(), []);
    child.kill("SIGKILL");
    await exited;
    await server.close();
  });
});
