import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_V2_REST, NOTHING_TOLD, type ProxyHeader } from "../../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import { join, latin1 } from "../../support/client-hellos.ts";
import { readBytewise } from "../../support/prefixes.ts";
import { headerV2, INET, SIGNATURE, type V2Parts } from "../../support/proxy-headers.ts";

const read = (bytes: Uint8Array) => readBytewise(readProxyHeader, bytes);
const MORE = latin1("GET / HTTP/1.1\r\n");

/** The header is followed by what the client says, which is none of it. */
function readWhole(parts: V2Parts): ProxyHeader {
  const header = headerV2(parts);
  const result = read(join(header, MORE));
  assert.ok(result.type === "whole", result.type === "bad" ? result.reason : result.type);
  assert.equal(result.length, header.length);
  return result.value;
}

function assertBad(bytes: Uint8Array, reason: RegExp): void {
  const result = read(bytes);
  assert.ok(result.type === "bad", result.type);
  assert.match(result.reason, reason);
}

const INET6 = join(
  Uint8Array.of(0x20, 1, 13, 184, ...new Array(11).fill(0), 1),
  Uint8Array.of(...new Array(10).fill(0), 255, 255, 10, 0, 0, 1),
  Uint8Array.of(220, 4, 1, 187),
);
const NOBODY: ProxyHeader = { client: null, destination: null, told: NOTHING_TOLD };
const SHORT = /no room for the addresses/;
const UNKNOWN = /not known/;

describe("a PROXY header of version 2", () => {
  it("names the client and where it has connected to", () => {
    assert.deepEqual(readWhole({}), {
      client: { host: "192.0.2.1", port: 56_324 },
      destination: { host: "198.51.100.2", port: 443 },
      told: NOTHING_TOLD,
    });
  });

  it("has IPv6 as well, and of that an IPv4 address within is one", () => {
    assert.deepEqual(readWhole({ family: 0x21, addresses: INET6 }), {
      client: { host: "2001:db8::1", port: 56_324 },
      destination: { host: "10.0.0.1", port: 443 },
      told: NOTHING_TOLD,
    });
  });

  it("of a proxy that speaks for itself (LOCAL) names nobody, and all else in it is passed over", () => {
    for (const family of [0x00, 0x11, 0x21, 0xf7]) {
      assert.deepEqual(readWhole({ command: 0x20, family, addresses: new Uint8Array(0) }), NOBODY);
      assert.deepEqual(readWhole({ command: 0x20, family, addresses: latin1("\x02\xff\xffanything") }), NOBODY);
    }
  });

  it("for what is no TCP connection names nobody: UNSPEC, Unix sockets, datagrams", () => {
    assert.deepEqual(readWhole({ family: 0x00, addresses: new Uint8Array(0) }), NOBODY);
    assert.deepEqual(readWhole({ family: 0x31, addresses: new Uint8Array(216) }), NOBODY);
    assert.deepEqual(readWhole({ family: 0x12 }), NOBODY);
    assert.deepEqual(readWhole({ family: 0x10 }), NOBODY);
  });

  it("whose length leaves no room for its addresses is refused before any more of it has come", () => {
    for (const length of [0, 1, 11]) assertBad(headerV2({ length, addresses: new Uint8Array(0) }), SHORT);
    assertBad(headerV2({ family: 0x21, length: 35, addresses: new Uint8Array(0) }), SHORT);
    assertBad(headerV2({ family: 0x31, length: 215, addresses: new Uint8Array(0) }), SHORT);
  });

  it("of another version, command, family or protocol is refused", () => {
    for (const command of [0x01, 0x11, 0x31, 0xf1, 0x22, 0x2f]) assertBad(headerV2({ command }), UNKNOWN);
    for (const family of [0x41, 0xf1, 0x13, 0x1f, 0xff]) assertBad(headerV2({ family }), UNKNOWN);
  });

  it("is waited for until it is whole, and wants no byte more", () => {
    const header = headerV2({});
    for (const [cut, wants] of [
      [0, 15],
      [1, 16],
      [15, 16],
      [16, 28],
      [27, 28],
    ] as const) {
      const result = readProxyHeader(header.subarray(0, cut));
      assert.deepEqual(result, { type: "more", length: wants }, `${cut}`);
    }
  });

  it("that is longer than is read is refused with its first 16 bytes", () => {
    const header = headerV2({ length: MAX_V2_REST + 1 });
    assertBad(header.subarray(0, 16), /longer than 4112 bytes/);
    assert.equal(read(headerV2({ length: MAX_V2_REST }).subarray(0, 16)).type, "more");
    assert.equal(read(headerV2({ command: 0x20, length: 65_535 })).type, "bad");
  });

  it("begins with all of its signature", () => {
    for (let n = 0; n < SIGNATURE.length; n++) {
      const header = headerV2({});
      header[n]! ^= 1;
      assertBad(header, /does not begin with a PROXY header/);
    }
  });

  it("may lie anywhere in a buffer", () => {
    const bytes = join(MORE, headerV2({}));
    const result = readProxyHeader(bytes.subarray(MORE.length));
    assert.ok(result.type === "whole");
    assert.deepEqual(result.value.client, { host: "192.0.2.1", port: 56_324 });
    assert.equal(INET.length, 12);
  });
});
