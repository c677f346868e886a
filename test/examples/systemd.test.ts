/** examples/systemd: systemd finds nothing wrong with the units, and what they start works. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../../scripts/runtimes.ts";
import { KEY, portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand, scriptCommand } from "../support/form.ts";
import { httpGet } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const example = join(root, "examples/systemd");
const units = readdirSync(example).filter((file) => /\.(service|socket)$/.test(file));
const INSTANCE = "postgresql";

after(async () => {
  await endPrograms();
  removeFolders();
});

const unitText = (file: string) => readFileSync(join(example, file), "utf8").replaceAll("%i", INSTANCE);

function setting(unit: string, name: string): string {
  const value = new RegExp(`^${name}=(.*)$`, "m").exec(unitText(unit))?.[1];
  assert.ok(value, `${unit} has no ${name}`);
  return value;
}

/** What stands in for the places that the units name: the form under test, the example's files. */
const PLACES: Record<string, readonly string[]> = {
  "/usr/local/bin/harmony-balancer": programCommand("harmony-balancer"),
  "/usr/local/bin/harmony-reporter": programCommand("harmony-reporter"),
  "/usr/bin/node": scriptCommand("").slice(0, -1),
  "/srv/app/server.mjs": [join(root, "examples/wrapped-server/server.mjs")],
};

function command(unit: string, name = "ExecStart"): string[] {
  const words = setting(unit, name).split(" ");
  return words.flatMap((word) => PLACES[word] ?? [word.replace(/^\/etc\/harmony\//, `${example}/`)]);
}

const run = (unit: string, env: Readonly<Record<string, string>>) =>
  new Program(command(unit), { env: { HARMONY_KEY: KEY, HARMONY_LOG_FORMAT: "json", ...env } });

const noSystemd = spawnSync("systemd-analyze", ["--version"]).status !== 0 && "there is no systemd-analyze here";

describe("the units", () => {
  it("are as systemd expects them", { skip: noSystemd }, () => {
    // With programs in place of those that the units name: systemd looks whether they can be started.
    const folder = temporaryFolder("units");
    const programs = join(folder, "bin");
    mkdirSync(programs);
    for (const place of Object.keys(PLACES)) cpSync("/bin/true", join(programs, place.split("/").at(-1)!));
    const files = [...units, `${INSTANCE}.service`].map((file) => join(folder, file.replace("@", `@${INSTANCE}`)));
    for (const unit of units) {
      const text = unitText(unit).replaceAll(/\/usr\/(local\/)?bin\//g, `${programs}/`);
      writeFileSync(join(folder, unit.replace("@", `@${INSTANCE}`)), text);
    }
    writeFileSync(join(folder, `${INSTANCE}.service`), `[Service]\nExecStart=${programs}/node\n`);
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` };
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], {
      env,
      encoding: "utf8",
    });
    const ours = stderr.split("\n").filter((line) => line.includes(folder) || line.includes("harmony"));
    assert.deepEqual([status, ours], [0, []], stderr);
  });
});

describe("what the balancer's unit does to reload", {
  skip: process.platform === "win32" && "no systemd there",
}, () => {
  it("takes a file without a fault, and fails with another one", async () => {
    const { cwd, env } = {
      cwd: temporaryFolder("reload"),
      env: { HARMONY_API: "auto", RUNTIME_DIRECTORY: temporaryFolder("run") },
    };
    const config = join(cwd, "balancer.toml");
    writeFileSync(config, 'listen = ["127.0.0.1:0"]\nadmin = ["127.0.0.1:0"]\n');
    const given = (name: string) =>
      command("harmony-balancer.service", name).map((word) =>
        word === join(example, "balancer.toml") ? config : word,
      );
    const balancer = new Program(given("ExecStart"), {
      env: { HARMONY_KEY: KEY, HARMONY_LOG_FORMAT: "json", ...env },
    });
    await balancer.says(/^listening for clients/);
    await balancer.says(/^listening for commands/);
    const reload = () => new Program(given("ExecReload"), { env }).ended();
    assert.deepEqual(await reload(), { code: 0, signal: null });
    writeFileSync(config, 'listen = ["127.0.0.1:0"]\nadmin = ["127.0.0.1:0"]\nqueue = "many"\n');
    assert.equal((await reload()).code, 2);
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });
});

describe("what the units start", { skip: process.platform === "win32" && "there is no systemd on Windows" }, () => {
  it("is a balancer, a server with the reporter around it, and a reporter beside a server", async () => {
    const balancer = run("harmony-balancer.service", { HARMONY_LISTEN: "127.0.0.1:0", HARMONY_ADMIN: "127.0.0.1:0" });
    const { port, adminPort } = portsOf(await balancer.says(/^listening/));
    const [appPort, otherPort] = await freePorts(2);
    const HARMONY_HOST = `127.0.0.1:${adminPort}`;

    const app = run("app.service", { HARMONY_HOST, HARMONY_PORT: String(appPort), PORT: String(appPort) });
    await app.says(/^registered/);
    assert.equal(await httpGet(port, "/"), `served on port ${appPort}\n`);
    assert.deepEqual(await app.stop(), { code: 0, signal: null });

    new Program(scriptCommand("examples/wrapped-server/server.mjs"), { env: { PORT: String(otherPort) } });
    const beside = run("harmony-reporter@.service", { HARMONY_HOST, HARMONY_PORT: String(otherPort) });
    await beside.says(/^registered/);
    await until("an answer", () => httpGet(port, "/").catch(() => null));
    assert.equal(await httpGet(port, "/"), `served on port ${otherPort}\n`);
    assert.deepEqual(await beside.stop(), { code: 0, signal: null });
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });
});
