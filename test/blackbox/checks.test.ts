/** Checks of targets' health, and agents, as the programs make them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { freePorts, LOOPBACK } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { until } from "../support/wait.ts";

const closing: (() => void)[] = [];
after(async () => {
  for (const close of closing) close();
  await endPrograms();
  await endServers();
  removeFolders();
});

interface Shown {
  readonly weight: number;
  readonly ownWeight: number;
  readonly checks: readonly { readonly kind: string; readonly last: { readonly reason: string } }[];
}

const run = promisify(execFile);
const folder = () => temporaryFolder("checks");

/** A server of a health page with the status that is wanted now. */
async function healthPage(): Promise<{ port: number; status: number }> {
  const page = { port: 0, status: 200 };
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/healthz" ? page.status : 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  closing.push(() => void server.close());
  page.port = (server.address() as { port: number }).port;
  return page;
}

async function agentSaying(words: () => string): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(`${words()}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  closing.push(() => void server.close());
  return (server.address() as { port: number }).port;
}

describe("a balancer that checks its targets", () => {
  it("serves those whose page says that they are well, from their first pass on, and follows a reload", async () => {
    const pages = [await healthPage(), await healthPage()];
    const servers = await Promise.all(["one", "two"].map((name) => serve(answerer(name))));
    const [web] = await freePorts(1);
    const file = join(folder(), "harmony.toml");
    const write = (check: string) => {
      const targets = servers.map(
        ({ port }, nth) => `{ address = "127.0.0.1:${port}", check = { ${check}, port = ${pages[nth]!.port} } }`,
      );
      writeFileSync(
        file,
        `[pool.web]\nlisten = ["127.0.0.1:${web}"]\nstart-hold = "5s"\ntargets = [${targets.join(", ")}]\n`,
      );
    };
    pages[1]!.status = 503;
    write('type = "http", path = "/healthz", interval = "50ms", fall = 2');
    const { program } = await startBalancer(["--config", file]);
    assert.equal(await exchange(web!, ""), "one");
    await program.says(new RegExp(`target web/127\\.0\\.0\\.1:${servers[1]!.port} is down: .*its check.*HTTP 503`));
    for (let count = 0; count < 5; count++) assert.equal(await exchange(web!, ""), "one");
    pages[1]!.status = 200;
    await until("the other one", async () => (await exchange(web!, "")) === "two");
    pages[0]!.status = 500;
    await program.says(new RegExp(`target web/127\\.0\\.0\\.1:${servers[0]!.port} is down: .*HTTP 500`));
    for (let count = 0; count < 5; count++) assert.equal(await exchange(web!, ""), "two");
    write('type = "http", path = "/healthz", status = "200-500", interval = "50ms"');
    program.signal("SIGHUP");
    await until("the first one", async () => (await exchange(web!, "")) === "one");
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
  });

  it("runs a program for it where the document says so", { skip: process.platform === "win32" }, async () => {
    const server = await serve(answerer("served"));
    const [db] = await freePorts(1);
    const flag = join(folder(), "ok");
    const file = join(folder(), "harmony.toml");
    const check = `exec:sh -c "test -f ${flag} && test $TARGET_PORT = {port}" interval=50ms`;
    writeFileSync(
      file,
      `[pool.db]\nlisten = ["127.0.0.1:${db}"]\ncheck = '${check}'\ntargets = ["127.0.0.1:${server.port}"]\n`,
    );
    const { program } = await startBalancer(["--config", file]);
    await program.says(/is down: .*its check.*exit code 1/);
    assert.equal(await exchange(db!, ""), "");
    writeFileSync(flag, "");
    await until("the server", async () => (await exchange(db!, "")) === "served");
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
  });

  it("has weight and state of what its agent says, and shows both", {
    skip: process.platform === "win32",
  }, async () => {
    let words = "up 50%";
    const agent = await agentSaying(() => words);
    const server = await serve(answerer("served"));
    const [web] = await freePorts(1);
    const file = join(folder(), "harmony.toml");
    const socket = join(folder(), "api.sock");
    writeFileSync(
      file,
      `[pool.web]\nlisten = ["127.0.0.1:${web}"]\nagent-check = "${agent} interval=50ms"\n` +
        `targets = [{ address = "127.0.0.1:${server.port}", weight = 100 }]\n`,
    );
    const { program } = await startBalancer(["--config", file, "--api", `unix:${socket}`]);
    await program.says(/is up at/);
    const id = `web/127.0.0.1:${server.port}`;
    const shown = async () => {
      const [command, ...before] = programCommand("harmony-balancer");
      const { stdout } = await run(command, [...before, "targets", id, "--json", "--api", `unix:${socket}`]);
      const [target] = JSON.parse(stdout) as Shown[];
      return target!;
    };
    await until("half of its weight", () =>
      shown().then(
        ({ weight }) => weight === 50,
        () => false,
      ),
    ); // the API may not be there yet;
    const { ownWeight, checks } = await shown();
    assert.deepEqual([ownWeight, checks[0]!.kind, checks[0]!.last.reason], [100, "agent", 'its agent says "up 50%"']);
    words = "drain";
    await program.says(/drains, as its agent says/);
    words = "ready 100%";
    await until("its return", async () => (await exchange(web!, "")) === "served");
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
  });
});
