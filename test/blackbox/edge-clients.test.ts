/** Who may come to a listener, how often, and who the client is where a proxy names it: on the programs, from the document to the counts. */
import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runtime } from "#runtime";
import { cutsWithReset } from "../support/cluster.ts";
import { ask, type EdgeWorld, mirror, startEdge } from "../support/edge-world.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { dial, endServers, type TestServer } from "../support/peers.ts";
import { freePorts, hasIPv6, LOOPBACK } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { headerV2, tlv } from "../support/proxy-headers.ts";
import { ending, readText, send } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

const HI = Buffer.from("hi");
const NAMES = [
  ...["allow-all", "deny-all", "deny-4", "deny-6", "allow-6", "file", "limited", "roomy", "rate", "text", "tarpit"],
  ...["proxied", "proxied-6", "stranger", "hashed", "proxied-deny", "proxied-limit"],
] as const;
type Name = (typeof NAMES)[number];

const folder = temporaryFolder("edge-clients");
const list = join(folder, "denied.txt");
const socket = join(folder, "clients.sock");
const accessLog = join(folder, "access.log");
let world: EdgeWorld;
let target: TestServer;
let ports: Record<Name, number>;

before(async () => {
  target = await mirror("web");
  const [one, two] = [await mirror("one"), await mirror("two")];
  const free = await freePorts(NAMES.length);
  ports = Object.fromEntries(NAMES.map((name, nth) => [name, free[nth]])) as Record<Name, number>;
  writeFileSync(list, "# nobody yet\n10.0.0.0/8\n");
  const listener = (name: Name, options: string) =>
    `[listener.${name}]
     listen = ["127.0.0.1:${ports[name]}"${hasIPv6 ? `, "[::1]:${ports[name]}"` : ""}]
     routes = [{ pool = "web" }]
     ${options}
    `;
  const proxied = 'accept-proxy = ["127.0.0.1"]\npreread-timeout = "2s"\n';
  const document = [
    `access-log = ${JSON.stringify(accessLog)}\naccess-log-format = "json"\n`,
    `[pool.web]\ntargets = ["127.0.0.1:${target.port}"]\n`,
    listener("allow-all", 'allow = ["0.0.0.0/0", "::/0"]'),
    listener("deny-all", 'deny = ["0.0.0.0/0", "::/0"]'),
    listener("deny-4", 'deny = ["127.0.0.1"]'),
    listener("deny-6", 'deny = ["::1"]'),
    listener("allow-6", 'allow = ["::1"]'),
    listener("file", `deny = ["@${list}"]\nrefuse = "close"`),
    listener("limited", "client-connections = 1"),
    listener("roomy", "client-connections = 5"),
    listener("rate", 'client-rate = "1/s"\nclient-burst = 3'),
    listener("text", 'deny = ["127.0.0.0/8"]\nrefuse = "text not you"'),
    listener("tarpit", 'deny = ["127.0.0.0/8"]\nrefuse = "tarpit 300ms"'),
    listener("proxied", proxied),
    listener("proxied-6", `accept-proxy = ["::1"]`),
    `[listener.unix]\nlisten = ["unix:${socket}"]\nroutes = [{ pool = "web" }]\ndeny = ["0.0.0.0/0", "2000::/3"]\n`,
    `[listener.unix-allow]\nlisten = ["unix:${socket}.allow"]\nroutes = [{ pool = "web" }]\nallow = ["10.0.0.0/8"]\n`,
    `[listener.unix-deny]\nlisten = ["unix:${socket}.deny"]\nroutes = [{ pool = "web" }]\ndeny = ["0.0.0.0/0", "::/0"]\n`,
    listener("hashed", proxied).replace('"web"', '"hash"'),
    `[pool.hash]\nalgorithm = "hash"\ntargets = ["127.0.0.1:${one.port}", "127.0.0.1:${two.port}"]\n`,
    listener("stranger", 'accept-proxy = ["10.0.0.0/8"]'),
    listener("proxied-deny", `${proxied}deny = ["192.0.2.0/24"]`),
    listener("proxied-limit", `${proxied}client-connections = 1`),
  ];
  world = await startEdge(document.join("\n"), 3);
});

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

