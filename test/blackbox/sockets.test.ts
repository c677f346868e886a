/** Unix sockets and inherited ones, on both sides of the programs. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { KEY } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { inheriting, noParent } from "../support/inherited.ts";
import { field } from "../support/log.ts";
import { endPrograms, Program } from "../support/program.ts";
import { readText } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

const ENGINE = process.env.HARMONY_TEST_ENGINE ?? "auto";
const servers: Server[] = [];

after(async () => {
  await endPrograms();
  for (const server of servers) server.close();
  removeFolders();
});

/** A balancer that inherits a socket called "web". */
function start(config: string, inherited: string): Program {
  const args = ["--config", config, "--log-format", "json", "--log-level", "debug", "--engine", ENGINE];
  const command = inheriting(inherited, [...programCommand("harmony-balancer"), ...args]);
  return new Program(command, { env: { HARMONY_KEY: KEY, HARMONY_START_HOLD: "0" } });
}

async function answerAt(path: string): Promise<string> {
  const client = await within(`connecting to ${path}`, runtime.connect({ to: { path } }));
  try {
    return await readText(client);
  } finally {
    await client.close();
  }
}

async function serveAt(path: string, text: string): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => undefined).end(text)); // some only look whether it is there
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

describe("a balancer between Unix sockets", { skip: noParent }, () => {
  it("listens at a path and on what it inherits, reaches a target at a path once that is there, and leaves nothing", async () => {
    const folder = temporaryFolder("sockets");
    const [own, inherited, target] = ["own.sock", "web.sock", "target.sock"].map((name) => join(folder, name));
    const config = join(folder, "harmony.toml");
    writeFileSync(
      config,
      `admin = "127.0.0.1:0"
       api = "off"
       unavailable = "nobody"
       queue = 0
       [pool.web]
       listen = ["unix:${own} mode=620", "fd:web"]
       targets = ["unix:${target}"]`,
    );
    const balancer = start(config, inherited!);
    const started = await balancer.says(/listening for clients/);
    assert.deepEqual(field(started, "clients"), [`unix:${own}`, `unix:${inherited}`]);
    assert.equal(lstatSync(own!).mode & 0o777, 0o620);
    assert.equal(await answerAt(own!), "nobody");
    await serveAt(target!, "from a path");
    await until("the target", async () => (await answerAt(own!)) === "from a path");
    assert.equal(await answerAt(inherited!), "from a path");
    await balancer.says(/^connection a Unix socket → web\/unix:.*target\.sock: fin/);
    assert.equal((await balancer.stop()).code, 0);
    assert.equal(existsSync(own!), false);
    assert.equal(existsSync(inherited!), true);
  });

  it("says which socket it has not inherited, and where somebody else listens", async () => {
    const folder = temporaryFolder("sockets");
    const config = join(folder, "harmony.toml");
    const taken = join(folder, "taken.sock");
    await serveAt(taken, "taken");
    for (const [listen, code, message] of [
      ["fd:other", 2, /fd:other/],
      ["fd:71", 1, /fd:71: no socket that listens was inherited/],
      [`unix:${taken}`, 1, /unix:.*taken\.sock: the address is already in use/],
    ] as const) {
      writeFileSync(config, `admin = "127.0.0.1:0"\napi = "off"\nlisten = "${listen}"\n`);
      const balancer = start(config, join(folder, `${code}-${listen.length}.sock`));
      assert.equal((await balancer.ended()).code, code, balancer.stderr);
      assert.match(balancer.stderr, message);
    }
    assert.equal(await answerAt(taken), "taken");
  });
});
