/** A compiled program runs in an empty folder, with an environment that is empty but for its key's place, as a user without rights or a home. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { compiled, type ProgramName, programCommand } from "../support/form.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms, Program } from "../support/program.ts";

const NOBODY = "65534";

const skip = whyNot();

function whyNot(): string | false {
  if (!compiled) return "only compiled programs promise this";
  if (process.platform === "win32") return "Windows has no setpriv";
  if (process.getuid?.() !== 0) return "only root can become another user";
  return spawnSync("setpriv", ["--version"]).error ? "setpriv is not installed" : false;
}

describe("in an empty folder, with nothing in the environment but a place for the key, as nobody", { skip }, () => {
  const place = temporaryFolder("anywhere");
  const empty = join(place, "empty");
  mkdirSync(empty);
  // The programs as someone would copy them, where nobody may read them.
  for (const folder of [place, empty]) chmodSync(folder, 0o755);
  const state = join(place, "state");
  mkdirSync(state);
  chownSync(state, Number(NOBODY), Number(NOBODY));

  after(async () => {
    await endPrograms();
    await endServers();
    removeFolders();
  });

  function startAsNobody(
    name: ProgramName,
    args: readonly string[],
    environment = [`STATE_DIRECTORY=${state}`],
  ): Program {
    const [original] = programCommand(name);
    const copy = join(place, basename(original));
    copyFileSync(original, copy);
    chmodSync(copy, 0o755);
    const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps=-all"];
    return new Program([...user, "env", "-i", ...environment, copy, ...args], { cwd: empty });
  }

  it("balancer and reporter find each other with no key given, and serve", async () => {
    const server = await serve(greeter("served"));
    const log = ["--log-format", "json"];
    const balancer = startAsNobody("harmony-balancer", ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...log]);
    const { port, adminPort } = portsOf(await balancer.says(/listening/i));
    const reporter = startAsNobody("harmony-reporter", [
      ...["--host", `127.0.0.1:${adminPort}`, "--port", String(server.port)],
      ...log,
    ]);
    await reporter.says(/registered/i);
    assert.equal(await exchange(port, ""), "served");
    assert.equal((await reporter.stop()).code, 0);
    assert.equal((await balancer.stop()).code, 0);
    assert.deepEqual(readdirSync(empty), []);
    assert.deepEqual(readdirSync(state).sort(), ["key", "token-act", "token-read"]);
  });

  it("a balancer without a place for its key says what to do, and does not start", async () => {
    const balancer = startAsNobody("harmony-balancer", ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], []);
    assert.deepEqual(await balancer.ended(), { code: 2, signal: null }, balancer.stderr);
    assert.match(balancer.stderr, /nobody could create none .*StateDirectory=harmony/);
  });
});
