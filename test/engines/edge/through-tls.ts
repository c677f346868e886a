/** Targets that are spoken to through the bridge of tls/, of which a stand-in is enough: it agrees on everything, or says why not. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import type { TargetTlsBridge } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import {
  BRIDGE_READY,
  type BridgeRequest,
  readRequest,
  refusalByte,
  secretOf,
} from "../../../src/tls/bridge-protocol.ts";
import { answerer, echo, greeter, type Serve, serve, type TestServer } from "../../support/peers.ts";
import { readText, send } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

const SECRET = new Uint8Array(32).fill(7);
const TERMS = 0x1234_5678;
/** Comes first in every choice. */
const FIRST = { weight: 1_000 };

export function throughTls(host: Host): void {
  const withBridge = async (answer: Answer, test: (lab: Lab, bridge: Bridge) => Promise<void>, options = {}) => {
    const bridge = await Bridge.start(host, answer);
    const targetTls: TargetTlsBridge = { port: bridge.server.port, secret: SECRET, terms: TERMS };
    try {
      await inLab(host, { targetTls, ...options }, (lab) => test(lab, bridge));
    } finally {
      await bridge.server.close();
    }
  };

  it("asks the bridge for the target, and has what both say once it is there", () =>
    withBridge(BRIDGE_READY, async (lab, bridge) => {
      const target = await lab.target("one", echo);
      const client = await lab.client();
      await send(client, "hello");
      await client.closeWrite();
      assert.equal(await readText(client), "hello");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.bytesIn, record!.bytesOut], ["one", 5, 5]);
      assert.deepEqual(bridge.asked, [{ target: target.address, terms: TERMS, preface: "" }]);
    }));

  it("loses nothing of a target that speaks first", () =>
    withBridge(BRIDGE_READY, async (lab) => {
      await lab.target("one", greeter("welcome"));
      assert.equal(await lab.ask(), "welcome");
    }));

  it("gives it the PROXY header apart, and none of it to the client's count", () =>
    withBridge(
      BRIDGE_READY,
      async (lab, bridge) => {
        await lab.target("one", echo);
        const client = await lab.client();
        const { local } = client;
        await send(client, "hi");
        await client.closeWrite();
        assert.equal(await readText(client), "hi");
        const [record] = await lab.recorded(1);
        assert.equal(record!.bytesIn, 2);
        const header = readProxyHeader(new TextEncoder().encode(bridge.asked[0]!.preface));
        assert.ok(header.type === "whole");
        assert.deepEqual(header.value.client, local);
      },
      { sendProxy: { version: 1, tlvs: [] } },
    ));

  for (const code of ["ECONNREFUSED", "ETLS"] as const) {
    it(`goes on to another target where the bridge says ${code}`, () =>
      withBridge(
        ({ target }) => ("port" in target && target.port === 1 ? refusalByte(code) : BRIDGE_READY),
        async (lab) => {
          lab.announce("bad", { host: "127.0.0.1", port: 1 }, FIRST);
          await lab.target("good", answerer("!"));
          assert.equal(await lab.ask(), "!");
          const [record] = await lab.recorded(1);
          assert.deepEqual(record!.tried, [{ target: "bad", code }]);
          assert.equal(record!.target, "good");
        },
      ));
  }

  it("gives up one that does not answer in time", () =>
    withBridge(
      undefined,
      async (lab, bridge) => {
        await lab.target("one", answerer("!"));
        assert.notEqual(await lab.ask(), "!");
        const [record] = await lab.recorded(1);
        assert.deepEqual(record!.tried, [{ target: "one", code: "ETIMEDOUT" }]);
        await until("the bridge to have been left", () => bridge.server.open() === 0);
      },
      { connectTimeout: 300, requeue: 0 },
    ));
}

/** A byte; undefined: it says nothing. */
type Answer = number | undefined | ((request: BridgeRequest) => number);

class Bridge {
  readonly asked: { readonly target: unknown; readonly terms: number; readonly preface: string }[] = [];
  server!: TestServer;

  static async start(host: Host, answer: Answer): Promise<Bridge> {
    const bridge = new Bridge();
    bridge.server = await serve(bridge.#serve(host, answer), undefined, host.runtime);
    return bridge;
  }

  #serve(host: Host, answer: Answer): Serve {
    return async (connection) => {
      const request = await this.#read(connection);
      if (answer === undefined) return void (await connection.readable().catch(() => undefined));
      const byte = typeof answer === "number" ? answer : answer(request);
      if (byte !== BRIDGE_READY) {
        await connection.write(Uint8Array.of(byte));
        return await connection.close();
      }
      const target = await host.runtime.connect({ to: request.target });
      await connection.write(Uint8Array.of(BRIDGE_READY));
      await host.runtime.relay(connection, target, { aToB: 0, bToA: 0 });
    };
  }

  /** What follows the request is given back. */
  async #read(connection: Connection): Promise<BridgeRequest> {
    let bytes = new Uint8Array(0);
    for (;;) {
      const more = await connection.read();
      assert.ok(more !== null, "the engine has ended in its request");
      const all = new Uint8Array(bytes.length + more.length);
      all.set(bytes);
      all.set(more, bytes.length);
      bytes = all;
      const request = readRequest(bytes);
      assert.notEqual(request, "bad");
      if (request === null || request === "bad") continue;
      assert.deepEqual(secretOf(bytes), SECRET);
      assert.equal(request.length, bytes.length, "something was sent before the answer");
      const { preface, target, terms } = request;
      this.asked.push({ target, terms, preface: new TextDecoder().decode(preface) });
      return request;
    }
  }
}
