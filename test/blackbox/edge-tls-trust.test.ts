/** Who is trusted where TLS ends here and where it begins, what targets are told of it, and what clients see of how it ends. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createServer, type Server } from "node:tls";
import { runtime } from "#runtime";
import type { ProxyHeader } from "../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../src/edge/proxy-header/read.ts";
import { certificate, certificateFiles, clientCertificate, namesCaFile, renewed } from "../support/certificates.ts";
import { cutsWithReset } from "../support/cluster.ts";
import { type EdgeWorld, mirror, startEdge } from "../support/edge-world.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { form } from "../support/form.ts";
import { dial, endServers, serve } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { ending, readAll, readText, send, text } from "../support/stream.ts";
import { dialTls, type TlsClientOptions } from "../support/tls-client.ts";
import { until } from "../support/wait.ts";

const NAMES = ["mutual", "proxied", "cut", "tarpit", "limited", "trusting", "wrong"] as const;
type Name = (typeof NAMES)[number];

const folder = temporaryFolder("edge-tls-trust");
const accessLog = join(folder, "access.log");
const socket = join(folder, "tls.sock");
const servers: Server[] = [];
let ports: Record<Name, number>;
let world: EdgeWorld;
/** Why TLS cannot end here: the base of a program compiled with Deno may be older than what that needs. */
let missing: string | undefined;

