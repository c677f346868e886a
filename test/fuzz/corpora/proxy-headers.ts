/**
 * What proxies, and those who pass for one, send before the client's bytes: refused, or read, and then the target's reader sees in the
 * header that is written for it the same client, and behind it not a byte more or less than the client has sent.
 */
import assert from "node:assert/strict";
import { MAX_HEADER, MAX_V1, type ProxyHeader } from "../../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import { writeProxyHeader } from "../../../src/edge/proxy-header/write.ts";
import fc from "../../support/draws.ts";
import { readInPieces } from "../../support/prefixes.ts";
import { headerV2, INET, tlv } from "../../support/proxy-headers.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { bytesOf, mutated } from "../mutations.ts";

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const ssl = tlv(
  0x20,
  `\x07\0\0\0\0${text(tlv(0x21, "TLSv1.3"))}${text(tlv(0x22, "someone"))}${text(tlv(0x23, "AES"))}`,
);
const BASES = [
  "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\n\r\n",
  "PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 56324 443\r\n",
  "PROXY UNKNOWN ffff:f::f ::1 65535 65535\r\nSSH-2.0-x\r\n",
  ...[
    headerV2({}),
    headerV2({ family: 0x21, addresses: new Uint8Array(36).fill(9) }),
    headerV2({ family: 0x31, addresses: new Uint8Array(216) }),
    headerV2({ command: 0x20, family: 0, addresses: new Uint8Array(0) }),
    headerV2({ tlvs: [tlv(1, "h2"), tlv(2, "a.test"), tlv(3, "\x12\x34\x56\x78"), tlv(4, ""), tlv(5, "id"), ssl] }),
    headerV2({ addresses: INET, tlvs: [tlv(0xe0, "x".repeat(32)), tlv(0xe1, "\0\x01"), ssl] }),
  ].map((header) => `${text(header)}GET / HTTP/1.1\r\n\r\n`),
];
const DICTIONARY = [
  ...["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", "\r", "\n", "\0", " ", "65536", "0", "::", "::ffff:", "255.", "%"],
  ...[
    "\r\n\r\n\0\r\nQUIT\n",
    "\x20",
    "\x21",
    "\x11",
    "\0\0",
    "\0\x0c",
    "\0\x24",
    "\xff\xff",
    "\x10\0",
    "\x20\0\x05",
    "\x03\0\x04",
  ],
];

/** Places at which a bit of each input is turned, which makes another one of it. */
const TURNS = 9;

export const proxyHeaders: Corpus = corpus("proxy-headers", mutated(fc.constantFrom(...BASES), DICTIONARY), (drawn) => {
  const bytes = new Uint8Array(bytesOf(drawn));
  assertHarmless(bytes);
  if (bytes.length === 0) return 1;
  const within = Math.min(bytes.length, 80); // where the header is
  let at = bytes.reduce((sum, byte) => (31 * sum + byte) >>> 0, bytes.length);
  for (let n = 0; n < TURNS; n++, at += 11) {
    const bit = 1 << ((at >>> 5) % 8);
    bytes[at % within]! ^= bit;
    assertHarmless(bytes);
    bytes[at % within]! ^= bit;
  }
  return 1 + TURNS;
});

function assertHarmless(bytes: Uint8Array): void {
  const { length } = bytes;
  const cuts = [16, length >> 1, length - 1].filter((cut) => cut > 0 && cut < length);
  const result = readInPieces(readProxyHeader, bytes, cuts);
  if (result.type === "more") assert.ok(result.length <= MAX_HEADER && length < MAX_HEADER);
  if (result.type === "whole") assertSame(result.value, bytes, result.length);
}

function assertSame({ client, destination, told }: ProxyHeader, bytes: Uint8Array, length: number): void {
  const isV1 = bytes[0] === 0x50;
  assert.ok(length <= (isV1 ? MAX_V1 : MAX_HEADER));
  if (isV1) assert.equal(bytes.indexOf(0x0a), length - 1);
  const { alpn, serverName, tls } = told;
  const texts = [alpn, serverName, tls?.version, tls?.cipher, tls?.certificate?.commonName];
  for (const each of texts) if (each) assert.doesNotMatch(each, /[\p{C}\p{Zl}\p{Zp}]/u);
  const rest = bytes.subarray(length);
  for (const version of [1, 2] as const) {
    const header = writeProxyHeader(version, { client, destination, ...told });
    const again = readProxyHeader(Buffer.concat([header, rest]));
    assert.ok(again.type === "whole" && again.length === header.length);
    // An unspecified address (all zeros) is none.
    if (again.value.client !== null)
      assert.deepEqual([again.value.client, again.value.destination], [client, destination]);
    if (version === 2) assert.deepEqual(again.value.told, told);
  }
}
