/** Real servers and clients, where they are installed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { dial } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { missing } from "../support/real-servers.ts";
import { lines, send } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

const folder = temporaryFolder("real");

after(async () => {
  await endPrograms();
  removeFolders();
});

async function accepting(port: number): Promise<void> {
  await until(`port ${port}`, async () => {
    const connection = await dial(port).catch(() => null); // not yet
    await connection?.close();
    return connection !== null;
  });
}

describe("nginx", { skip: missing("nginx", "-v") }, () => {
  const BIG = 20_000_000;

  it("serves pages and a large file over kept-alive connections through the balancer", async () => {
    const port = await freePort();
    writeFileSync(join(folder, "small.txt"), "small\n");
    writeFileSync(join(folder, "big.bin"), Buffer.alloc(BIG, 7));
    writeFileSync(join(folder, "nginx.conf"), nginxConfiguration(port));
    new Program(["nginx", "-p", folder, "-e", "error.log", "-c", "nginx.conf"]);
    await accepting(port);
    const balancer = await startBalancer();
    await startReporter(balancer, port);

    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const sizes = await Promise.all(
      Array.from({ length: 200 }, (_, i) => bodySize(balancer.port, i % 50 === 0 ? "/big.bin" : "/small.txt", agent)),
    );
    agent.destroy();
    assert.deepEqual(
      sizes,
      Array.from({ length: 200 }, (_, i) => (i % 50 === 0 ? BIG : 6)),
    );
  });
});

function nginxConfiguration(port: number): string {
  return `daemon off;
master_process off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path tmp-body;
  proxy_temp_path tmp-proxy;
  fastcgi_temp_path tmp-fastcgi;
  uwsgi_temp_path tmp-uwsgi;
  scgi_temp_path tmp-scgi;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`;
}

function bodySize(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, agent }, (response) => {
      let size = 0;
      response.on("data", (bytes: Buffer) => {
        size += bytes.length;
      });
      response.on("end", () => resolve(size));
      response.on("error", reject);
    }).on("error", reject);
  });
}

describe("Redis", { skip: missing("redis-server", "--version") }, () => {
  it("takes commands, pipelines and a large value through the balancer", async () => {
    const port = await freePort();
    new Program(["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]);
    await accepting(port);
    const balancer = await startBalancer();
    await startReporter(balancer, port);

    const connection = await dial(balancer.port);
    const next = lines(connection);
    const count = 10_000;
    await send(connection, "INCR counter\r\n".repeat(count));
    for (let i = 1; i <= count; i++) assert.equal(await within("a reply", next()), `:${i}`);
    const value = "v".repeat(5_000_000);
    await send(connection, `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n${value}\r\n`);
    assert.equal(await within("+OK", next()), "+OK");
    await send(connection, "GET big\r\n");
    assert.equal(await within("the length", next()), `$${value.length}`);
    assert.ok((await within("the value", next())) === value);
    await connection.close();
  });
});
