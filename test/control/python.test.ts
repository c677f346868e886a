/** That the README is enough: a reporter in another language, written to it, against the real server over real sockets. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { surroundings } from "../../src/control/key-places.ts";
import { Keys } from "../../src/control/keys.ts";
import { ControlServer } from "../../src/control/server.ts";
import { Pool } from "../../src/pool/pool.ts";
import { KEY, SECRET, until } from "./harness.ts";

const script = join(import.meta.dirname, "../../scripts/reporter.py");
const python = spawnSync("python3", ["--version"]);
const noPython = python.status === 0 ? {} : { skip: "there is no python3 here" };
const noSignals = process.platform === "win32" ? { skip: "no SIGTERM to catch on Windows" } : noPython;
const client = Uint32Array.of(0, 0, 0xffff, 1);

async function serve() {
  const pool = Pool.create({ name: "default", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
  const server = new ControlServer({
    runtime,
    listen: [{ host: "127.0.0.1", port: 0 }],
    keys: new Keys([KEY], null, surroundings()),
    pools: new Map([["default", pool]]),
    lease: 60_000,
    name: "test",
    version: "2",
    clientListeners: () => [],
    onEvent: () => undefined,
    onChange: () => undefined,
  });
  await server.start();
  return { server, pool, port: server.addresses[0]!.port };
}

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
    const { server, pool, port } = await serve();
    const { child, exited } = start(port, `web:${SECRET}`);
    await until(() => pool.targets().length === 1);
    const [target] = pool.targets();
    assert.deepEqual([target?.identity, target?.weight, target?.state], ["default/snake", 700, "up"]);
    const row = pool.pick(client, [], 0);
    // Not child.kill(): Deno then reports death by signal, however the program ends.
    process.kill(child.pid!, "SIGTERM");
    await until(() => pool.targets()[0]?.state === "draining");
    pool.release(row, client, 0, 0, 0);
    await until(() => pool.targets().length === 0);
    assert.equal(await exited, 0);
    await server.close();
  });

  it("with a wrong key is refused and hears why", noPython, async () => {
    const { server, pool, port } = await serve();
    const { child, exited, errors } = start(port, "web:not the secret of the tests");
    await until(() => errors().includes("the key is not accepted here"));
    assert.deepEqual(pool.targets(), []);
    child.kill("SIGKILL");
    await exited;
    await server.close();
  });
});