async function served(name: Name, bytes: Uint8Array | readonly Uint8Array[] = HI, host = LOOPBACK): Promise<string> {
  const { by, got } = await ask({ host, port: ports[name] }, bytes);
  return by === "" ? "" : `${by} ${got}`;
}

/** What has been added to the counts of that listener meanwhile. */
async function refusedBy(name: Name, act: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await world.refusals(name);
  await act();
  const now = await world.refusals(name);
  const added = Object.entries(now).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const);
  return Object.fromEntries(added.filter(([, count]) => count > 0));
}

interface Logged {
  readonly client: string;
  readonly bytesIn: number;
  readonly via?: string | null;
  readonly [name: string]: unknown;
}

/** The line of the access log of the connection that came from that client. */
function logged(client: string): Promise<Logged> {
  return until(`the line of ${client}`, () => {
    const lines = readFileSync(accessLog, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Logged).find((line) => line.client === client);
  });
}

describe("lists of addresses", () => {
  it("let in whom they allow, and nobody whom they deny", async () => {
    assert.equal(await served("allow-all"), "web hi");
    const refused = await refusedBy("deny-all", async () => assert.equal(await served("deny-all"), ""));
    assert.deepEqual(refused, { denied: 1 });
  });

  it("tell families apart", { skip: !hasIPv6 && "there is no ::1" }, async () => {
    assert.equal(await served("allow-all", HI, "::1"), "web hi");
    assert.equal(await served("deny-all", HI, "::1"), "");
    assert.deepEqual([await served("deny-4"), await served("deny-4", HI, "::1")], ["", "web hi"]);
    assert.deepEqual([await served("deny-6"), await served("deny-6", HI, "::1")], ["web hi", ""]);
    assert.deepEqual([await served("allow-6"), await served("allow-6", HI, "::1")], ["", "web hi"]);
  });

  it("are not asked of clients of Unix sockets, which have no address", { skip: !runtime.can.unix }, async () => {
    const from = async (path: string) => (await ask({ path }, HI)).by;
    assert.deepEqual(
      [await from(socket), await from(`${socket}.allow`), await from(`${socket}.deny`)],
      ["web", "web", "web"],
    );
  });

  it("are read again when their file changes; one that is wrong leaves those that were", async () => {
    assert.equal(await served("file"), "web hi");
    const write = (text: string) => {
      writeFileSync(`${list}.new`, text);
      renameSync(`${list}.new`, list);
    };
    write("10.0.0.0/8\n127.0.0.0/8 # us\n");
    await until("the new list", async () => (await served("file")) === "");
    write("10.0.0.0/8\nnonsense\n");
    const { message } = await world.program.says(/nonsense/);
    assert.match(message, /denied\.txt:2/);
    assert.equal(await served("file"), "");
    write("");
    await until("the empty list", async () => (await served("file")) === "web hi");
  });
});

describe("those who are turned away", () => {
  it("touch no target", async () => {
    const before = target.accepted.length;
    for (let n = 0; n < 20; n++) await served("deny-all");
    assert.ok(target.accepted.length - before <= 2, "but for the balancer's own looks at it");
  });

  it("get a text where there is one, or wait for nothing", async () => {
    const told = await dial(ports.text);
    assert.equal(await readText(told), "not you");
    await told.close();
    const waiting = await dial(ports.tarpit);
    const end = await ending(waiting);
    assert.equal(end, cutsWithReset ? "ECONNRESET" : "fin");
  });

  it("are told in the log and counted in the metrics, by listener and reason", async () => {
    await served("deny-all");
    await world.program.says(/listener deny-all has turned away \d+ clients?: allow and deny do not let them in/);
    assert.match(await world.metrics(), /\nharmony_refusals_total\{listener="deny-all",reason="denied"\} [1-9]/);
  });
});

/** A connection that stays, and has been answered once by being served at all. */
async function stay(name: Name, bytes: Uint8Array = HI) {
  const open = target.open();
  const connection = await dial(ports[name]);
  await connection.write(bytes);
  await until("its target", () => target.open() > open);
  return connection;
}

