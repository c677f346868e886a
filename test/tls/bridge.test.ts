/** Targets that speak TLS, as an engine asks the bridge for them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runtime } from "#runtime";
import type { TargetTlsBridge } from "../../src/engines/engine.ts";
import type { NodeConnection } from "../../src/net/node/connection.ts";
import { runtime as nodeSockets } from "../../src/net/node/node.ts";
import { type Agreed, Termination } from "../../src/net/node/termination.ts";
import type { Address, Connection } from "../../src/net/runtime.ts";
import { answerOf, MAX_REQUEST_BYTES, writeRequest } from "../../src/tls/bridge-protocol.ts";
import { TlsListeners } from "../../src/tls/listeners.ts";
import type { TargetTls } from "../../src/tls/settings.ts";
import { MOST_ASKING } from "../../src/tls/worker/bridge.ts";
import { certificate, certificateFiles, clientFiles, namesCa, namesCaFile } from "../support/certificates.ts";
import { ManualClock } from "../support/clock.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { closedAddress, LOOPBACK } from "../support/ports.ts";
import { ending, readExactly, readText, send, text } from "../support/stream.ts";
import { TlsEngine } from "../support/tls-engine.ts";
import { until } from "../support/wait.ts";

after(removeFolders);

const TRUSTED: TargetTls = { ca: certificateFiles.ca, verify: true, name: "localhost", certificate: null, alpn: [] };
const NOTHING = new Uint8Array(0);

/** A target that reads `plain` bytes before its TLS, and then sends back what it gets. */
async function withTarget(
  plain: number,
  body: (target: Address, seen: { readonly before: string[]; readonly agreed: Agreed[] }) => Promise<void>,
): Promise<void> {
  const seen = { before: [] as string[], agreed: [] as Agreed[] };
  const options = {
    certificates: [{ ...certificate, ocsp: null }],
    choose: () => 0,
    min: "1.2",
    alpn: ["web"],
    ticketKeys: null,
  } as const;
  const termination = new Termination({ ...options, clientCa: namesCa });
  const serve = async (connection: NodeConnection): Promise<void> => {
    if (plain > 0) seen.before.push(new TextDecoder().decode(await readExactly(connection, plain)));
    const { agreed, connection: opened } = await termination.accept(connection.detach()!, 5_000);
    seen.agreed.push(agreed);
    for (let bytes = await opened.read(); bytes !== null; bytes = await opened.read()) {
      if (bytes[0] === 0x21) return opened.abort();
      await opened.write(bytes.slice());
    }
    await opened.close();
  };
  const listener = await nodeSockets.listen({ host: LOOPBACK, port: 0 }, (connection) => {
    serve(connection as NodeConnection).catch(() => connection.abort());
  });
  try {
    await body(listener.address, seen);
  } finally {
    await listener.close();
  }
}

async function withBridge(
  body: (
    ask: (tls: TargetTls, target: Address, preface?: Uint8Array) => Promise<Connection>,
    warnings: string[],
  ) => Promise<void>,
): Promise<void> {
  const warnings: string[] = [];
  const { engine } = new TlsEngine(async () => undefined);
  const listeners = new TlsListeners({ engine, threads: 2, onWarning: (message) => warnings.push(message) });
  try {
    const ask = async (tls: TargetTls, target: Address, preface: Uint8Array = NOTHING): Promise<Connection> =>
      request(await listeners.bridge(tls, 0), target, preface);
    await body(ask, warnings);
  } finally {
    await listeners.close(1_000);
  }
  deepEqual(warnings, []);
}

async function request(bridge: TargetTlsBridge, target: Address, preface: Uint8Array): Promise<Connection> {
  const connection = await runtime.connect({ to: { host: LOOPBACK, port: bridge.port } });
  const bytes = new Uint8Array(MAX_REQUEST_BYTES);
  const { host, port } = target as { host: string; port: number };
  const length = writeRequest(bytes, bridge.secret, bridge.terms, port, text(host), preface);
  await connection.write(bytes.subarray(0, length));
  return connection;
}

async function answer(connection: Connection): Promise<string | null> {
  return answerOf((await readExactly(connection, 1))[0]!);
}

test("a target gets what comes before its TLS as it is, and the rest through it, and the other way round", () =>
  withTarget(6, (target, seen) =>
    withBridge(async (ask) => {
      const connection = await ask({ ...TRUSTED, alpn: ["web"] }, target, text("before"));
      equal(await answer(connection), null);
      await send(connection, "hello");
      equal(await readText(connection, 5), "hello");
      await connection.closeWrite();
      equal(await ending(connection), "fin");
      deepEqual(seen.before, ["before"]);
      deepEqual([seen.agreed[0]!.alpn, seen.agreed[0]!.serverName], ["web", "localhost"]);
    }),
  ));

