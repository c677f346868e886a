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

const ARGS = ["--log-format", "json", "--log-level", "debug", "--engine", ENGINE];

/** A balancer that inherits a socket called "web", at that path. */
function start(config: string, inherited: string): Program {
  const command = inheriting(inherited, [...programCommand("harmony-balancer"), "--config", config, ...ARGS]);
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

/** In front of a target at a path: at a path of its own, and at what `listen` says. */
function startBetween(listen: string) {
  const folder = temporaryFolder("sockets");
  const place = (name: string): string => join(folder, name);
  const [own, inherited, target, config] = [
    place("own.sock"),
    place("web.sock"),
    place("target.sock"),
    place("h.toml"),
  ];
  const places = [`unix:${own} mode=620`, ...(listen === "" ? [] : [listen])];
  writeFileSync(
    config,
    `admin = "127.0.0.1:0"
     api = "off"
     unavailable = "nobody"
     queue = 0
     [pool.web]
     listen = ${JSON.stringify(places)}
     targets = ["unix:${target}"]`,
  );
  return { balancer: start(config, inherited), own, inherited, target };
}

describe("a balancer between Unix sockets", { skip: noParent }, () => {
  it("listens at a path and reaches a target at a path once that is there, and leaves nothing", async () => {
    const { balancer, own, target } = startBetween("");
    await balancer.says(/listening for clients on unix:.*own\.sock/);
    assert.equal(lstatSync(own).mode & 0o777, 0o620);
    assert.equal(await answerAt(own), "nobody");
    await serveAt(target, "from a path");
    await until("the target", async () => (await answerAt(own)) === "from a path");
    await balancer.says(/^connection a Unix socket → web\/unix:.*target\.sock: fin/);
    assert.equal((await balancer.stop()).code, 0);
    assert.equal(existsSync(own), false);
  });

  it("listens on what it inherits by its name, and leaves its file alone", async (t) => {
    const { balancer, inherited, target } = startBetween("fd:web");
    await serveAt(target, "from a path");
    const line = await balancer.logged("its start, or why not", ({ message }) => /listening|cannot/.test(message));
    // Only the engine that a form is asked for may be used, and not every runtime can do it.
    const cannot = /portable: (.* cannot listen on fd:3 here)/.exec(line.message);
    if (cannot !== null) return t.skip(cannot[1]);
    await balancer.says(/listening for clients on unix:/);
    await until("the target", async () => (await answerAt(inherited)) === "from a path");
    assert.equal((await balancer.stop()).code, 0);
    assert.equal(existsSync(inherited), true);
  });

  it("says which socket it has not inherited, and where somebody else listens", async () => {
    const folder = temporaryFolder("sockets");
    const config = join(folder, "harmony.toml");
    const taken = join(folder, "taken.sock");
    await serveAt(taken, "taken");
    for (const [listen, message] of [
      ["fd:other", /fd:other/],
      ["fd:71", /fd:71(: no socket that listens was inherited| here)/],
      [`unix:${taken}`, /unix:.*taken\.sock: the address is already in use/],
    ] as const) {
      writeFileSync(config, `admin = "127.0.0.1:0"\napi = "off"\nlisten = "${listen}"\n`);
      const balancer = start(config, join(folder, `${listen.length}.sock`));
      assert.notEqual((await balancer.ended()).code, 0);
      assert.match(balancer.stderr, message);
    }
    assert.equal(await answerAt(taken), "taken");
  });
});
