/** PROXY headers between Harmony and the proxies that people have beside it, where they are installed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startEdge } from "../support/edge-world.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { dial, endServers } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { missing, missingNginxStream, nginxStream } from "../support/real-servers.ts";
import { until, within } from "../support/wait.ts";

const without = missingNginxStream() || missing("haproxy", "-v");

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

async function accepting(port: number): Promise<void> {
  await until(`port ${port}`, async () => {
    const connection = await dial(port).catch(() => null); // not yet
    await connection?.close();
    return connection !== null;
  });
}

/** Sends a request, and gives the answer with the port that it was sent from. */
function askFrom(port: number): Promise<{ own: string; answer: string }> {
  const socket = connect({ port, host: "127.0.0.1" });
  const answered = new Promise<{ own: string; answer: string }>((resolve, reject) => {
    let [own, answer] = ["", ""];
    socket.once("connect", () => {
      own = `127.0.0.1:${socket.localPort}`;
      socket.write("GET / HTTP/1.0\r\n\r\n"); // without a FIN, at which nginx ends what it passes on
    });
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    socket.once("end", () => resolve({ own, answer })).once("error", reject);
  });
  return within(`the answer at port ${port}`, answered).finally(() => socket.destroy());
}

/** Says who the client is by the PROXY header that has come. */
async function nginxThatTells(): Promise<number> {
  const [port] = await freePorts(1);
  const folder = temporaryFolder("nginx");
  writeFileSync(
    join(folder, "nginx.conf"),
    `${nginxStream}stream { server { listen 127.0.0.1:${port} proxy_protocol;
       return "$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_port"; } }`,
  );
  await runNginx(folder, port!);
  return port!;
}

/** Passes clients on with a PROXY header of version 1. */
async function nginxThatSends(to: number): Promise<number> {
  const [port] = await freePorts(1);
  const folder = temporaryFolder("nginx");
  writeFileSync(
    join(folder, "nginx.conf"),
    `${nginxStream}stream { server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${to}; proxy_protocol on; } }`,
  );
  await runNginx(folder, port!);
  return port!;
}

async function runNginx(folder: string, port: number): Promise<void> {
  new Program(["nginx", "-p", folder, "-e", "error.log", "-c", "nginx.conf"]);
  await accepting(port);
}

const HAPROXY = "defaults\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n";

async function haproxy(text: (port: number) => string): Promise<number> {
  const [port] = await freePorts(1);
  const file = join(temporaryFolder("haproxy"), "haproxy.cfg");
  writeFileSync(file, `${HAPROXY}${text(port!)}`);
  new Program(["haproxy", "-db", "-f", file]);
  await accepting(port!);
  return port!;
}

/** Says who the client is, and what else the header says, as HTTP. */
function haproxyThatTells(): Promise<number> {
  return haproxy(
    (port) =>
      `frontend f\n mode http\n bind 127.0.0.1:${port} accept-proxy\n http-request return status 200 content-type text/plain ` +
      `lf-string "%[src]:%[src_port] id=%[fc_pp_unique_id] name=%[fc_pp_authority]"\n`,
  );
}

/** Passes clients on with a header of version 2 that has an id. */
function haproxyThatSends(to: number): Promise<number> {
  return haproxy(
    (port) =>
      `listen l\n mode tcp\n bind 127.0.0.1:${port}\n unique-id-format req-%rt\n ` +
      `server s 127.0.0.1:${to} send-proxy-v2 proxy-v2-options unique-id\n`,
  );
}

/** Between proxies and servers: a listener for both, pools with a header each. */
async function between(nginx: number, haproxyPort: number) {
  const [v1, v2] = (await freePorts(2)) as [number, number];
  const listener = (name: string, port: number) =>
    `[listener.${name}]\nlisten = ["127.0.0.1:${port}"]\naccept-proxy = ["127.0.0.0/8"]\nroutes = [{ pool = "${name}" }]\n`;
  const world = await startEdge(
    [
      listener("v1", v1),
      listener("v2", v2),
      `[pool.v1]\ntargets = ["127.0.0.1:${nginx}"]\nsend-proxy = "v1"\n`,
      `[pool.v2]\ntargets = ["127.0.0.1:${haproxyPort}"]\nsend-proxy = "v2"\nsend-proxy-tlvs = ["unique-id"]\n`,
    ].join("\n"),
    2,
  );
  return { world, v1, v2 };
}

describe("PROXY headers from and to nginx and HAProxy", { skip: without }, () => {
  it("name the same client at the end as at the beginning, with its id", async () => {
    const { v1, v2 } = await between(await nginxThatTells(), await haproxyThatTells());
    const chains = await Promise.all([
      nginxThatSends(v1),
      haproxyThatSends(v1),
      nginxThatSends(v2),
      haproxyThatSends(v2),
    ]);
    for (const entry of chains.slice(0, 2)) {
      const { own, answer } = await askFrom(entry);
      assert.equal(answer, `${own} to ${entry}`);
    }
    for (const [nth, entry] of chains.slice(2).entries()) {
      const { own, answer } = await askFrom(entry);
      assert.match(answer, /^HTTP\/1\.\d 200 /);
      const [, client, id] = /\r\n\r\n(\S+) id=(\S*) name=/.exec(answer)!;
      assert.equal(client, own);
      if (nth === 1) assert.match(id!, /^req-\d+$/);
    }
  });
});