test("the certificate has to be trusted, and to be for the name or the address, and why it is not is told", () =>
  withTarget(0, (target) =>
    withBridge(async (ask, warnings) => {
      const asked: [Partial<TargetTls>, string | null][] = [
        [{}, null],
        [{ name: null }, null], // for its address, which the certificate has
        [{ name: "other.test" }, "ETLS"],
        [{ ca: null }, "ETLS"], // of the system
        [{ ca: namesCaFile }, "ETLS"],
        [{ ca: null, verify: false, name: "other.test" }, null],
      ];
      for (const [tls, expected] of asked) {
        const connection = await ask({ ...TRUSTED, ...tls }, target);
        equal(await answer(connection), expected, JSON.stringify(tls));
        connection.abort();
      }
      // Threads tell each reason once, and which of them is asked is the kernel's choice.
      await until("all have been told", () => new Set(warnings).size >= 2);
      const { host, port } = target as { host: string; port: number };
      const start = `TLS was not agreed on with the target at ${host}:${port}: `;
      ok(
        warnings.every((warning) => warning.startsWith(start)),
        warnings.join("\n"),
      );
      ok(
        warnings.some((warning) => warning.includes("other.test")),
        warnings.join("\n"),
      );
      warnings.length = 0;
    }),
  ));

test("the balancer shows its certificate where it has one", () =>
  withTarget(0, (target, { agreed }) =>
    withBridge(async (ask) => {
      for (const own of [null, { cert: clientFiles.cert, key: clientFiles.key }]) {
        const connection = await ask({ ...TRUSTED, certificate: own }, target);
        equal(await answer(connection), null);
        connection.abort();
      }
      await until("both are there", () => agreed.length === 2);
      deepEqual(agreed[0]!.certificate, null);
      deepEqual(agreed[1]!.certificate, { commonName: "a client", verified: true });
    }),
  ));

test("files for targets that change are read again, and stay in use as they were where they cannot be used", () =>
  withTarget(0, async (target) => {
    const ca = join(temporaryFolder("authorities"), "ca.pem");
    copyFileSync(certificateFiles.ca, ca);
    const warnings: string[] = [];
    const clock = new ManualClock();
    const { engine } = new TlsEngine(async () => undefined);
    const onWarning = (message: string): void => void warnings.push(message);
    const listeners = new TlsListeners({ engine, threads: 1, onWarning, clock });
    const bridge = await listeners.bridge({ ...TRUSTED, ca }, 0);
    const asked = async (): Promise<string | null> => {
      const connection = await request(bridge, target, NOTHING);
      const got = await answer(connection);
      connection.abort();
      return got;
    };
    try {
      equal(await asked(), null);
      writeFileSync(ca, "nothing");
      clock.advance(2_000);
      equal(warnings.length, 1);
      ok(warnings[0]!.includes("holds no certificate"), warnings[0]!);
      equal(await asked(), null);
      copyFileSync(namesCaFile, ca);
      clock.advance(2_000);
      equal(await asked(), "ETLS"); // the order was there before the connection
    } finally {
      await listeners.close(1_000);
    }
  }));

test("a target that is not there, or speaks no TLS, is told apart", () =>
  withBridge(async (ask, warnings) => {
    const refusing = await ask(TRUSTED, await closedAddress());
    equal(await answer(refusing), "ECONNREFUSED");
    const plain = await runtime.listen(
      { host: LOOPBACK, port: 0 },
      (connection) => void send(connection, "220 mail\r\n"),
    );
    const speaking = await ask(TRUSTED, plain.address);
    ok(["ENOTLS", "ETLS"].includes((await answer(speaking))!));
    await until("it has been told", () => warnings.length === 1);
    warnings.length = 0;
    await plain.close();
  }));

test("a reset of the target, and one of the engine, go on to the other side", () =>
  withTarget(0, (target, { agreed }) =>
    withBridge(async (ask) => {
      const connection = await ask(TRUSTED, target);
      equal(await answer(connection), null);
      await send(connection, "!");
      equal(await ending(connection), runtime.can.seesReset ? "ECONNRESET" : "fin");
      const other = await ask(TRUSTED, target);
      equal(await answer(other), null);
      other.abort();
      await until("it has been there", () => agreed.length === 2);
    }),
  ));

test("who does not know the secret gets nothing", () =>
  withBridge(async (ask) => {
    const known = await ask(TRUSTED, await closedAddress());
    const { port } = known.remote;
    const stranger = await runtime.connect({ to: { host: LOOPBACK, port } });
    await stranger.write(new Uint8Array(100));
    equal(await ending(stranger), runtime.can.seesReset ? "ECONNRESET" : "fin");
  }));

test("strangers who say nothing take no more places than there are for requests, and none from an engine", async () => {
  const warnings: string[] = [];
  const { engine } = new TlsEngine(async () => undefined);
  const listeners = new TlsListeners({ engine, threads: 1, onWarning: (message) => warnings.push(message) });
  try {
    const bridge = await listeners.bridge(TRUSTED, 0);
    const dial = () => runtime.connect({ to: { host: LOOPBACK, port: bridge.port } });
    const strangers: Connection[] = [];
    for (let n = 0; n < MOST_ASKING; n++) strangers.push(await dial());
    await withTarget(0, async (target) => {
      const asked = await request(bridge, target, NOTHING);
      equal(await answer(asked), null);
      equal(await ending(strangers[0]!), runtime.can.seesReset ? "ECONNRESET" : "fin");
      asked.abort();
    });
    for (const stranger of strangers) stranger.abort();
  } finally {
    await listeners.close(1_000);
  }
  deepEqual(warnings, []);
});
