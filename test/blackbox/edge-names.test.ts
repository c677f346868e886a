/** Pools by what a client's TLS ClientHello asks for, which nobody decrypts: the cases of docs/nginx-stream-tests.md among others. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { createServer, type Server } from "node:tls";
import { certificate } from "../support/certificates.ts";
import { clientHello, type HelloParts, helloBody } from "../support/client-hellos.ts";
import { ask, type EdgeWorld, mirror, startEdge } from "../support/edge-world.ts";
import { removeFolders } from "../support/folder.ts";
import { endServers } from "../support/peers.ts";
import { freePorts, LOOPBACK } from "../support/ports.ts";
import { endPrograms } from "../support/program.ts";
import { missing } from "../support/real-servers.ts";
import { until } from "../support/wait.ts";

let world: EdgeWorld;
let [named, plain, strict, byProtocol, failing, secured] = [0, 0, 0, 0, 0, 0];
const tlsServers: Server[] = [];

/** A TLS server that says its name to whoever has agreed on TLS with it. */
async function tlsServer(name: string): Promise<number> {
  const server = createServer({ ...certificate }, (socket) => socket.on("error", () => undefined).end(name));
  tlsServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

before(async () => {
  const [foo, bar, wild, rest] = await Promise.all(["foo", "bar", "wild", "rest"].map(mirror));
  const [fooTls, barTls, dead] = [await tlsServer("foo"), await tlsServer("bar"), (await freePorts(1))[0]!];
  [named, plain, strict, byProtocol, failing, secured] = (await freePorts(6)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const pool = (name: string, port: number) => `[pool.${name}]\ntargets = ["127.0.0.1:${port}"]\n`;
  const listener = (name: string, port: number, routes: string) =>
    `[listener.${name}]\nlisten = ["127.0.0.1:${port}"]\npreread-timeout = "2s"\nroutes = [${routes}]\n`;
  const document = [
    pool("foo", foo!.port),
    pool("bar", bar!.port),
    pool("wild", wild!.port),
    pool("rest", rest!.port),
    pool("foo-tls", fooTls),
    pool("bar-tls", barTls),
    `[pool.second]\ntargets = ["127.0.0.1:${dead}", "127.0.0.1:${foo!.port}"]\nalgorithm = "roundrobin"\n`,
    listener(
      "named",
      named,
      `{ name = "foo", pool = "foo" }, { name = ["bar", "Deep.Bar.Test."], pool = "bar" },
       { name = "*.bar.test", pool = "wild" }, { pool = "rest" }`,
    ),
    listener("plain", plain, '{ pool = "rest" }'),
    listener("strict", strict, '{ name = "foo", pool = "foo" }'),
    listener(
      "protocol",
      byProtocol,
      '{ alpn = "foo", pool = "foo" }, { alpn = "bar", pool = "bar" }, { pool = "rest" }',
    ),
    listener("failing", failing, '{ name = "foo", pool = "second" }'),
    listener("secured", secured, '{ name = "foo", pool = "foo-tls" }, { name = "bar", pool = "bar-tls" }'),
  ];
  world = await startEdge(document.join("\n"), 7);
});

after(async () => {
  await endPrograms();
  await endServers();
  for (const server of tlsServers) server.close();
  removeFolders();
});

const at = (port: number) => ({ host: LOOPBACK, port });

/** Who gets it; it has to arrive as it was sent. */
async function servedBytes(port: number, hello: Uint8Array): Promise<string> {
  const { by, got } = await ask(at(port), hello);
  if (by !== "") assert.ok(got.equals(hello), "its bytes have changed on their way");
  return by;
}

function served(port: number, parts: HelloParts, ...records: readonly number[]): Promise<string> {
  return servedBytes(port, clientHello(parts, ...records));
}

/** The same hello with one number in it changed. */
function changed(hello: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const other = hello.slice();
  other.set(bytes, at);
  return other;
}

/** Where in a hello of one record its parts are. */
const RECORD_VERSION = 1;
const MESSAGE_LENGTH = 6;
const VERSION = 9;

/** That of SSL 2, with which later clients began as well: a length of 15 bits, type, version, three lengths, ciphers, a challenge. */
function ssl2Hello(version: number): Uint8Array {
  const message = [1, version >>> 8, version & 0xff, 0, 3, 0, 0, 0, 16, 1, 0, 0x80, ...new Array<number>(16).fill(7)];
  return Uint8Array.of(0x80, message.length, ...message);
}

describe("a server name that a client asks for", () => {
  it("leads to its pool, again and again, with the bytes unchanged", async () => {
    for (const [name, pool] of [
      ["foo", "foo"],
      ["bar", "bar"],
      ["FOO", "foo"],
    ] as const)
      for (let time = 0; time < 2; time++) assert.equal(await served(named, { serverName: name }), pool);
  });

  it("is taken whole before it is by a wildcard, and stands for any labels in its place", async () => {
    assert.equal(await served(named, { serverName: "deep.bar.test" }), "bar");
    assert.equal(await served(named, { serverName: "a.bar.test" }), "wild");
    assert.equal(await served(named, { serverName: "b.a.bar.test" }), "wild");
    assert.equal(await served(named, { serverName: "bar.test" }), "rest");
    assert.equal(await served(named, { serverName: "abar.test" }), "rest");
  });

  it("that there is not leads to the route without one", async () => {
    assert.equal(await served(named, {}), "rest");
    assert.equal(await served(named, { serverName: "else.test" }), "rest");
  });

  it("is nobody's business where no route has one", async () => {
    assert.equal(await served(plain, { serverName: "foo" }), "rest");
  });

  it("that no route takes is refused, and counted", async () => {
    const before = (await world.refusals("strict"))["no-route"] ?? 0;
    assert.equal(await served(strict, { serverName: "bar" }), "");
    assert.equal(await served(strict, {}), "");
    assert.equal((await world.refusals("strict"))["no-route"], before + 2);
  });

  it("is read out of a hello in pieces: of TCP, of records, and of a name cut in two", async () => {
    const hello = clientHello({ serverName: "foo" });
    const bytewise = await ask(
      at(named),
      [...hello].map((byte) => Uint8Array.of(byte)),
    );
    assert.equal(bytewise.by, "foo");
    assert.ok(bytewise.got.equals(hello));
    assert.equal(await served(named, { serverName: "foo" }, 1, 1, 3, 25, 40), "foo");
    const beforeLast = (parts: HelloParts) => 4 + helloBody(parts).length - 1; // the name is what a hello ends with here
    for (const [serverName, pool] of [
      ["foof", "rest"],
      ["foo", "foo"],
    ] as const)
      assert.equal(await served(named, { serverName }, beforeLast({ serverName })), pool);
  });

  it("is found in hellos of every version of TLS", async () => {
    const hello = clientHello({ serverName: "foo" });
    for (const minor of [0, 1, 2, 3]) assert.equal(await servedBytes(named, changed(hello, VERSION, 3, minor)), "foo");
    assert.equal(await servedBytes(named, changed(hello, RECORD_VERSION, 3, 0)), "foo");
    const tls13 = { type: 43, data: Uint8Array.of(2, 3, 4) };
    assert.equal(await served(named, { serverName: "foo", extensions: [tls13] }), "foo");
  });

  it("reaches the next target whole where the first one fails", async () => {
    for (let time = 0; time < 4; time++) assert.equal(await served(failing, { serverName: "foo" }), "foo");
  });
});

describe("what is no ClientHello", () => {
  it("goes to the route without a name as it is: another protocol, an SSL 2 hello", async () => {
    for (const bytes of [
      Buffer.alloc(1_000, "x"),
      Buffer.from("GET / HTTP/1.0\r\n\r\n"),
      ssl2Hello(2),
      ssl2Hello(0x0301),
    ]) {
      const { by, got } = await ask(at(named), bytes);
      assert.deepEqual([by, got.equals(bytes)], ["rest", true]);
    }
  });

  it("is refused where every route has a name", async () => {
    const before = (await world.refusals("strict"))["bad-hello"] ?? 0;
    assert.equal((await ask(at(strict), Buffer.alloc(1_000, "x"))).by, "");
    assert.equal((await ask(at(strict), ssl2Hello(2))).by, "");
    assert.equal((await world.refusals("strict"))["bad-hello"], before + 2);
  });

  it("or is one that lies about its length, or is too long, is refused everywhere, and counted", async () => {
    const before = (await world.refusals("named"))["bad-hello"] ?? 0;
    const parts = { serverName: "foo" };
    const short = 4 + helloBody(parts).length - 5;
    assert.equal(
      await servedBytes(named, changed(clientHello(parts), MESSAGE_LENGTH, 0, short >>> 8, short & 0xff)),
      "",
    );
    const padding = { type: 21, data: new Uint8Array(17_000) };
    assert.equal(await served(named, { ...parts, extensions: [padding] }, 16_000), "");
    assert.equal((await world.refusals("named"))["bad-hello"], before + 2);
  });

  it("but begins like one is given its time, and no more", async () => {
    const before = (await world.refusals("named"))["no-hello"] ?? 0;
    assert.equal((await ask(at(named), clientHello({ serverName: "foo" }).subarray(0, 20))).by, "");
    await until("its count", async () => (await world.refusals("named"))["no-hello"] === before + 1);
  });
});

describe("a protocol that a client offers", () => {
  it("leads to its pool, again and again", async () => {
    for (const name of ["foo", "bar"])
      for (let time = 0; time < 2; time++) assert.equal(await served(byProtocol, { alpn: [name] }), name);
    assert.equal(await served(byProtocol, { alpn: ["else"] }), "rest");
    assert.equal(await served(byProtocol, {}), "rest");
  });

  it("is one of several: the first route in the document that has one of them", async () => {
    assert.equal(await served(byProtocol, { alpn: ["bar", "foo"] }), "foo");
    assert.equal(await served(byProtocol, { alpn: ["else", "bar"] }), "bar");
  });
});

describe("openssl s_client", { skip: missing("openssl", "version") }, () => {
  it("agrees on TLS with the server whose name it asks for, through the balancer", async () => {
    for (const name of ["foo", "bar"]) {
      const args = ["s_client", "-quiet", "-connect", `127.0.0.1:${secured}`, "-servername", name];
      // It complains that the server ends without a close_notify, which is how node:tls ends.
      const said = new Promise((resolve) => {
        execFile("openssl", args, { timeout: 20_000 }, (_, stdout) => resolve(stdout));
      });
      assert.equal(await said, name);
    }
  });
});
