/** What targets are told of clients before their first byte. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import { clientHello, join } from "../../support/client-hellos.ts";
import type { Serve } from "../../support/peers.ts";
import { closedAddress } from "../../support/ports.ts";
import { drain, readAll, readText, send, text } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab } from "../lab.ts";
import { ask, clientSaying, HERE } from "./asking.ts";

const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
/** Comes first in every choice. */
const FIRST = { weight: 1_000 };

export function proxyOut(host: Host): void {
  /** Keeps all that each connection has said, and answers "ok". */
  const listening = (heard: Uint8Array[]): Serve => {
    return async (connection) => {
      heard.push(await readAll(connection));
      await send(connection, "ok");
      await connection.close();
    };
  };

  it("tells the client's address and the listener's in version 1, before what the client says", () =>
    inLab(host, { sendProxy: { version: 1, tlvs: [] } }, async (lab) => {
      const heard: Uint8Array[] = [];
      await lab.target("one", listening(heard));
      const client = await clientSaying(lab, "hello", true);
      const { port } = client.local;
      assert.equal(await readText(client), "ok");
      assert.equal(Buffer.from(heard[0]!).toString(), `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${lab.port}\r\nhello`);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.bytesIn, record!.bytesOut], [5, 2]);
    }));

  it("tells it also of a client that says nothing, to a target that speaks first", () =>
    inLab(host, { sendProxy: { version: 1, tlvs: [] } }, async (lab) => {
      await lab.target("one", async (connection) => {
        const header = await connection.read();
        await send(connection, Buffer.from(header!).toString());
        await drain(connection);
        await connection.close();
      });
      const client = await lab.client();
      const line = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.local.port} ${lab.port}\r\n`;
      assert.equal(await readText(client, line.length), line);
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.bytesIn, record!.bytesOut], [0, line.length]);
    }));

  it("passes on what a header, and the client itself, have told", () =>
    inLab(
      host,
      { sendProxy: { version: 2, tlvs: ["authority", "alpn", "unique-id", { type: 0xe5, value: "here" }] } },
      async (lab) => {
        await ask(lab, { senders: HERE, routes: [{ names: ["a.test"], alpn: [] }] });
        const heard: Uint8Array[] = [];
        await lab.target("one", listening(heard));
        const hello = clientHello({ serverName: "a.test", alpn: ["h2"] });
        await readText(await clientSaying(lab, join(text(V1), hello), true));
        const header = readProxyHeader(heard[0]!);
        assert.ok(header.type === "whole");
        assert.ok(Buffer.from(heard[0]!.subarray(header.length)).equals(hello));
        const { client, destination, told } = header.value;
        assert.deepEqual(client, { host: "192.0.2.1", port: 56_324 });
        assert.deepEqual(destination, { host: "198.51.100.2", port: 443 });
        assert.deepEqual([told.serverName, told.alpn], ["a.test", "h2"]);
        assert.ok(told.uniqueId!.length > 0);
        assert.deepEqual(
          told.custom.map(({ type, value }) => [type, Buffer.from(value).toString()]),
          [[0xe5, "here"]],
        );
        await lab.recorded(1);
      },
    ));

  it("tells it anew to another target where the first could not be had", () =>
    inLab(host, { sendProxy: { version: 1, tlvs: [] }, requeue: 1 }, async (lab) => {
      lab.announce("gone", await closedAddress(host.runtime), FIRST);
      const heard: Uint8Array[] = [];
      await lab.target("live", listening(heard));
      const client = await clientSaying(lab, "hello", true);
      const { port } = client.local;
      assert.equal(await readText(client), "ok");
      assert.equal(Buffer.from(heard[0]!).toString(), `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${lab.port}\r\nhello`);
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.target, record!.requeues, record!.bytesIn], ["live", 1, 5]);
    }));

  it("tells it when its turn comes, to one that had to wait", () =>
    inLab(host, { sendProxy: { version: 1, tlvs: [] }, pool: { concurrency: 1 } }, async (lab) => {
      const heard: Uint8Array[] = [];
      await lab.target("one", listening(heard));
      const holder = await lab.client();
      await until("the holder", () => lab.view("one").active === 1);
      const waiter = await clientSaying(lab, "hello", true);
      await until("the waiter", () => lab.pool.waiting === 1);
      await holder.closeWrite();
      assert.equal(await readText(waiter), "ok");
      assert.equal(
        Buffer.from(heard[1]!).toString(),
        `PROXY TCP4 127.0.0.1 127.0.0.1 ${waiter.local.port} ${lab.port}\r\nhello`,
      );
      await lab.recorded(2);
    }));

  it("tells each target what it asks for itself, before what its pool says", () =>
    inLab(host, { sendProxy: { version: 2, tlvs: [] }, pool: { algorithm: "roundrobin" } }, async (lab) => {
      for (const asked of ["pool", "off", "v1"] as const) {
        const heard: Uint8Array[] = [];
        await lab.target(asked, listening(heard), { sendProxy: asked });
        await until(`a client at ${asked}`, async () => {
          await readText(await clientSaying(lab, "hello", true));
          return heard.length > 0;
        });
        const [first] = heard;
        const header = readProxyHeader(first!);
        if (asked === "off") assert.equal(Buffer.from(first!).toString(), "hello");
        else assert.ok(header.type === "whole" && (first![0] === 0x0d) === (asked === "pool"));
      }
    }));

  it("begins and ends with a change of the pool", () =>
    inLab(host, {}, async (lab) => {
      const heard: Uint8Array[] = [];
      await lab.target("one", listening(heard));
      const said = async () => {
        await readText(await clientSaying(lab, "hello", true));
        return Buffer.from(heard.at(-1)!).toString();
      };
      assert.equal(await said(), "hello");
      lab.engine.changePool({ ...lab.front.served, sendProxy: { version: 1, tlvs: [] } });
      await until("a header", async () => (await said()).startsWith("PROXY TCP4 "));
      lab.engine.changePool(lab.front.served);
      await until("none", async () => (await said()) === "hello");
    }));
}