/** A target that speaks TLS, and says "inside" to whoever says something. */
async function tlsTarget(shown: { readonly cert: string; readonly key: string }): Promise<number> {
  const server = createServer(shown, (connection) => {
    connection.on("error", () => undefined).once("data", () => connection.end("inside"));
  });
  server.on("tlsClientError", () => undefined);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

function listener(name: Name, pool: string, options: string): string {
  return `[listener.${name}]\nlisten = ["127.0.0.1:${ports[name]}"]\nroutes = [{ pool = "${pool}" }]\n${options}\n`;
}

before(async () => {
  const [told, cutting] = [
    await mirror("told"),
    await serve(async (connection) => {
      await connection.read();
      await connection.write(text("half a resp"));
      connection.abort();
    }),
  ];
  const [right, wrong] = [await tlsTarget(certificate), await tlsTarget(renewed)];
  const free = await freePorts(NAMES.length);
  ports = Object.fromEntries(NAMES.map((name, nth) => [name, free[nth]])) as Record<Name, number>;
  const tls = `cert=${certificateFiles.cert} key=${certificateFiles.key} alpn=h2,http/1.1`;
  const document = [
    `access-log = ${JSON.stringify(accessLog)}\naccess-log-format = "json"\n`,
    `[pool.told]\ntargets = ["127.0.0.1:${told.port}"]\nsend-proxy = "v2"\nsend-proxy-tlvs = ["ssl", "authority", "alpn"]\n`,
    `[pool.plain]\ntargets = ["127.0.0.1:${told.port}"]\n`,
    `[pool.cutting]\ntargets = ["127.0.0.1:${cutting.port}"]\n`,
    listener("mutual", "told", `tls = "${tls} client=require client-ca=${namesCaFile}"`),
    listener("proxied", "told", `tls = "${tls}"\naccept-proxy = ["127.0.0.1"]`),
    listener("cut", "cutting", `tls = "${tls}"`),
    listener("tarpit", "plain", `tls = "${tls}"\ndeny = ["127.0.0.0/8"]\nrefuse = "tarpit 300ms"`),
    listener("limited", "plain", `tls = "${tls}"\nclient-connections = 1`),
    `[listener.unix]\nlisten = ["unix:${socket}"]\nroutes = [{ pool = "plain" }]\ntls = "${tls}"\n`,
  ];
  try {
    world = await startEdge(document.join("\n"), 3);
  } catch (error) {
    [missing] = /TLS with clients needs Deno [\d.]+ or newer, and this is [\d.]+/.exec((error as Error).message) ?? [];
    if (missing === undefined) throw error;
  }
  const towards = (name: Name, port: number) => [
    `[pool.${name}]\ntargets = ["127.0.0.1:${port}"]\ntarget-tls = "ca=${certificateFiles.ca} name=localhost"\n`,
    listener(name, name, ""),
  ];
  const pools = [...towards("trusting", right), ...towards("wrong", wrong)].join("\n");
  if (missing === undefined) await startEdge(pools, 2);
  else await assert.rejects(startEdge(pools, 2), /TLS with targets needs Deno 2\.9 or newer, and this is 2\.[0-8]\./);
});

after(async () => {
  await endPrograms();
  await endServers();
  for (const server of servers) server.close();
  removeFolders();
});

function itEnds(name: string, run: () => Promise<void>): void {
  it(name, (t) => (missing === undefined ? run() : t.skip(missing)));
}

/** What has reached the target that mirrors: the header and what follows it. */
async function told(name: Name, options: TlsClientOptions): Promise<{ header: ProxyHeader; rest: string }> {
  const client = await dialTls(ports[name], options);
  await send(client, "hi");
  await client.closeWrite();
  const answer = (await readAll(client)).subarray("told|".length);
  await client.close();
  const parsed = readProxyHeader(answer);
  assert.ok(parsed.type === "whole", parsed.type);
  return { header: parsed.value, rest: `${Buffer.from(answer.subarray(parsed.length))}` };
}

describe("where TLS with clients ends", () => {
  itEnds("targets are told of it in their PROXY header", async () => {
    const { header, rest } = await told("mutual", { certificate: clientCertificate, alpn: ["http/1.1"] });
    assert.equal(rest, "hi");
    const { alpn, serverName, tls } = header.told;
    assert.deepEqual([alpn, serverName, tls?.version], ["http/1.1", "localhost", "TLSv1.3"]);
    assert.deepEqual(tls?.certificate, { commonName: "a client", verified: true });
    assert.equal(header.destination?.port, ports.mutual);
  });

  itEnds("a client without the certificate that it has to show is turned away, and counted", async () => {
    const before = await world.refusals("mutual");
    // In TLS 1.3 a client has agreed before its certificate is looked at.
    const client = await dialTls(ports.mutual).catch(() => null);
    if (client !== null) {
      await send(client, "hi").catch(() => undefined);
      assert.equal(await readText(client).catch(() => ""), "");
    }
    await until("it is counted", async () => {
      const now = await world.refusals("mutual");
      return (now["client-certificate"] ?? 0) === (before["client-certificate"] ?? 0) + 1;
    });
  });

  itEnds("a client that a proxy names before its TLS is that client, and the proxy is told of", async () => {
    const preface = text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    const { header } = await told("proxied", { preface });
    assert.deepEqual(header.client, { host: "192.0.2.1", port: 56_324 });
    assert.deepEqual(header.destination, { host: "198.51.100.2", port: 443 });
    const line = await until("its line in the access log", () =>
      readFileSync(accessLog, "utf8")
        .split("\n")
        .filter((each) => each.includes("192.0.2.1:56324"))
        .map((each) => JSON.parse(each))
        .at(0),
    );
    assert.match(line.via, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([line.serverName, line.tls], ["localhost", "TLSv1.3"]);
  });

  itEnds("a response that its target cuts does not look complete", async () => {
    const client = await dialTls(ports.cut);
    await send(client, "?");
    assert.equal(await readText(client, 11), "half a resp");
    const end = await ending(client);
    if (cutsWithReset && runtime.can.seesReset) assert.equal(end, "ECONNRESET");
  });

  itEnds("who may not come is kept waiting where that is the answer, and gets no byte", async () => {
    const began = performance.now();
    const client = await runtime.connect({ to: { host: "127.0.0.1", port: ports.tarpit } });
    await send(client, "\x16\x03\x01");
    await ending(client);
    assert.ok(performance.now() - began >= 250);
    assert.equal((await world.refusals("tarpit")).denied, 1);
  });

  itEnds("a client may have as many connections as the limit says, and others once those are over", async () => {
    const talks = async () => {
      const client = await dialTls(ports.limited);
      await send(client, "hi");
      return client;
    };
    const first = await talks();
    await assert.rejects(talks());
    assert.equal((await world.refusals("limited"))["client-connections"], 1);
    await first.closeWrite();
    assert.equal(await readText(first), "told|hi");
    await first.close();
    await until("another may come", () =>
      talks().then(
        (client) => {
          client.abort();
          return true;
        },
        () => false,
      ),
    );
  });

  itEnds("it does at a Unix socket as well", async () => {
    const client = await dialTls({ path: socket });
    await send(client, "hi");
    await client.closeWrite();
    assert.equal(await readText(client), "told|hi");
    await client.close();
  });

  it("is refused by its name where the runtime cannot, and nowhere else", () => {
    if (missing !== undefined)
      assert.match(missing, /^TLS with clients needs Deno 2\.9 or newer, and this is 2\.[0-8]\./);
    if (form !== "deno") assert.equal(missing, undefined);
  });
});

describe("targets that speak TLS", () => {
  itEnds("are spoken to where their certificate is to be trusted, and never where it is not", async () => {
    const answered = async (name: Name) => {
      const client = await dial(ports[name]);
      await send(client, "hi").catch(() => undefined);
      return readText(client).catch(() => "");
    };
    assert.equal(await answered("trusting"), "inside");
    assert.equal(await answered("wrong"), "");
  });
});
