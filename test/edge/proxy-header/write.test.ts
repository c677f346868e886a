import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientFacts } from "../../../src/edge/facts.ts";
import { MAX_CUSTOM, MAX_HEADER, MAX_V1 } from "../../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import {
  headerForTarget,
  type ProxiedClient,
  type ProxyTlv,
  proxyForTarget,
  type SendProxy,
} from "../../../src/edge/proxy-header/send.ts";
import { ownProxyHeader, writeProxyHeader } from "../../../src/edge/proxy-header/write.ts";
import { ASKED_PROXIES, type AskedProxy } from "../../../src/pool/asked-proxy.ts";
import { canonicalHost } from "../../../src/util/address.ts";
import { latin1 } from "../../support/client-hellos.ts";
import fc from "../../support/draws.ts";

const v4 = { host: "192.0.2.1", port: 56_324 };
const v6 = { host: "2001:db8::1", port: 1 };
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);

function readBack(bytes: Uint8Array) {
  const result = readProxyHeader(bytes);
  assert.ok(result.type === "whole", result.type === "bad" ? result.reason : result.type);
  assert.equal(result.length, bytes.length);
  return result.value;
}

describe("the PROXY header for a target", () => {
  it("of version 1 is a line", () => {
    const line = (client: typeof v4, destination: typeof v4) => text(writeProxyHeader(1, { client, destination }));
    assert.equal(line(v4, { host: "198.51.100.2", port: 443 }), "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    assert.equal(line(v6, { host: "::1", port: 443 }), "PROXY TCP6 2001:db8::1 ::1 1 443\r\n");
    assert.equal(line({ host: "fe80::1%eth0", port: 2 }, v6), "PROXY TCP6 fe80::1 2001:db8::1 2 1\r\n");
  });

  it("of version 2 has addresses as bytes", () => {
    const bytes = writeProxyHeader(2, { client: v4, destination: { host: "198.51.100.2", port: 443 } });
    assert.equal(text(bytes), "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb");
  });

  it("has both addresses in one family, since there is no header for two", () => {
    assert.equal(
      text(writeProxyHeader(1, { client: v4, destination: v6 })),
      "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 56324 1\r\n",
    );
    const bytes = writeProxyHeader(2, { client: v4, destination: v6 });
    assert.equal(bytes[13], 0x21);
    assert.deepEqual(readBack(bytes).client, v4);
  });

  it("says of a client without an address that it is not known", () => {
    for (const client of [null, { host: "", port: 0 }, { host: "localhost", port: 1 }]) {
      const nobody = { client, destination: v4, serverName: "a.test" };
      assert.equal(text(writeProxyHeader(1, nobody)), "PROXY UNKNOWN\r\n");
      const read = readBack(writeProxyHeader(2, nobody));
      assert.deepEqual([read.client, read.destination, read.told.serverName], [null, null, "a.test"]);
    }
  });

  it("of one that speaks for itself names nobody", () => {
    for (const version of [1, 2] as const) assert.equal(readBack(ownProxyHeader(version)).client, null);
  });

  it("is read as it was written, whatever it tells", () => {
    const printable = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((name) => !/[\p{C}\p{Z}\ufffd]/u.test(name));
    const name = fc.domain();
    const address = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 0, max: 65_535 }) });
    const bytes = (max: number) => fc.uint8Array({ minLength: 1, maxLength: max });
    const plain = { noNullPrototype: true };
    const shown = fc.record({ commonName: fc.option(printable), verified: fc.boolean() }, plain);
    const version = fc.constantFrom("TLSv1.2", "TLSv1.3");
    const tls = fc.record({ version, cipher: fc.option(printable), certificate: fc.option(shown) }, plain);
    const tlv = fc.record({ type: fc.integer({ min: 0xe0, max: 0xef }), value: bytes(300) }, plain);
    const headers = fc.record({
      client: address,
      destination: address,
      serverName: fc.option(name),
      alpn: fc.option(printable),
      tls: fc.option(tls),
      uniqueId: fc.option(bytes(128)),
      custom: fc.array(tlv, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(headers, (header) => {
        const written = writeProxyHeader(2, header);
        const { client, destination, told } = readBack(written);
        const canonical = (end: typeof v4) => ({ ...end, host: canonicalHost(end.host) });
        const hasEnds = [header.client, header.destination].every((end) => canonicalHost(end.host) !== "::");
        assert.deepEqual(
          [client, destination],
          hasEnds ? [canonical(header.client), canonical(header.destination)] : [null, null],
        );
        assert.deepEqual(told.serverName, header.serverName?.toLowerCase() ?? null);
        assert.deepEqual([told.alpn, told.tls], [header.alpn, header.tls]);
        assert.deepEqual([told.uniqueId, told.custom], [header.uniqueId, header.custom]);
        assert.ok(written.length <= MAX_HEADER && writeProxyHeader(1, header).length <= MAX_V1);
      }),
    );
  });

  it("has room for the longest of all that is told", () => {
    const long = "ü".repeat(500);
    const tls = { version: long, cipher: long, certificate: { commonName: long, verified: true } };
    const custom = [{ type: 0xe0, value: new Uint8Array(MAX_CUSTOM - 3) }];
    const all = { serverName: long, alpn: long, tls, uniqueId: new Uint8Array(500), custom };
    readBack(writeProxyHeader(2, { client: v6, destination: v6, ...all }));
  });

  it("longer than what receivers take is not written", () => {
    const custom = [{ type: 0xe0, value: new Uint8Array(5_000) }];
    assert.throws(() => writeProxyHeader(2, { client: v4, destination: v4, custom }), RangeError);
  });
});