describe("limits of a client", () => {
  it("hold for one listener, not for another, and only while its connections last", async () => {
    const first = await stay("limited");
    const refused = await refusedBy("limited", async () => assert.equal(await served("limited"), ""));
    assert.deepEqual(refused, { "client-connections": 1 });
    assert.equal(await served("roomy"), "web hi");
    await first.close();
    await until("room again", async () => (await served("limited")) === "web hi");
  });

  it("let a burst come at once, and then as many as the rate has", async () => {
    const answers: string[] = [];
    for (let n = 0; n < 6; n++) answers.push(await served("rate"));
    assert.deepEqual(answers.slice(0, 3), ["web hi", "web hi", "web hi"]);
    assert.ok(answers.slice(3).includes(""), `${answers}`);
    assert.ok((await world.refusals("rate"))["client-rate"]! > 0);
    await until("its next turn", async () => (await served("rate")) === "web hi");
  });
});

const headerV1 = (words: string): Buffer => Buffer.from(`PROXY ${words}\r\n`);
const LOCAL = 0x20;
const INET6 = 0x21;
/** Of 192.0.2.N:1234 to 192.0.2.2:5678. */
const ends = (n: number): Buffer => Buffer.from([192, 0, 2, n, 192, 0, 2, 2, 0x04, 0xd2, 0x16, 0x2e]);
/** PP2_TYPE_SSL. `verify`: 0 where the certificate is verified. */
const sslTlv = (verify: number, parts: readonly (readonly [type: number, text: string])[]) =>
  tlv(0x20, Buffer.concat([Buffer.from([0x07, 0, 0, 0, verify]), ...parts.map(([type, text]) => tlv(type, text))]));

