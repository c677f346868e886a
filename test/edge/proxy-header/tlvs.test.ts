import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Crc32c } from "../../../src/edge/proxy-header/crc32c.ts";
import { NOTHING_TOLD, type ProxyFacts, TLV } from "../../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import { join, latin1 } from "../../support/client-hellos.ts";
import { readBytewise } from "../../support/prefixes.ts";
import { headerV2, tlv } from "../../support/proxy-headers.ts";

const read = (...tlvs: readonly Uint8Array[]) => readBytewise(readProxyHeader, headerV2({ tlvs }));

function told(...tlvs: readonly Uint8Array[]): ProxyFacts {
  const result = read(...tlvs);
  assert.ok(result.type === "whole", result.type === "bad" ? result.reason : result.type);
  return result.value.told;
}

function assertBad(reason: RegExp, ...tlvs: readonly Uint8Array[]): void {
  const result = read(...tlvs);
  assert.ok(result.type === "bad", result.type);
  assert.match(result.reason, reason);
}

const TORN = /a TLV that goes beyond its end/;
const TWICE = /the same thing twice/;
const MISSHAPEN = /of a length that it cannot have/;

const ssl = (flags: number, verify: number, ...parts: readonly Uint8Array[]) =>
  tlv(TLV.SSL, join(Uint8Array.of(flags, 0, 0, 0, verify), ...parts));

/** With a checksum, which is right where `change` changes nothing. */
function checked(change: (header: Uint8Array) => void = () => undefined): Uint8Array {
  const header = headerV2({ tlvs: [tlv(TLV.AUTHORITY, "a.test"), tlv(TLV.CRC32C, new Uint8Array(4))] });
  const crc = new Crc32c();
  crc.add(header);
  new DataView(header.buffer).setUint32(header.length - 4, crc.value);
  change(header);
  return header;
}

