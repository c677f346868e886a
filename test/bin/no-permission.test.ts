/** A port that needs a right which the program does not have, and a home that it may not look into. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { asNobody, type Unprivileged } from "../support/nobody.ts";
import { endPrograms, Program } from "../support/program.ts";

const PORT = 81;

const unprivileged = asNobody();
const folder = temporaryFolder("nobody");
/** Somewhere for the runtime's caches. */
const env = { HOME: folder, XDG_CACHE_HOME: folder, DENO_DIR: folder, TMPDIR: folder };
const noUser = reasonForNoUser();
const skip = reasonToSkip();

after(async () => {
  await endPrograms();
  removeFolders();
});

function reasonToSkip(): string | false {
  if (process.platform !== "linux") return "only on Linux is it known which ports need a right";
  const first = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  if (first <= PORT) return "anybody may bind any port here (net.ipv4.ip_unprivileged_port_start)";
  return noUser;
}

function reasonForNoUser(): string | false {
  if (process.platform === "win32") return "Windows has no file modes";
  if (typeof unprivileged === "string") return unprivileged;
  if (unprivileged.uid >= 0) chownSync(folder, unprivileged.uid, unprivileged.uid);
  const [file, ...args] = command(unprivileged, "--version");
  const { status } = spawnSync(file!, args, { env: { ...process.env, ...env } });
  return status === 0 ? false : "nobody may not read the program here";
}

function command(by: Unprivileged, ...args: readonly string[]): string[] {
  return [...by.command, ...programCommand("harmony-balancer"), ...args];
}

for (const flag of ["--listen", "--admin"] as const) {
  test(`${flag} without the right to the port: one line that says so and what to do, exit code 1`, {
    skip,
  }, async () => {
    const place = `127.0.0.1:${PORT}`;
    const other = flag === "--listen" ? "--admin" : "--listen";
    const args = [flag, place, other, "127.0.0.1:0", "--insecure", "--log-format", "json"];
    const balancer = new Program(command(unprivileged as Unprivileged, ...args), { env });
    assert.deepEqual(await balancer.ended(), { code: 1, signal: null }, balancer.stderr);
    const [line, ...others] = balancer.stderr.trim().split("\n");
    assert.deepEqual(others, []);
    const { level, message } = JSON.parse(line!) as { level: string; message: string };
    assert.equal(level, "ERROR");
    assert.match(message, /cannot listen on 127\.0\.0\.1:81: .*permission.*choose a port above 1023/i);
  });
}

test("a socket that it may not open: which one that is, and what to do, exit code 1", { skip: noUser }, async () => {
  const by = unprivileged as Unprivileged;
  const place = temporaryFolder("forbidden");
  const socket = `${place}/api.sock`;
  const server = createServer().listen(socket);
  await once(server, "listening");
  chmodSync(socket, 0);
  for (const mode of [0o711, 0]) {
    chmodSync(place, mode);
    const status = new Program(command(by, "status", "--api", `unix:${socket}`), { env });
    assert.deepEqual(await status.ended(), { code: 1, signal: null });
    assert.ok(status.stderr.includes(`no balancer answers: ${socket} (user `), status.stderr);
    assert.match(
      status.stderr,
      /may not use it\)\. Run this as the user that the balancer runs as, or as root \(sudo\)\n$/,
    );
  }
  chmodSync(place, 0o700);
  server.close();
});

test("a home that it may not look into keeps nobody who has a key from starting", { skip: noUser }, async () => {
  const home = temporaryFolder("hidden");
  chmodSync(home, 0);
  const args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
  const given = { ...env, HOME: home, XDG_CONFIG_HOME: home, HARMONY_KEY: "hidden:0123456789abcdef" };
  const balancer = new Program(command(unprivileged as Unprivileged, ...args), { env: given });
  await balancer.says(/^listening/);
  assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  const named = [...args, "--reporters", `${home}/reporters`];
  const refused = new Program(command(unprivileged as Unprivileged, ...named), { env: given });
  assert.deepEqual(await refused.ended(), { code: 2, signal: null });
  assert.match(refused.stderr, /reporters file .*\/reporters cannot be read: user \w+ may not look into its folder/);
  chmodSync(home, 0o700);
});