describe("which header a target gets", () => {
  const v1 = { version: 1, tlvs: [] } as const;
  const v2 = { version: 2, tlvs: ["ssl"] } as const;
  const asking = (asked: AskedProxy, ofPool?: SendProxy) => proxyForTarget(ofPool, ASKED_PROXIES.indexOf(asked));

  it("is its pool's, if it asks for none", () => {
    assert.equal(asking("pool"), undefined);
    assert.equal(asking("pool", v2), v2);
    assert.equal(asking("v2", v2), v2);
  });

  it("is the one that it asks for, and then names no more than addresses", () => {
    assert.deepEqual(asking("v1"), v1);
    assert.deepEqual(asking("v1", v2), v1);
    assert.deepEqual(asking("v2", v1), { version: 2, tlvs: [] });
  });

  it("is none where it wants none", () => {
    assert.equal(asking("off", v2), undefined);
  });
});

describe("what targets are told", () => {
  const facts: ClientFacts = {
    via: null,
    destination: null,
    serverName: "a.test",
    alpn: "h2",
    tls: { version: "TLSv1.3", cipher: "AES", certificate: null },
    uniqueId: null,
  };
  const client: ProxiedClient = { client: v4, destination: v4, facts, id: "c-1" };
  const told = (tlvs: readonly ProxyTlv[], of: ProxiedClient) =>
    readBack(headerForTarget({ version: 2, tlvs }, of)).told;

  it("is what the pool's options name", () => {
    assert.equal(headerForTarget({ version: 2, tlvs: [] }, client).length, 28);
    assert.deepEqual(told(["unique-id", "authority", "alpn", "ssl", { type: 0xe3, value: "é" }], client), {
      serverName: "a.test",
      alpn: "h2",
      tls: facts.tls,
      uniqueId: latin1("c-1"),
      custom: [{ type: 0xe3, value: latin1("\xc3\xa9") }],
    });
    for (const [tlv, key] of [
      ["authority", "serverName"],
      ["alpn", "alpn"],
      ["ssl", "tls"],
    ] as const) {
      assert.deepEqual(told([tlv], client)[key], facts[key]);
    }
  });

  it("leaves out what nobody knows", () => {
    const unknown = { ...client, facts: null };
    assert.equal(headerForTarget({ version: 2, tlvs: ["authority", "alpn", "ssl"] }, unknown).length, 28);
  });

  it("has the unique id of the first proxy, if there was one", () => {
    const uniqueId = Uint8Array.of(1, 2, 3);
    assert.deepEqual(told(["unique-id"], { ...client, facts: { ...facts, uniqueId } }).uniqueId, uniqueId);
  });

  it("has no more than addresses in version 1", () => {
    assert.match(text(headerForTarget({ version: 1, tlvs: ["authority"] }, client)), /^PROXY TCP4 [\d. ]*\r\n$/);
  });
});