describe("the TLVs of a PROXY header", () => {
  it("say what the proxy knows of the client", () => {
    const facts = told(
      tlv(TLV.ALPN, "h2"),
      tlv(TLV.AUTHORITY, "WWW.Example.test."),
      tlv(TLV.UNIQUE_ID, "\x00\xff7"),
      ssl(7, 0, tlv(TLV.SSL_VERSION, "TLSv1.3"), tlv(TLV.SSL_CIPHER, "AES"), tlv(TLV.SSL_CN, "J\xc3\xbcrgen")),
      tlv(0xe0, "one"),
      tlv(0xef, ""),
      tlv(0xe0, "two"),
    );
    assert.deepEqual(facts, {
      alpn: "h2",
      serverName: "www.example.test",
      uniqueId: Uint8Array.of(0, 255, 0x37),
      tls: { version: "TLSv1.3", cipher: "AES", certificate: { commonName: "Jürgen", verified: true } },
      custom: [
        { type: 0xe0, value: latin1("one") },
        { type: 0xef, value: latin1("") },
        { type: 0xe0, value: latin1("two") },
      ],
    });
  });

  it("stay when their buffer is used for something else", () => {
    const buffer = Buffer.from(headerV2({ tlvs: [tlv(TLV.UNIQUE_ID, "id"), tlv(0xe0, "own")] }));
    const result = readProxyHeader(buffer);
    buffer.fill(0);
    assert.ok(result.type === "whole");
    assert.deepEqual(result.value.told.uniqueId, latin1("id"));
    assert.deepEqual(result.value.told.custom, [{ type: 0xe0, value: latin1("own") }]);
  });

  it("that nobody knows are passed over, and so is padding, however often", () => {
    const unknown = [0x00, 0x06, 0x30, 0x7f, 0xf0, 0xff].map((type) => tlv(type, "anything"));
    assert.deepEqual(told(...unknown, tlv(TLV.NOOP, ""), tlv(TLV.NOOP, "padding")), NOTHING_TOLD);
  });

  it("end with the header: one that is torn or overlong is refused", () => {
    for (const piece of ["\x01", "\x01\x00", "\x02\x00\x01", "\x05\xff\xffshort"]) assertBad(TORN, latin1(piece));
    assertBad(TORN, tlv(TLV.NOOP, ""), latin1("\x04\x00\x03ab"));
  });

  it("say a thing once", () => {
    assertBad(TWICE, tlv(TLV.AUTHORITY, "a.test"), tlv(TLV.AUTHORITY, "b.test"));
    assertBad(TWICE, tlv(TLV.CRC32C, "1234"), tlv(TLV.CRC32C, "1234"));
    assertBad(TWICE, ssl(1, 0, tlv(TLV.SSL_CN, "a"), tlv(TLV.SSL_CN, "b")));
  });

  it("whose text is none are as if they were not there", () => {
    for (const text of ["", "\xff\xfe", "\xc3", "a\0b", "a\nb", "\xe2\x80\xa8", "\xef\xbf\xbd", "x".repeat(257)]) {
      assert.deepEqual(told(tlv(TLV.ALPN, text), tlv(TLV.AUTHORITY, text)), NOTHING_TOLD, JSON.stringify(text));
    }
    for (const name of ["a b", "a..b", ".a", "a/b", "J\xc3\xbcrgen.test", "x".repeat(255)]) {
      assert.equal(told(tlv(TLV.AUTHORITY, name)).serverName, null, name);
    }
    assert.equal(told(tlv(TLV.UNIQUE_ID, "")).uniqueId, null);
  });

  it("give a unique id of 128 bytes at most", () => {
    assert.equal(told(tlv(TLV.UNIQUE_ID, new Uint8Array(128)))?.uniqueId?.length, 128);
    assertBad(MISSHAPEN, tlv(TLV.UNIQUE_ID, new Uint8Array(129)));
  });

  it("tell of TLS only where there was TLS, and of a certificate only where one was shown", () => {
    const version = tlv(TLV.SSL_VERSION, "TLSv1.2");
    assert.equal(told(ssl(0, 0, version)).tls, null);
    assert.deepEqual(told(ssl(1, 0, version)).tls, { version: "TLSv1.2", cipher: null, certificate: null });
    assert.deepEqual(told(ssl(1, 0)).tls, { version: "unknown", cipher: null, certificate: null });
    const name = tlv(TLV.SSL_CN, "someone");
    assert.deepEqual(told(ssl(5, 1, version, name)).tls?.certificate, { commonName: "someone", verified: false });
    assert.deepEqual(told(ssl(3, 0, version, tlv(TLV.SSL_CN, "\xff"))).tls?.certificate, {
      commonName: null,
      verified: true,
    });
  });

  it("of TLS that are torn or short are refused", () => {
    assertBad(MISSHAPEN, tlv(TLV.SSL, "\x01\0\0\0"));
    assertBad(TORN, tlv(TLV.SSL, "\x01\0\0\0\0\x21\0\x08TLSv1.3"));
    assertBad(TORN, tlv(TLV.SSL, "\x01\0\0\0\0\x21"));
  });
});

describe("the checksum of a PROXY header", () => {
  it("is Castagnoli's", () => {
    const crc = new Crc32c();
    crc.add(latin1("1234"));
    crc.add(latin1("56789"));
    assert.equal(crc.value, 0xe306_9283);
  });

  it("is held to where there is one", () => {
    const right = readBytewise(readProxyHeader, checked());
    assert.ok(right.type === "whole");
    assert.equal(right.value.told.serverName, "a.test");
  });

  it("shows any byte of addresses and TLVs that is another one", () => {
    const { length } = checked();
    for (let n = 16; n < length; n++) {
      if (n === length - 7) continue; // its own type: then there is no checksum
      const result = readProxyHeader(
        checked((header) => {
          header[n]! ^= 0x10;
        }),
      );
      assert.notEqual(result.type, "whole", `byte ${n}`);
    }
    const result = readProxyHeader(
      checked((header) => {
        header[20]! ^= 1;
      }),
    );
    assert.ok(result.type === "bad");
    assert.match(result.reason, /CRC32c/);
  });

  it("has four bytes", () => assertBad(MISSHAPEN, tlv(TLV.CRC32C, "123")));
});
