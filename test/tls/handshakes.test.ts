/** Which handshakes are agreed on, with which certificate, and what is counted of the others. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as tls from "node:tls";
import { runtime } from "#runtime";
import { ClientLimits } from "../../src/edge/access/client-limits.ts";
import type { Refusal } from "../../src/edge/refusals.ts";
import { runtime as nodeSockets } from "../../src/net/node/node.ts";
import {
  ca,
  certificate,
  certificateFiles,
  clientCertificate,
  exactFiles,
  namesCa,
  namesCaFile,
  renewedCa,
  renewedFiles,
  wildcardFiles,
} from "../support/certificates.ts";
import { temporaryFolder } from "../support/folder.ts";
import { LOOPBACK } from "../support/ports.ts";
import { ending, readText, send } from "../support/stream.ts";
import { dialTls, type TlsClientOptions } from "../support/tls-client.ts";
import { type TlsSetup, withTls } from "../support/tls-listener.ts";
import { until, within } from "../support/wait.ts";

async function talks(port: number, options: TlsClientOptions = {}): Promise<void> {
  const client = await dialTls(port, options);
  await send(client, "x");
  equal(await readText(client, 1), "x");
  client.abort();
}

/** A client of the runtime's own, of no more than that version; gives the session that it could resume. */
function connect(port: number, options: tls.ConnectionOptions): Promise<Buffer | null> {
  const dialled = new Promise<Buffer | null>((resolve, reject) => {
    let session: Buffer | null = null;
    const socket = tls.connect({ host: LOOPBACK, port, ca, servername: "localhost", ...options });
    socket.on("session", (ticket) => {
      session = ticket;
    });
    socket.on("error", reject);
    socket.on("secureConnect", () => socket.write("x"));
    socket.on("data", () => {
      resolve(session);
      socket.destroy();
    });
  });
  return within("a handshake", dialled);
}

test("each name gets its certificate: the exact one before the wildcard, and the first where there is none", () =>
  withTls({ tls: { certificates: [certificateFiles, wildcardFiles, exactFiles] } }, async ({ listener, port }) => {
    await talks(port, { name: "localhost" });
    await talks(port, { name: "exact.names.test", ca: namesCa });
    await talks(port, { name: "second.names.test", ca: namesCa });
    await talks(port, { name: "any.names.test", ca: namesCa });
    await talks(port, { name: "localhost" });
    // The address is in the certificate of the fixtures, the first one, and no name is sent for it.
    await talks(port, { name: LOOPBACK });
    await rejects(dialTls(port, { name: "too.deep.names.test", ca: namesCa }), { code: "ETLS" });
    deepEqual(
      listener.certificates.map(({ names }) => names),
      [["localhost"], ["*.names.test"], ["exact.names.test", "second.names.test"]],
    );
    ok(listener.certificates.every(({ notAfter }) => notAfter > Date.now()));
  }));

test("a protocol is agreed on, and the engine is told", () =>
  withTls({ tls: { alpn: ["h2", "http/1.1"] } }, async ({ engine, port }) => {
    await talks(port, { alpn: ["http/1.1", "h2"] });
    await talks(port);
    await rejects(dialTls(port, { alpn: ["gopher"] }));
    deepEqual(
      engine.clients.map(({ header }) => header.told.alpn),
      ["h2", null],
    );
  }));

for (const client of ["optional", "require"] as const) {
  test(`client certificates, "${client}"`, () =>
    withTls({ tls: { client, clientCa: namesCaFile } }, async ({ engine, port, refused }) => {
      await talks(port, { certificate: clientCertificate });
      deepEqual(engine.clients[0]!.header.told.tls?.certificate, { commonName: "a client", verified: true });
      const others: TlsClientOptions[] = [{}, { certificate }];
      if (client === "optional") {
        for (const each of others) await talks(port, each);
        const shown = engine.clients.map(({ header }) => header.told.tls?.certificate?.verified);
        deepEqual(shown, [true, undefined, false]);
      } else {
        for (const each of others) await rejects(talks(port, each));
        await until("both are counted", () => refused("client-certificate") === 2);
        equal(engine.clients.length, 1);
      }
    }));
}

/** Bun 1.4.5 and Deno 2.9.5 keep the keys of tickets to each thread, and their clients of node:tls resume nothing. */
const alone = process.versions.bun !== undefined || process.versions.deno !== undefined;
const skip = alone && "each thread of this runtime has keys of its own for tickets";

test("sessions are resumed by tickets, whichever thread a client comes to", { skip }, () =>
  withTls({ threads: 3 }, async ({ listener, port }) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const session = await connect(port, { maxVersion });
      ok(session !== null, "no ticket");
      for (let n = 0; n < 6; n++) await connect(port, { maxVersion, session });
    }
    equal(listener.counts.resumed, 12);
  }),
);

