/** Addresses and names of hosts: what is an address, which are the same, which lies in which range, and how one is shown. */
import assert from "node:assert/strict";
import { BlockList, isIP, isIPv4 } from "node:net";
import { viewOf } from "../../../src/control/protocol/hello.ts";
import {
  canonicalHost,
  formatRange,
  inRange,
  isWildcard,
  parseIp,
  parseRange,
  plainHost,
} from "../../../src/util/address.ts";
import { addressWords, clientKey, clientText, formatWords, parseIpv4 } from "../../../src/util/client-key.ts";
import { embeddedIpv4, facesOf } from "../../../src/util/embedded-ipv4.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { mutated } from "../mutations.ts";

const v4 = fc.ipV4();
const inner = fc
  .tuple(fc.constantFrom("::ffff:", "64:ff9b::", "::", "::ffff:0:", "2002:"), v4)
  .map((parts) => parts.join(""));
const special = fc.constantFrom(
  "localhost",
  "0.0.0.0",
  "127.1",
  "0177.0.0.1",
  "0x7f.0.0.1",
  "2130706433",
  "255.255.255.255",
  "::",
  "::1",
  "::1%lo",
  "fe80::1%eth0",
  "2002:7f00:1::",
  "64:ff9b:1::7f00:1",
  "1.2.3.4.",
  "xn--bcher-kva.example",
  "*",
);
const host = fc.oneof(v4, fc.ipV4Extended(), fc.ipV6(), inner, special, fc.domain());
const DICTIONARY = [".", ":", "::", "%", "/", "[", "]", "ffff", "0", "00", "0x", "256", " ", "\0", "١", "。"];

export const hosts: Corpus = corpus(
  "hosts",
  fc.tuple(mutated(host, DICTIONARY), mutated(host, DICTIONARY), fc.integer({ min: -1, max: 129 })),
  ([text, other, bits]) => {
    const ip = parseIp(text);
    // What is no address to the system is none here, lest a name that is resolved be judged as an address.
    if (ip !== null) assert.notEqual(isIP(text), 0);
    else if (isIP(text) !== 0) assert.ok(text.includes("%"), "only an address with a zone is left to be resolved");
    const canonical = canonicalHost(text);
    assert.equal(canonicalHost(canonical), canonical);
    assert.equal(ip === null, parseIp(canonical) === null);
    if (ip !== null) assert.equal(canonicalHost(plainHost(text.toLowerCase())), canonical);
    isWildcard(text);
    viewOf({ host: text, port: 1 });
    assert.equal(parseIpv4(text) >= 0, isIPv4(text) || isIPv4(withoutZeros(text)));
    const words = new Uint32Array(4);
    const name = clientText(clientKey(text, words));
    if (ip !== null) {
      assert.equal(formatWords(addressWords(text, words), 0), canonical.replace(/%.*/, ""));
      assert.ok(inRange(ip, parseRange(name)!), `${text} is not of the client ${name}`);
      for (const face of facesOf(ip)) embeddedIpv4(face);
    }
    assertRange(text, other, bits);
    return 2;
  },
);

/** As parseIpv4() reads it: with zeros in front, which the system may not take. */
function withoutZeros(text: string): string {
  return text.replace(/(?<![0-9])0+(?=[0-9])/g, "");
}

/** Against the system's own idea of a range. */
function assertRange(text: string, other: string, bits: number): void {
  const range = parseRange(`${text}/${bits}`);
  const ip = parseIp(other);
  if (range === null) return;
  assert.equal(formatRange(parseRange(formatRange(range))!), formatRange(range));
  if (ip === null || ip.toString().includes("%") || range.base.toString().includes("%")) return;
  const list = new BlockList();
  list.addSubnet(range.base.toString(), range.bits, range.base.kind());
  const isIn = range.base.kind() === ip.kind() && list.check(ip.toString(), ip.kind());
  assert.equal(inRange(ip, range), isIn);
}
