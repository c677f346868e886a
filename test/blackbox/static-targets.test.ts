/** Targets that nobody registers, as the programs have them: names of the DNS, sockets of Unix, backups, and a reporter beside them. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { DnsServer } from "../support/dns-server.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { answerer, endServers, exchange, serve } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { until } from "../support/wait.ts";

const posix = { skip: process.platform === "win32" && "Windows has no such sockets" };

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

function fileOf(text: string): string {
  const file = join(temporaryFolder("static"), "harmony.toml");
  writeFileSync(file, text);
  return file;
}

describe("a balancer whose file names targets", () => {
  it("serves what a name of the DNS stands for, and its backup while nothing else is up", async () => {
    const [one, two, spare] = await Promise.all(["one", "two", "spare"].map((name) => serve(answerer(name))));
    const names = await DnsServer.start({
      "host.example": { ttl: 1, A: ["127.0.0.1"] },
      "_db._tcp.example": {
        SRV: [
          { priority: 2, weight: 1, port: spare!.port, host: "host.example" },
          { priority: 1, weight: 1, port: one!.port, host: "host.example" },
        ],
      },
    });
    const [db] = await freePorts(1);
    const file = fileOf(`
      resolver = ["127.0.0.1:${names.address.port}"]
      connect-timeout = "2s"
      [pool.db]
      listen = ["127.0.0.1:${db}"]
      start-hold = "5s"
      targets = ["srv:_db._tcp.example"]
    `);
    const { program } = await startBalancer(["--config", file]);
    await program.says(new RegExp(`target db/127\\.0\\.0\\.1:${one!.port} is up`));
    for (let count = 0; count < 5; count++) assert.equal(await exchange(db!, ""), "one");
    names.zones.set("_db._tcp.example", {
      SRV: [
        { priority: 2, weight: 1, port: spare!.port, host: "host.example" },
        { priority: 1, weight: 1, port: two!.port, host: "host.example" },
      ],
    });
    await until("the other one", async () => (await exchange(db!, "")) === "two");
    await program.says(/has left: neither the configuration nor the DNS names it/);
    await two!.close();
    await until("the backup", async () => (await exchange(db!, "")) === "spare");
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
    await names.close();
  });

  it("serves a server at a Unix socket, and says what it cannot look up", posix, async () => {
    const path = join(temporaryFolder("socket"), "server.sock");
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.end("unix")).listen(path);
    const names = await DnsServer.start();
    const [db, web] = await freePorts(2);
    const file = fileOf(`
      resolver = ["127.0.0.1:${names.address.port}"]
      [pool.db]
      listen = ["127.0.0.1:${db}"]
      targets = ["unix:${path}"]
      [pool.web]
      listen = ["127.0.0.1:${web}"]
      targets = ["no-such-host.invalid:80"]
    `);
    const { program } = await startBalancer(["--config", file]);
    await program.says(/is up at unix:/);
    assert.equal(await exchange(db!, ""), "unix");
    await program.says(/pool web: cannot look up no-such-host\.invalid/);
    assert.deepEqual(await program.stop(), { code: 0, signal: null });
    await Promise.all([names.close(), new Promise((resolve) => server.close(resolve))]);
  });

  it("keeps one that a reporter speaks for as well, when that has left", async () => {
    const server = await serve(answerer("served"));
    const [db] = await freePorts(1);
    const file = fileOf(`
      [pool.db]
      listen = ["127.0.0.1:${db}"]
      targets = ["127.0.0.1:${server.port}"]
    `);
    const balancer = await startBalancer(["--config", file]);
    const target = `target db/127\\.0\\.0\\.1:${server.port}`;
    await balancer.program.says(new RegExp(`${target} is up`));
    const reporter = await startReporter(balancer, server.port, ["--pool", "db", "--id", "web-1"]);
    await balancer.program.says(
      new RegExp(`${target} stays: it is registered by its reporter and named by the config`),
    );
    await reporter.stop();
    await balancer.program.says(new RegExp(`${target} stays: it is named by the configuration$`));
    await until("its return", async () => (await exchange(db!, "")) === "served");
    assert.ok(!balancer.program.log.some(({ message }) => /has left/.test(message)));
    assert.deepEqual(await balancer.program.stop(), { code: 0, signal: null });
  });
});
