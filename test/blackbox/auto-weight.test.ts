/** A weight that follows what is left (`--balance auto`): a busy server gets less, and gets its share again. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ReporterStatus } from "../../src/admin/reporter/schema.ts";
import { type Balancer, launchReporter, startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endServers, exchange, serve } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, start } from "../support/program.ts";
import { drain, send } from "../support/stream.ts";
import { passes, until } from "../support/wait.ts";

/** ms that an answer takes of a server that has time, and of one that has not. */
const [QUICK_MS, BUSY_MS] = [2, 60];
const REQUESTS = 30;

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

/** A server whose machine says in a file how much it has left. */
class Machine {
  readonly file = join(temporaryFolder("machine"), "left");
  port = 0;
  #isBusy = false;

  static async start(name: string): Promise<Machine> {
    const machine = new Machine();
    machine.has(100);
    const server = await serve(async (connection) => {
      await drain(connection);
      await passes(machine.#isBusy ? BUSY_MS : QUICK_MS);
      await send(connection, name);
    });
    machine.port = server.port;
    return machine;
  }

  /** In one step: who reads it meanwhile reads the one or the other. */
  has(percent: number): void {
    this.#isBusy = percent < 50;
    writeFileSync(`${this.file}.new`, `${percent}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
}

/** Who answers so many requests, one after the other, and the ms that they take together. */
async function ask(port: number): Promise<{ first: number; took: number }> {
  const begun = performance.now();
  let first = 0;
  for (let i = 0; i < REQUESTS; i++) if ((await exchange(port, "")) === "first") first++;
  return { first, took: performance.now() - begun };
}

async function twoPools(machines: readonly Machine[]): Promise<{ auto: number; fixed: number }> {
  const file = join(temporaryFolder("auto"), "harmony.toml");
  const fixed = await freePort();
  writeFileSync(file, `algorithm = "roundrobin"\n[pool.default]\n[pool.fixed]\nlisten = ["127.0.0.1:${fixed}"]\n`);
  const balancer: Balancer = await startBalancer(["--config", file]);
  for (const { file, port } of machines) {
    await startReporter(balancer, port, ["--balance", `auto:cat ${file} interval=100ms`]);
    await startReporter(balancer, port, ["--pool", "fixed"]);
  }
  return { auto: balancer.port, fixed };
}

describe("two equal targets whose weights follow what is left", {
  skip: process.platform === "win32" && "no cat",
}, () => {
  it("share alike, the busy one gets less while it is busy, and all wait less than with fixed weights", async () => {
    const machines = await Promise.all([Machine.start("first"), Machine.start("second")]);
    const ports = await twoPools(machines);
    const alike = async () => Math.abs((await ask(ports.auto)).first - REQUESTS / 2) <= 2;
    await until("both to get the same", alike);
    machines[0]!.has(2);
    await until("the busy one to get little", async () => (await ask(ports.auto)).first <= 3);
    const [auto, fixed] = [await ask(ports.auto), await ask(ports.fixed)];
    assert.equal(fixed.first, REQUESTS / 2);
    assert.ok(auto.first < fixed.first && auto.took < fixed.took, `${auto.took} ms against ${fixed.took} ms`);
    machines[0]!.has(100);
    await until("both to get the same again", alike);
  });

  it("go on with what they have while it cannot be told what is left, which is logged once", async () => {
    const machine = await Machine.start("only");
    const balancer = await startBalancer();
    const command = `auto:cat ${machine.file} interval=100ms ceiling=1000`;
    const reporter = await startReporter(balancer, machine.port, ["--balance", command]);
    await reporter.says(/^the weight of .* is now 1000: 100% left$/);
    renameSync(machine.file, `${machine.file}.away`);
    const { level, message } = await reporter.says(/cannot be told/);
    assert.equal(level, "WARN");
    assert.match(message, /its weight stays as it is: the command has ended with exit code 1: ".*No such file/);
    renameSync(`${machine.file}.away`, machine.file);
    await reporter.says(/follows what is left again/);
    assert.equal(reporter.log.filter(({ message }) => /cannot be told/.test(message)).length, 1);
  });
});

describe("a weight that follows what the machine has left", () => {
  it("is measured, and harmony-reporter status shows it", { skip: process.platform === "win32" }, async () => {
    const place = `unix:${join(temporaryFolder("status"), "reporter.sock")}`;
    launchReporter([await freePort()], 1, ["--balance", "auto interval=100ms", "--status-socket", place]);
    const status = async () => {
      const program = start("harmony-reporter", ["status", "--json", "--status-socket", place]);
      await program.ended();
      return program.stdout === "" ? undefined : (JSON.parse(program.stdout) as ReporterStatus[])[0];
    };
    const { auto, weight } = await until("what is left", async () => {
      const target = (await status())?.targets[0];
      return typeof target?.auto?.headroom === "number" && target;
    });
    assert.ok(auto!.headroom! >= 0 && auto!.headroom! <= 1);
    assert.ok(weight >= 25 && weight <= 500);
    assert.deepEqual([auto!.floor, auto!.ceiling, auto!.trouble], [25, 500, null]);
  });
});
