import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_V1, NOTHING_TOLD } from "../../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../../src/edge/proxy-header/read.ts";
import { canonicalHost } from "../../../src/util/address.ts";
import { latin1 } from "../../support/client-hellos.ts";
import fc from "../../support/draws.ts";
import { readBytewise } from "../../support/prefixes.ts";

const read = (text: string) => readBytewise(readProxyHeader, latin1(text));

function assertBad(text: string, reason: RegExp): void {
  const result = read(text);
  assert.ok(result.type === "bad", `${JSON.stringify(text)}: ${result.type}`);
  assert.match(result.reason, reason, JSON.stringify(text));
}

const NO_LINE = /\(version 1\) is not one/;
const ENDLESS = /does not end within 107 bytes/;

describe("a PROXY header of version 1", () => {
  it("names the client and where it has connected to", () => {
    assert.deepEqual(read("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET /"), {
      type: "whole",
      length: 45,
      value: {
        client: { host: "192.0.2.1", port: 56_324 },
        destination: { host: "198.51.100.2", port: 443 },
        told: NOTHING_TOLD,
      },
    });
    const six = read("PROXY TCP6 2001:DB8:0:0::1 ::1 0 65535\r\n");
    assert.ok(six.type === "whole");
    assert.deepEqual(six.value.client, { host: "2001:db8::1", port: 0 });
    assert.deepEqual(six.value.destination, { host: "::1", port: 65_535 });
  });

  it("that says UNKNOWN names nobody, whatever follows in its line", () => {
    for (const rest of ["", " ", " ffff:f::f ::1 65535 65535", " \0\xff\x80 what ever"]) {
      const text = `PROXY UNKNOWN${rest}\r\n`;
      const result = read(`${text}more`);
      assert.ok(result.type === "whole", text);
      assert.equal(result.length, text.length);
      assert.equal(result.value.client, null);
    }
  });

  it("is as long as two IPv6 addresses written out are, and no longer", () => {
    const full = `PROXY UNKNOWN ${"f".repeat(MAX_V1 - 16)}\r\n`;
    assert.equal(full.length, MAX_V1);
    assert.equal(read(`${full}more`).type, "whole");
    assertBad(full.replace("ff", "fff"), ENDLESS);
    assertBad(`PROXY TCP4 ${"1".repeat(200)}`, ENDLESS);
  });

  it("without an end is refused at its 107th byte, and waited for until then", () => {
    const start = `PROXY TCP4 1.2.3.4 ${"5".repeat(80)}`;
    for (const text of ["", "P", "PROXY ", "PROXY TCP4 1.2.3.4", "PROXY UNKNOWN", "PROXY UNKNOWN\r"]) {
      assert.equal(read(text).type, "more", text);
    }
    assert.equal(read(start).type, "more");
    assertBad(start.padEnd(MAX_V1, "5"), ENDLESS);
  });

  it("ends with CR and LF: none without the other is an end, nor part of a line", () => {
    const line = "PROXY TCP4 1.2.3.4 5.6.7.8 9 10";
    assertBad(`${line}\n`, NO_LINE);
    assertBad(`${line}\rX`, NO_LINE);
    assertBad(`${line}\r\r\n`, NO_LINE);
    assertBad("PROXY UNKNOWN a\nb\r\n", NO_LINE);
    assertBad("PROXY UNKNOWN\rGET / HTTP/1.1\r\n", NO_LINE);
  });

  it("is not looked for behind anything else", () => {
    for (const text of [
      "GET / HTTP/1.1\r\n",
      " PROXY UNKNOWN\r\n",
      "proxy UNKNOWN\r\n",
      "PROXYUNKNOWN\r\n",
      "\0",
      "X",
    ]) {
      assertBad(text, /does not begin with a PROXY header/);
    }
  });

  for (const [what, line] of [
    ["another family", "TCP5 1.2.3.4 5.6.7.8 9 10"],
    ["UDP", "UDP4 1.2.3.4 5.6.7.8 9 10"],
    ["UNKNOWN with something behind it", "UNKNOWNS"],
    ["small letters", "tcp4 1.2.3.4 5.6.7.8 9 10"],
    ["nothing", ""],
    ["too few words", "TCP4 1.2.3.4 5.6.7.8 9"],
    ["too many words", "TCP4 1.2.3.4 5.6.7.8 9 10 11"],
    ["two spaces", "TCP4 1.2.3.4  5.6.7.8 9 10"],
    ["a space at the end", "TCP4 1.2.3.4 5.6.7.8 9 10 "],
    ["a tabulator", "TCP4 1.2.3.4\t5.6.7.8 9 10"],
    ["IPv6 as TCP4", "TCP4 ::1 ::2 9 10"],
    ["IPv4 as TCP6", "TCP6 1.2.3.4 5.6.7.8 9 10"],
    ["two families", "TCP4 1.2.3.4 ::1 9 10"],
    ["a name", "TCP4 localhost 5.6.7.8 9 10"],
    ["a short address", "TCP4 1.2.3 5.6.7.8 9 10"],
    ["a number too large", "TCP4 1.2.3.256 5.6.7.8 9 10"],
    ["an octal address", "TCP4 1.2.3.010 5.6.7.8 9 10"],
    ["a hexadecimal address", "TCP4 0x1.2.3.4 5.6.7.8 9 10"],
    ["a zone", "TCP6 fe80::1%eth0 ::1 9 10"],
    ["brackets", "TCP6 [::1] ::1 9 10"],
    ["two gaps", "TCP6 ::1::2 ::1 9 10"],
    ["no port", "TCP4 1.2.3.4 5.6.7.8  10"],
    ["a port too large", "TCP4 1.2.3.4 5.6.7.8 65536 10"],
    ["a port of many digits", "TCP4 1.2.3.4 5.6.7.8 000080 10"],
    ["a port with a zero before", "TCP4 1.2.3.4 5.6.7.8 080 10"],
    ["a signed port", "TCP4 1.2.3.4 5.6.7.8 +80 10"],
    ["a negative port", "TCP4 1.2.3.4 5.6.7.8 9 -1"],
    ["a port with a fraction", "TCP4 1.2.3.4 5.6.7.8 8.0 10"],
    ["a byte of zero", "TCP4 1.2.3.4\0 5.6.7.8 9 10"],
    ["no ASCII", "TCP4 1.2.3.4 5.6.7.8 9 \xb2"],
    ["digits of another script", "TCP4 1.2.3.4 5.6.7.8 9 \xd9\xa1"],
  ] as const) {
    it(`with ${what} is refused`, () => assertBad(`PROXY ${line}\r\n`, NO_LINE));
  }

  it("is read as it was written, for any address", () => {
    const v4 = fc.record({ family: fc.constant("TCP4"), from: fc.ipV4(), to: fc.ipV4() });
    const v6 = fc.record({ family: fc.constant("TCP6"), from: fc.ipV6(), to: fc.ipV6() });
    const port = fc.integer({ min: 0, max: 65_535 });
    const ends = fc.record({ line: fc.oneof(v4, v6), fromPort: port, toPort: port });
    fc.assert(
      fc.property(ends, fc.string(), ({ fromPort, line: { family, from, to }, toPort }, more) => {
        const text = `PROXY ${family} ${from} ${to} ${fromPort} ${toPort}\r\n`;
        const result = readProxyHeader(latin1(text + more));
        assert.ok(result.type === "whole");
        assert.equal(result.length, text.length);
        assert.deepEqual(result.value.client, { host: canonicalHost(from), port: fromPort });
        assert.deepEqual(result.value.destination, { host: canonicalHost(to), port: toPort });
      }),
    );
  });
});
