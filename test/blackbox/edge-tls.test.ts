/** TLS at one port: what is decrypted here, what is passed on, what targets are spoken to through TLS; and what shows of it. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from "node:tls";
import { ca, certificate, certificateFiles, renewedCa, renewedFiles } from "../support/certificates.ts";
import { type EdgeWorld, mirror, startEdge } from "../support/edge-world.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { dial, endServers } from "../support/peers.ts";
import { freePorts } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

const folder = temporaryFolder("edge-tls");
const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
const accessLog = join(folder, "access.log");
let world: EdgeWorld;
let port: number;
let towards: number;
const servers: Server[] = [];
/** Why it is not to be tried here: a program compiled with Deno may have an older one as its base. */
let missing: string | undefined;
const OLD_BASE = /TLS with clients needs Deno [\d.]+ or newer/;

function itEnds(name: string, run: () => Promise<void>): void {
  it(name, (t) => (missing === undefined ? run() : t.skip(missing)));
}

/** Says its name and the first of what it has got: where a runtime's TLS knows no half-close, a FIN would be the end. */
async function tlsServer(name: string, alpn: readonly string[] = []): Promise<number> {
  const server = createServer({ ...certificate, ALPNProtocols: [...alpn] }, (socket) => {
    socket.on("error", () => undefined).setEncoding("latin1");
    socket.once("data", (text: string) => socket.end(`${name}|${text}`));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

function renew(files: { readonly cert: string; readonly key: string }): void {
  for (const [from, to] of [
    [files.key, key],
    [files.cert, cert],
  ] as const) {
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}

before(async () => {
  const [web, passed, acme] = [await mirror("web"), await tlsServer("passed"), await tlsServer("acme", ["acme-tls/1"])];
  const inside = await tlsServer("inside");
  [port, towards] = (await freePorts(2)) as [number, number];
  renew(certificateFiles);
  const pool = (name: string, to: number, more = "") => `[pool.${name}]\ntargets = ["127.0.0.1:${to}"]\n${more}`;
  const document = [
    `access-log = ${JSON.stringify(accessLog)}\naccess-log-format = "json"\n`,
    pool("web", web.port),
    pool("passed", passed),
    pool("acme", acme),
    `[listener.tls]
     listen = ["127.0.0.1:${port}"]
     tls = "cert=${cert} key=${key} alpn=h2,http/1.1"
     routes = [
       { alpn = "acme-tls/1", pool = "acme", tls = "pass" },
       { name = "passed.test", pool = "passed", tls = "pass" },
       { pool = "web" },
     ]
    `,
  ];
  try {
    world = await startEdge(document.join("\n"), 3);
  } catch (error) {
    [missing] = OLD_BASE.exec((error as Error).message) ?? [];
    if (missing === undefined) throw error;
  }
  if (missing !== undefined) return;
  await startEdge(
    [
      pool("inside", inside, `target-tls = "ca=${certificateFiles.ca} name=localhost"\n`),
      `[listener.towards]\nlisten = ["127.0.0.1:${towards}"]\nroutes = [{ pool = "inside" }]\n`,
    ].join("\n"),
    1,
  );
});

after(async () => {
  await endPrograms();
  await endServers();
  for (const server of servers) server.close();
  removeFolders();
});

interface Spoken {
  readonly text: string;
  readonly protocol: string | null;
  readonly alpn: string | false | null;
  readonly resumed: boolean;
}

/** Says hi over TLS, and gives what is answered. */
function speak(options: ConnectionOptions): Promise<Spoken> {
  const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca, servername: "localhost", ...options });
  const spoken = new Promise<Spoken>((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (more: string) => {
      text += more;
    });
    socket.once("error", reject).once("secureConnect", () => socket.end("hi"));
    socket.once("end", () => {
      resolve({ text, protocol: socket.getProtocol(), alpn: socket.alpnProtocol, resumed: socket.isSessionReused() });
    });
  });
  return within("an answer over TLS", spoken).finally(() => socket.destroy());
}

describe("a port with TLS", () => {
  itEnds("decrypts what no route passes on, and its target gets what the client says", async () => {
    const { text, protocol, alpn } = await speak({ ALPNProtocols: ["http/1.1"] });
    assert.deepEqual([text, protocol, alpn], ["web|hi", "TLSv1.3", "http/1.1"]);
    const line = await until("its line in the access log", () =>
      readFileSync(accessLog, "utf8")
        .split("\n")
        .filter((each) => each.includes("localhost"))
        .map((each) => JSON.parse(each))
        .at(0),
    );
    assert.deepEqual(
      [line.serverName, line.alpn, line.tls, line.bytesIn, line.listener],
      ["localhost", "http/1.1", "TLSv1.3", 2, `127.0.0.1:${port}`],
    );
    assert.match(line.client, /^127\.0\.0\.1:\d+$/);
  });

  itEnds("takes TLS 1.2 as well", async () => {
    assert.equal((await speak({ maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
  });

  itEnds(
    "passes on by name and by protocol what others decrypt: an ACME client behind it gets its challenge",
    async () => {
      const checkServerIdentity = () => undefined; // the servers' certificate is for localhost
      assert.equal((await speak({ servername: "passed.test", checkServerIdentity })).text, "passed|hi");
      const acme = await speak({ servername: "any.test", ALPNProtocols: ["acme-tls/1"], checkServerIdentity });
      assert.deepEqual([acme.text, acme.alpn], ["acme|hi", "acme-tls/1"]);
    },
  );

  itEnds("counts what is agreed on and what fails, and shows its certificate", async () => {
    await assert.rejects(speak({ maxVersion: "TLSv1.1", minVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" }));
    const at = `listener="tls",address="127.0.0.1:${port}"`;
    await until("the counts", async () => {
      const lines = (await world.metrics()).split("\n");
      return [
        `harmony_tls_handshake_failures_total{${at}} 1`,
        `harmony_tls_handshakes_total{kind="full",${at}} 2`,
        `harmony_tls_certificate_expiry_timestamp_seconds{${at},file="${cert}"} `,
      ].every((wanted) => lines.some((line) => line.startsWith(wanted)));
    });
    assert.deepEqual(await world.refusals("tls"), { handshake: 1 });
  });

  itEnds("has another certificate once its files have changed", async () => {
    renew(renewedFiles);
    await until("the renewed certificate", async () => {
      const spoken = await speak({ ca: renewedCa }).catch(() => null); // not yet
      return spoken?.text === "web|hi";
    });
  });
});

describe("a pool whose targets speak TLS", () => {
  itEnds("is spoken to through it, for clients that speak none", async () => {
    const client = await dial(towards);
    await send(client, "plain");
    assert.equal(await readText(client), "inside|plain");
    await client.close();
  });
});
