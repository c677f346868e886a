/** OCSP responses: what is taken for one, who gets which, and what becomes of one that is renewed. */
import { deepEqual, equal, match, throws } from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import * as tls from "node:tls";
import { staplingMissing } from "../../src/net/node/termination.ts";
import { readOcspResponse } from "../../src/tls/ocsp-response.ts";
import { certificate, certificateFiles, exactFiles, ocspFile, wildcardFiles } from "../support/certificates.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { LOOPBACK } from "../support/ports.ts";
import { withTls } from "../support/tls-listener.ts";
import { until, within } from "../support/wait.ts";

after(removeFolders);

const ofServer = readFileSync(ocspFile("server"));
const ofExact = readFileSync(ocspFile("exact"));

/** In hexadecimal; null: the server has sent none. */
function stapled(port: number, servername: string, requestOCSP = true): Promise<string | null> {
  const dialled = new Promise<string | null>((resolve, reject) => {
    let got: string | null = null;
    const socket = tls.connect({ host: LOOPBACK, port, servername, requestOCSP, rejectUnauthorized: false });
    socket.on("OCSPResponse", (response: Buffer | null) => {
      got = response?.toString("hex") ?? null;
    });
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      resolve(got);
      socket.destroy();
    });
  });
  return within("a handshake", dialled);
}

describe("a file with an OCSP response", () => {
  const file = join(temporaryFolder("responses"), "a.der");
  const faults: Record<string, readonly [Uint8Array, RegExp]> = {
    "of another certificate": [ofExact, /holds an OCSP response for another certificate/],
    "cut short": [ofServer.subarray(0, -1), /holds no OCSP response in DER/],
    "with more behind it": [Buffer.concat([ofServer, Buffer.of(0)]), /holds no OCSP response in DER/],
    empty: [new Uint8Array(0), /holds no OCSP response in DER/],
    "in PEM": [readFileSync(certificateFiles.cert), /holds no OCSP response in DER/],
    "in which the responder refuses": [
      Buffer.of(0x30, 3, 0x0a, 1, 6),
      /holds an error of the OCSP responder \(status 6\)/,
    ],
    "too large": [new Uint8Array(64 * 1024 + 1), /is larger than 65536 bytes/],
  };
  for (const [name, [bytes, problem]] of Object.entries(faults)) {
    test(`${name} is not taken`, () => {
      writeFileSync(file, bytes);
      throws(() => readOcspResponse(file, certificate.cert), problem);
    });
  }
  test("for the certificate is taken as it is", () => {
    writeFileSync(file, ofServer);
    deepEqual(readOcspResponse(file, certificate.cert), new Uint8Array(ofServer));
  });
});

const missing = staplingMissing();

test("where the runtime cannot staple, whoever asks for it is told so before anything is served", () =>
  withTls({}, async ({ listeners }) => {
    const check = (certificates: readonly { cert: string; key: string; ocsp?: string }[]) =>
      listeners.check({ certificates });
    check([certificateFiles]);
    const stapling = () => check([{ ...certificateFiles, ocsp: ocspFile("server") }]);
    if (missing === null) stapling();
    else throws(stapling, { code: "EINVAL", message: /needs Node, and this is (Bun|Deno) .*: leave ocsp out of tls/ });
  }));

describe("clients", { skip: missing ?? false }, () => {
  test("get the response of the certificate that they get, if they ask for it and there is one", async () => {
    const certificates = [
      { ...certificateFiles, ocsp: ocspFile("server") },
      { ...exactFiles, ocsp: ocspFile("exact") },
      wildcardFiles,
    ];
    await withTls({ tls: { certificates } }, async ({ port }) => {
      equal(await stapled(port, "localhost"), ofServer.toString("hex"));
      equal(await stapled(port, ""), ofServer.toString("hex"));
      equal(await stapled(port, "exact.names.test"), ofExact.toString("hex"));
      equal(await stapled(port, "any.names.test"), null);
      equal(await stapled(port, "localhost", false), null);
    });
  });

  test("get a renewed one, and the former one while what is there cannot be used", async () => {
    const ocsp = join(temporaryFolder("stapled"), "a.der");
    copyFileSync(ocspFile("server"), ocsp);
    const certificates = [{ cert: certificateFiles.cert, key: certificateFiles.key, ocsp }];
    await withTls({ tls: { certificates }, mayWarn: true }, async ({ port, warnings }) => {
      for (const [spoil, why] of [
        [() => rmSync(ocsp), /the one read before stays in use: .*a\.der cannot be read: ENOENT/],
        [() => copyFileSync(ocspFile("exact"), ocsp), /a\.der holds an OCSP response for another certificate/],
      ] as const) {
        const told = warnings.length;
        spoil();
        await until("it is told", () => warnings.length > told);
        match(warnings.at(-1)!, why);
        equal(await stapled(port, "localhost"), ofServer.toString("hex"));
      }
      const renewed = readFileSync(ocspFile("server-renewed"));
      writeFileSync(ocsp, renewed);
      await until("it is in use", async () => (await stapled(port, "localhost")) === renewed.toString("hex"));
    });
  });
});
