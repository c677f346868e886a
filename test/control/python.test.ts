/** That the README is enough: a reporter in another language, written to it, against the real server over real sockets. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, it } from "node:test";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { SECRET } from "./harness.ts";
import { serveControl } from "./serve.ts";

const script = join(import.meta.dirname, "../../scripts/reporter.py");
const python = spawnSync("python3", ["--version"]);
const noPython = python.status === 0 ? {} : { skip: "there is no python3 here" };
const noSignals = process.platform === "win32" ? { skip: "no SIGTERM to catch on Windows" } : noPython;
const client = Uint32Array.of(0, 0, 0xffff, 1);

after(async () => {
  await endPrograms();
  removeFolders();
});

function start(port: number, key: string, ...args: string[]): Program {
  const places = ["--host", "127.0.0.1", "--admin-port", String(port), "--port", "8080"];
  const command = ["python3", script, ...places, "--balance", "700", "--id", "snake", ...args];
  return new Program(command, { env: { HARMONY_KEY: key } });
}

/** A peer that knows no key answers each line with the next of these. */
async function impostor(...answers: string[]): Promise<Server> {
  const server = createServer((socket) => {
    const left = [...answers];
    createInterface(socket).on("line", () => socket.write(`${left.shift()}\n`));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

describe("a reporter in Python", () => {
  it("has less than 300 lines", () => {
    assert.ok(readFileSync(script, "utf8").trim().split("\n").length < 300);
  });

  it("whose clock is wrong comes once more at once, with the ticket that it has got", noPython, async () => {
    const rejected: string[] = [];
    const { server, pool, address } = await serveControl({
      wallClock: () => Date.now() + 3_600_000,
      onEvent: (...event) => event[0] === "rejected" && rejected.push(event[1].code),
    });
    const reporter = start(address.port, `web:${SECRET}`);
    await until("the target", () => pool.targets().length === 1);
    assert.deepEqual(rejected, []);
    assert.equal(reporter.stderr, "");
    await reporter.kill();
    await server.close();
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

  it("prints nothing of a peer that could move the cursor, and asks again", noPython, async () => {
    const reason = "gone\u001b[2J\u009b31m\u202e\r";
    const server = await impostor(JSON.stringify({ t: "reject", reason }));
    const reporter = start((server.address() as AddressInfo).port, `web:${SECRET}`);
    await until("the reason, twice", () => reporter.stderr.split("gone").length > 2);
    assert.match(reporter.stderr, /: gone\?\[2J\?31m\?\?\n/);
    await reporter.kill();
    server.close();
  });

  it("takes no key file that others may read, and says what to do", noSignals, async () => {
    const { server, pool, address } = await serveControl();
    const file = join(temporaryFolder("python"), "key");
    writeFileSync(file, `web:${SECRET}\n`);
    chmodSync(file, 0o644);
    const reporter = start(address.port, "", "--key-file", file);
    await until("the refusal", () => reporter.stderr.includes(`run chmod 600`));
    assert.deepEqual(pool.targets(), []);
    chmodSync(file, 0o600);
    await until("the target", () => pool.targets().length === 1);
    await reporter.kill();
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