describe("a PROXY header", () => {
  const v1 = headerV1("TCP4 192.0.2.1 192.0.2.2 1234 5678");

  it("names the client, of version 1 and 2, and nothing of it reaches the target or counts as the client's", async () => {
    assert.equal(await served("proxied", Buffer.concat([v1, HI])), "web hi");
    const line = await logged("192.0.2.1:1234");
    assert.match(line.via!, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([line.destination, line.bytesIn], ["192.0.2.2:5678", 2]);
    const addresses = Buffer.from(`${"20010db8000000000000000000000001".repeat(2)}04d21f90`, "hex");
    const v2 = headerV2({ family: INET6, addresses });
    assert.equal(await served("proxied", [v2.subarray(0, 13), v2.subarray(13), HI]), "web hi");
    assert.equal((await logged("[2001:db8::1]:1234")).destination, "[2001:db8::1]:8080");
  });

  it("is taken from senders of both families", { skip: !hasIPv6 && "there is no ::1" }, async () => {
    assert.equal(await served("proxied-6", Buffer.concat([headerV2({ addresses: ends(6) }), HI]), "::1"), "web hi");
    assert.match((await logged("192.0.2.6:1234")).via!, /^\[::1\]:\d+$/);
    assert.equal(await served("proxied-6", Buffer.concat([v1, HI])), "");
    assert.deepEqual(await world.refusals("proxied-6"), { "untrusted-sender": 1 });
  });

  it("tells what the proxy knows, as far as that is to be believed", async () => {
    const tls = sslTlv(0, [
      [0x21, "TLSv1.2"],
      [0x22, "example.com"],
      [0x23, "AES256-SHA"],
      [0x24, "SHA1"],
      [0x25, "RSA512"],
    ]);
    const others = [
      tlv(0x01, "ALPN1"),
      tlv(0x02, "LocalHost."),
      tlv(0x05, "UNIQQ"),
      tlv(0x30, "NETNS"),
      tlv(0xae, "1"),
    ];
    const known = headerV2({ addresses: ends(3), tlvs: [...others, tls] });
    assert.equal(await served("proxied", Buffer.concat([known, HI])), "web hi");
    const { alpn, serverName, uniqueId, tls: version, tlsCipher, tlsClient } = await logged("192.0.2.3:1234");
    assert.deepEqual(
      { alpn, serverName, uniqueId, version, tlsCipher, tlsClient },
      {
        alpn: "ALPN1",
        serverName: "localhost",
        uniqueId: "UNIQQ",
        version: "TLSv1.2",
        tlsCipher: "AES256-SHA",
        tlsClient: "example.com",
      },
    );
    const unverified = headerV2({ addresses: ends(4), tlvs: [sslTlv(255, [[0x22, "me"]])] });
    assert.equal(await served("proxied", Buffer.concat([unverified, HI])), "web hi");
    assert.equal((await logged("192.0.2.4:1234")).tlsClient, null);
  });

  it("that names nobody leaves the client the peer that it is", async () => {
    for (const header of [
      headerV1("UNKNOWN"),
      headerV1("UNKNOWN TCP4 192.0.2.9 192.0.2.2 9 9"),
      headerV2({ command: LOCAL }),
    ]) {
      const connection = await stay("proxied", Buffer.concat([header, HI]));
      const open = (await world.connections()).find(({ listener }) => listener === `127.0.0.1:${ports.proxied}`);
      assert.match(open!.client, /^127\.0\.0\.1:/);
      await connection.close();
      await until("its end", async () => (await world.connections()).length === 0);
    }
  });

  it("is what lists and limits go by", async () => {
    const other = headerV1("TCP4 198.51.100.1 192.0.2.2 1 2");
    assert.equal(await served("proxied-deny", Buffer.concat([v1, HI])), "");
    assert.equal(await served("proxied-deny", Buffer.concat([other, HI])), "web hi");
    assert.deepEqual(await world.refusals("proxied-deny"), { denied: 1 });
    const first = await stay("proxied-limit", Buffer.concat([v1, HI]));
    assert.equal(await served("proxied-limit", Buffer.concat([v1, HI])), "");
    assert.equal(await served("proxied-limit", Buffer.concat([other, HI])), "web hi");
    await first.close();
    await until("room again", async () => (await served("proxied-limit", Buffer.concat([v1, HI]))) === "web hi");
  });

  it("is what decides on a target where that is by the client's address", async () => {
    const target = async (n: number) => {
      const { by } = await ask(
        { host: LOOPBACK, port: ports.hashed },
        Buffer.concat([headerV2({ addresses: ends(n) }), HI]),
      );
      return by;
    };
    const clients = Array.from({ length: 16 }, (_, n) => n + 10);
    const targets = await Promise.all(clients.map(target));
    assert.deepEqual([...new Set(targets)].sort(), ["one", "two"]);
    assert.deepEqual(await Promise.all(clients.map(target)), targets);
  });

  it("is required of trusted senders, refused from others, and nothing of a bad one passes", async () => {
    const before = target.accepted.length;
    const refused = await refusedBy("proxied", async () => {
      for (const bad of [
        Buffer.from("GET / HTTP/1.0\r\n\r\n"),
        headerV1("TCP4 192.0.2.1 192.0.2.2 1234 99999"),
        Buffer.from(`PROXY TCP4 ${"1".repeat(200)}`),
        headerV2({ addresses: new Uint8Array(0) }),
        headerV2({ family: 0x51 }),
        headerV2({ tlvs: [tlv(0x03, "4321")] }),
        headerV2({ length: 0x2000 }),
      ])
        assert.equal(await served("proxied", bad), "", `${bad}`);
    });
    assert.deepEqual(refused, { "bad-header": 7 });
    const unheard = await refusedBy("stranger", async () => assert.equal(await served("stranger", v1), ""));
    assert.deepEqual(unheard, { "untrusted-sender": 1 });
    assert.ok(target.accepted.length - before <= 2, "but for the balancer's own looks at it");
  });

  it("that does not come in time, or not whole, ends the connection", async () => {
    const refused = await refusedBy("proxied", async () => {
      const silent = await dial(ports.proxied);
      const torn = await dial(ports.proxied);
      await send(torn, "PROXY TCP4 192.0.2.1");
      await within("the end of both", Promise.all([ending(silent), ending(torn)]));
      assert.equal(await served("proxied", v1.subarray(0, 20)), "");
    });
    assert.deepEqual(refused, { "no-header": 3 });
  });
});