test("without tickets each client agrees anew", () =>
  withTls({ tls: { tickets: false } }, async ({ listener, port }) => {
    const session = await connect(port, { maxVersion: "TLSv1.2" });
    await connect(port, { maxVersion: "TLSv1.2", ...(session === null ? {} : { session }) });
    equal(listener.counts.resumed, 0);
  }));

test("versions below the least are refused", () =>
  withTls({ tls: { min: "1.3" } }, async ({ listener, port, refused }) => {
    await connect(port, { maxVersion: "TLSv1.3" });
    await rejects(connect(port, { maxVersion: "TLSv1.2" }));
    await until("it is counted", () => refused("handshake") === 1);
    deepEqual(listener.counts, { handshakes: 1, resumed: 0, failed: 1 });
  }));

test("one that speaks no TLS, one that is too slow, and one that leaves are counted as handshakes that failed", () =>
  withTls({ tls: { handshake: 200 } }, async ({ engine, port, refused }) => {
    for (const said of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", ""]) {
      const client = await runtime.connect({ to: { host: LOOPBACK, port } });
      await send(client, said);
      await within("its end", ending(client));
      client.abort();
    }
    const leaving = await runtime.connect({ to: { host: LOOPBACK, port } });
    await leaving.close();
    await until("all are counted", () => refused("handshake") === 4);
    equal(engine.clients.length, 0);
  }));

test("one whose handshake is cut short by its listener's end is refused by nobody", async () => {
  let counted: (reason: Refusal) => number = () => -1;
  const limits = ClientLimits.create({ connections: 1, rate: 0, burst: 1, v4Bits: 32, v6Bits: 64 }, 2);
  // One thread takes them in the order in which they come.
  await withTls({ threads: 1, rules: { limits } }, async ({ listener, port, refused }) => {
    counted = refused;
    const first = await runtime.connect({ to: { host: LOOPBACK, port } });
    while (refused("client-connections") === 0) {
      const next = await runtime.connect({ to: { host: LOOPBACK, port } });
      await within("its end", ending(next)); // the first has come as far as its handshake
      next.abort();
    }
    await listener.close();
    await within("its end", ending(first));
    first.abort();
  });
  equal(counted("handshake"), 0);
});

async function presented(port: number, authority: string): Promise<boolean> {
  return talks(port, { ca: authority }).then(
    () => true,
    () => false,
  );
}

test("a certificate is read again when its files change, and connections stay", async () => {
  const folder = temporaryFolder("renewed");
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const put = ({ cert, key }: typeof files): void => {
    copyFileSync(cert, files.cert);
    copyFileSync(key, files.key);
  };
  put(certificateFiles);
  await withTls({ tls: { certificates: [files] }, mayWarn: true }, async ({ port, warnings }: TlsSetup) => {
    const staying = await dialTls(port);
    await send(staying, "a");
    equal(await readText(staying, 1), "a");
    copyFileSync(renewedFiles.cert, files.cert); // whose key is not there
    await until("it is told", () => warnings.length > 0);
    ok(warnings[0]!.includes("does not belong"));
    ok(await presented(port, ca), "the former one is not in use");
    put(renewedFiles);
    await until("the new one is in use", () => presented(port, renewedCa));
    await send(staying, "b");
    equal(await readText(staying, 1), "b");
  });
});

test("a renewed key that others may read is not taken, nor a pipe waited for in a certificate's place", {
  skip: process.platform === "win32" ? "has no modes, nor pipes" : false,
}, async () => {
  const folder = temporaryFolder("unsafe");
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  copyFileSync(certificateFiles.cert, files.cert);
  copyFileSync(certificateFiles.key, files.key);
  await withTls({ tls: { certificates: [files] }, mayWarn: true }, async ({ port, warnings }: TlsSetup) => {
    chmodSync(files.key, 0o644);
    await until("the key's mode is told", () => warnings.some((told) => told.includes("is open to other users")));
    rmSync(files.cert);
    execFileSync("mkfifo", [files.cert]);
    await until("the pipe is told", () => warnings.some((told) => told.includes("is not a regular file")));
    ok(await presented(port, ca), "the former one is not in use");
  });
});

test("a thread that dies is replaced, with all that it served", () =>
  withTls({ threads: 2, mayWarn: true }, async ({ listeners, port, warnings }) => {
    const count = nodeSockets.can.sharePort ? 2 : 1;
    for (let thread = 0; thread < count; thread++) listeners.crash(thread);
    await until("both deaths are told", () => warnings.length === count);
    await until("it serves again", () => presented(port, ca));
    for (let n = 0; n < 10; n++) await talks(port);
  }));
