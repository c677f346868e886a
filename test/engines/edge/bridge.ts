/** Targets that are asked for at the TLS bridge, which is played by the test. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import type { TargetTlsBridge } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import {
  BRIDGE_READY,
  type BridgeRequest,
  readRequest,
  refusalByte,
  secretOf,
} from "../../../src/tls/bridge-protocol.ts";
import { join } from "../../support/client-hellos.ts";
import { echo, serve } from "../../support/peers.ts";
import { LOOPBACK } from "../../support/ports.ts";
import { drain, readText, text } from "../../support/stream.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab, type LabOptions, UNAVAILABLE } from "../lab.ts";
import { clientSaying } from "./asking.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const TARGETS = { one: { host: "192.0.2.1", port: 443 }, two: { host: "2001:db8::1", port: 8443 } };
/** Comes first in every choice. */
const FIRST = { weight: 1_000 };

type Answer = (request: BridgeRequest, connection: Connection) => Promise<void>;

export function bridge(host: Host): void {
  /** A lab with both targets behind a bridge that does as `answer` says with each request. */
  const withBridge = async (
    options: LabOptions,
    answer: Answer,
    test: (lab: Lab, requests: readonly BridgeRequest[]) => Promise<void>,
  ) => {
    const requests: BridgeRequest[] = [];
    const server = await serve(
      async (connection) => {
        const request = await requestOf(connection);
        requests.push(request);
        await answer(request, connection);
      },
      LOOPBACK,
      host.runtime,
    );
    const targetTls: TargetTlsBridge = { port: server.port, secret: SECRET, terms: 70_000 };
    try {
      await inLab(host, { targetTls, ...options }, async (lab) => {
        lab.announce("one", TARGETS.one, FIRST);
        lab.announce("two", TARGETS.two);
        await test(lab, requests);
      });
    } finally {
      await server.close();
    }
  };

  it("asks for the target there, and has a connection to it from then on", () =>
    withBridge({}, ready(), async (lab, requests) => {
      const client = await clientSaying(lab, "hello", true);
      assert.equal(await readText(client), "hello");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.bytesIn, record!.bytesOut], ["one", 5, 5]);
      assert.deepEqual(requests.map(shown), [{ terms: 70_000, target: TARGETS.one, preface: "" }]);
    }));

  it("has the PROXY header go before the TLS", () =>
    withBridge({ sendProxy: { version: 1, tlvs: [] } }, ready(), async (lab, requests) => {
      const client = await clientSaying(lab, "hello", true);
      const preface = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.local.port} ${lab.port}\r\n`;
      assert.equal(await readText(client), "hello");
      assert.deepEqual(requests.map(shown), [{ terms: 70_000, target: TARGETS.one, preface }]);
      await lab.recorded(1);
    }));

  it("loses nothing of a target that speaks first", () =>
    withBridge({}, ready("welcome."), async (lab) => {
      const client = await lab.client();
      assert.equal(await readText(client, 8), "welcome.");
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      assert.equal(record!.bytesOut, 8);
    }));

  it("goes on to another target where the bridge could not have the first one", () => {
    const answer: Answer = async (request, connection) => {
      if ("port" in request.target && request.target.port === 443) {
        await connection.write(Uint8Array.of(refusalByte("ETLS")));
        await drain(connection);
      } else {
        await ready()(request, connection);
      }
    };
    return withBridge({}, answer, async (lab, requests) => {
      const client = await clientSaying(lab, "hello", true);
      assert.equal(await readText(client), "hello");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.tried], ["two", [{ target: "one", code: "ETLS" }]]);
      assert.deepEqual(
        requests.map(({ target }) => target),
        [TARGETS.one, TARGETS.two],
      );
      assert.equal(lab.view("one").state, "suspect");
    });
  });

  it("gives up a bridge that does not answer after the connect time-out, and one that leaves at once", () => {
    const answer: Answer = async ({ target }, connection) => {
      if ("port" in target && target.port === 443) await drain(connection).catch(() => 0);
      else connection.abort();
    };
    return withBridge({ connectTimeout: 300 }, answer, async (lab) => {
      assert.equal(await lab.ask(), UNAVAILABLE);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.cause, record!.tried[0]!.code], ["connect-failed", "ETIMEDOUT"]);
      assert.deepEqual(
        record!.tried.map(({ target }) => target),
        ["one", "two"],
      );
      assertWarned(lab);
    });
  });

  it("holds it against no target that the bridge cannot be reached, or leaves without an answer", async () => {
    const leave: Answer = async (_request, connection) => connection.abort();
    await withBridge({}, leave, assertBridgeMissed);
    const gone = await serve(async () => undefined, LOOPBACK, host.runtime);
    await gone.close();
    await withBridge({ targetTls: { port: gone.port, secret: SECRET, terms: 1 } }, leave, assertBridgeMissed);
  });
}

/** A client is told that there is no target, and both are thought of as before. */
async function assertBridgeMissed(lab: Lab): Promise<void> {
  assert.equal(await lab.ask(), UNAVAILABLE);
  const [record] = await lab.recorded(1);
  assert.deepEqual(
    record!.tried.map(({ code }) => code),
    ["EBRIDGE", "EBRIDGE"],
  );
  for (const name of ["one", "two"]) assert.equal(lab.view(name).state, "up");
  assertWarned(lab);
}

/** What is missing is the balancer's, and its operator is told. */
function assertWarned(lab: Lab): void {
  const warnings = lab.warnings.splice(0);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /threads that speak TLS/);
}

/** Says that the target is there, and what it says, and is an echo then. */
function ready(says = ""): Answer {
  return async (_request, connection) => {
    await connection.write(join(Uint8Array.of(BRIDGE_READY), text(says)));
    await echo(connection);
  };
}

async function requestOf(connection: Connection): Promise<BridgeRequest> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const more = await connection.read();
    assert.ok(more, "half a request");
    bytes = join(bytes, more);
    const request = readRequest(bytes);
    assert.notEqual(request, "bad");
    if (request === null || request === "bad") continue;
    assert.ok(Buffer.from(secretOf(bytes)!).equals(SECRET));
    connection.unread(bytes.slice(request.length)); // an engine that does not wait for the answer would have sent something
    return request;
  }
}

function shown({ preface, target, terms }: BridgeRequest) {
  return { terms, target, preface: Buffer.from(preface).toString() };
}
