import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import {
  answerOf,
  BRIDGE_READY,
  BRIDGE_SECRET_BYTES,
  MAX_REQUEST_BYTES,
  readRequest,
  refusalByte,
  requestLength,
  secretOf,
  writeRequest,
} from "../../src/tls/bridge-protocol.ts";
import { NET_CODES } from "../../src/util/net-codes.ts";
import fc from "../support/draws.ts";

const secret = new Uint8Array(BRIDGE_SECRET_BYTES).fill(7);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const request = fc.record({
  terms: fc.nat({ max: 0xffffffff }),
  port: fc.nat({ max: 65_535 }),
  host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant("/run/socket")),
  preface: fc.uint8Array({ maxLength: 5000 }),
  rest: fc.uint8Array({ maxLength: 100 }),
});

test("what is written is read, whatever follows it", () => {
  fc.assert(
    fc.property(request, ({ terms, port, host, preface, rest }) => {
      const bytes = new Uint8Array(MAX_REQUEST_BYTES);
      const length = writeRequest(bytes, secret, terms, port, utf8(host), preface);
      equal(length, requestLength(utf8(host), preface));
      bytes.set(rest, length);
      const sent = bytes.subarray(0, length + rest.length);
      deepEqual(secretOf(sent), secret);
      deepEqual(readRequest(sent), { terms, target: port === 0 ? { path: host } : { host, port }, preface, length });
    }),
  );
});

test("a part of a request is no request yet", () => {
  fc.assert(
    fc.property(request, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (each, share) => {
      const bytes = new Uint8Array(MAX_REQUEST_BYTES);
      const length = writeRequest(bytes, secret, each.terms, each.port, utf8(each.host), each.preface);
      equal(readRequest(bytes.subarray(0, Math.floor(length * share))), null);
    }),
  );
});

test("lengths that nobody writes are refused before they come", () => {
  const bytes = new Uint8Array(42);
  equal(readRequest(bytes), "bad"); // no host
  bytes.fill(0xff);
  equal(readRequest(bytes), "bad");
  throws(() => writeRequest(new Uint8Array(99_999), secret, 0, 1, new Uint8Array(257), new Uint8Array()), RangeError);
  throws(() => writeRequest(new Uint8Array(99_999), secret, 0, 1, utf8("::1"), new Uint8Array(8193)), RangeError);
});

test("each reason comes back as it was", () => {
  for (const code of NET_CODES) equal(answerOf(refusalByte(code)), code);
  equal(answerOf(BRIDGE_READY), null);
  equal(answerOf(255), "EUNKNOWN");
});
