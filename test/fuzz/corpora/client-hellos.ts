/** ClientHellos, and what is none: whatever comes, however it is cut, is told apart once and for all; and what is asked for leads to a route, or to none. */
import assert from "node:assert/strict";
import { MAX_HELLO, readClientHello } from "../../../src/edge/client-hello/read.ts";
import { RouteTable } from "../../../src/edge/routes.ts";
import { clientHello } from "../../support/client-hellos.ts";
import fc from "../../support/draws.ts";
import { readInPieces } from "../../support/prefixes.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { bytesOf, mutated } from "../mutations.ts";

const padding = { type: 21, data: new Uint8Array(200) };
const BASES = [
  clientHello({ serverName: "a.test", alpn: ["h2", "http/1.1"] }),
  clientHello({ serverName: "www.a.test", extensions: [padding] }, 100),
  clientHello({ serverName: "a.test", alpn: ["acme-tls/1"] }, 7),
  clientHello({ isOld: true }),
  clientHello({ alpn: ["h2"], sessionId: new Uint8Array(0) }, 1),
].map((bytes) => String.fromCharCode(...bytes));
const DICTIONARY = [
  ...["\x16\x03\x01", "\x16\x03\x03\0\x01", "\x15\x03\x01\0\x02", "\x01\0\0", "\x01\xff\xff\xff", "\0\0", "\xff\xff"],
  ...[
    "\0\0\0\x0b\0\x09\0\0\x06a.test",
    "\0\x10\0\x05\0\x03\x02h2",
    "\x80\x2e\x01",
    "*.",
    "..",
    "\0",
    "GET / HTTP/1.1\r\n",
  ],
];
const ROUTES = new RouteTable([
  { names: ["a.test"], alpn: [] },
  { names: ["*.a.test"], alpn: ["h2"] },
  { names: [], alpn: ["acme-tls/1"] },
]);

export const clientHellos: Corpus = corpus("client-hellos", mutated(fc.constantFrom(...BASES), DICTIONARY), (drawn) => {
  const cuts = [1, 2, 5, 9, 50, drawn.length >> 1, drawn.length - 1].filter((cut) => cut > 0 && cut < drawn.length);
  const result = readInPieces(readClientHello, bytesOf(drawn), cuts);
  if (result.type === "more") assert.ok(result.length <= MAX_HELLO);
  if (result.type !== "whole") return undefined;
  const { alpn, serverName } = result.value;
  if (serverName !== null) assert.match(serverName, /^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/);
  for (const protocol of alpn) assert.match(protocol, /^[!-~]{1,255}$/);
  const route = ROUTES.find(serverName, alpn);
  assert.ok(route >= -1 && route < 3);
  if (serverName === "a.test") assert.equal(route, 0);
  return undefined;
});
