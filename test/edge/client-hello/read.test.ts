import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientHello } from "../../../src/edge/client-hello/message.ts";
import { MAX_HELLO, readClientHello } from "../../../src/edge/client-hello/read.ts";
import {
  alpnExtension,
  clientHello,
  type Extension,
  type HelloParts,
  helloBody,
  join,
  latin1,
  message,
  nameExtension,
  records,
  vector,
} from "../../support/client-hellos.ts";
import fc from "../../support/draws.ts";
import { readBytewise, readings } from "../../support/prefixes.ts";

const read = (bytes: Uint8Array) => readBytewise(readClientHello, bytes);

function hello(bytes: Uint8Array): ClientHello {
  const result = read(bytes);
  assert.ok(result.type === "whole", result.type === "bad" ? result.reason : result.type);
  assert.equal(result.length, bytes.length);
  return result.value;
}

function assertBad(bytes: Uint8Array, reason: RegExp): void {
  const result = read(bytes);
  assert.ok(result.type === "bad", result.type);
  assert.match(result.reason, reason);
}

const MALFORMED = /is malformed/;
const OVERLONG = /too long/;
const NO_RECORD = /is no handshake record, or has an impossible length/;

const withExtensions = (...extensions: readonly Extension[]) => clientHello({ extensions });

describe("a ClientHello", () => {
  it("asks for a name and for protocols", () => {
    assert.deepEqual(hello(clientHello({ serverName: "a.test", alpn: ["h2", "http/1.1"] })), {
      serverName: "a.test",
      alpn: ["h2", "http/1.1"],
    });
  });

  it("may ask for neither", () => {
    const nothing = { serverName: null, alpn: [] };
    assert.deepEqual(hello(clientHello({})), nothing);
    assert.deepEqual(hello(clientHello({ isOld: true, sessionId: new Uint8Array(0) })), nothing);
  });

  it("asks for the same name in capitals, and with a dot at its end", () => {
    assert.equal(hello(clientHello({ serverName: "WWW.Ex_am-ple.TEST." })).serverName, "www.ex_am-ple.test");
  });

  it("may have anything that is not looked at, and GREASE", () => {
    const grease = { type: 0x8a8a, data: Uint8Array.of(0) };
    const parts = {
      serverName: "a.test",
      alpn: ["\x0a\x0a", "h2"],
      extensions: [grease, { type: 65_037, data: new Uint8Array(300) }],
    };
    assert.deepEqual(hello(clientHello(parts)), { serverName: "a.test", alpn: ["h2"] });
  });

  it("comes in records of any length, and says the same", () => {
    const parts = { serverName: "a.test", alpn: ["h2"] };
    for (const lengths of [[1], [2], [3], [4], [5], [1, 400], [4, 1, 400], [60], [7, 11, 13]]) {
      assert.deepEqual(hello(clientHello(parts, ...lengths)), parts, `${lengths}`);
    }
  });

  it("ends before what follows it, such as early data", () => {
    const bytes = clientHello({ serverName: "a.test" });
    const result = read(join(bytes, latin1("\x17\x03\x03\0\x05early")));
    assert.ok(result.type === "whole");
    assert.equal(result.length, bytes.length);
  });

  it("is read a few dozen times at most, however small its pieces are", () => {
    const large = message(helloBody({ extensions: [{ type: 21, data: new Uint8Array(4_000) }] }));
    assert.ok(readings(readClientHello, records(large, 1)) < 60);
    assert.ok(readings(readClientHello, records(large, 4_000)) < 6);
    assert.equal(readings(readClientHello, records(large)), 5);
  });
});

describe("what is no TLS", () => {
  for (const [what, bytes] of [
    ["HTTP", latin1("GET / HTTP/1.1\r\n")],
    ["SSH", latin1("SSH-2.0-x\r\n")],
    ["a hello of SSL 2", Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10)],
    ["a record of another version", Uint8Array.of(22, 2, 0, 0, 5)],
    ["application data", Uint8Array.of(23, 3, 3, 0, 5)],
    ["zeros", new Uint8Array(20)],
  ] as const) {
    it(`is told by its first two bytes: ${what}`, () => {
      assert.equal(read(bytes).type, "foreign");
      assert.equal(readClientHello(bytes.subarray(0, 2)).type, "foreign");
    });
  }

  it("may still be some with its first byte, and is not waited for longer than for two", () => {
    assert.deepEqual(readClientHello(new Uint8Array(0)), { type: "more", length: 1 });
    assert.deepEqual(readClientHello(Uint8Array.of(22)), { type: "more", length: 2 });
  });
});

describe("a ClientHello that is refused", () => {
  const body = helloBody({ serverName: "a.test" });

  it("is another message", () => assertBad(records(message(body, 2)), /something else than a ClientHello/));

  it("has records of other kinds among its own, empty ones, or longer ones than there are", () => {
    const bytes = records(message(body), 20);
    assertBad(join(bytes.subarray(0, 25), Uint8Array.of(21, 3, 1, 0, 2, 1, 0)), NO_RECORD);
    assertBad(join(bytes.subarray(0, 25), Uint8Array.of(22, 3, 1, 0, 0)), NO_RECORD);
    assertBad(Uint8Array.of(22, 3, 1, 0x40, 1), NO_RECORD);
  });

  it("is longer than any is, as its length says at once", () => {
    assertBad(Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 0x40, 0), OVERLONG);
    assertBad(Uint8Array.of(22, 3, 1, 2, 0, 1, 255, 255, 255), OVERLONG);
    const largest = Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 0x3f, 0xfc);
    assert.equal(read(largest).type, "more");
  });

  it("comes in so many records that it never ends", () => {
    const long = message(helloBody({ extensions: [{ type: 21, data: new Uint8Array(10_000) }] }));
    const bytes = records(long, 1);
    assert.ok(bytes.length > MAX_HELLO);
    let wanted = 0;
    for (let result = readClientHello(bytes.subarray(0, 0)); result.type === "more"; ) {
      wanted = result.length;
      result = readClientHello(bytes.subarray(0, wanted));
      if (result.type !== "more") assert.equal(result.type, "bad");
    }
    assert.ok(wanted <= MAX_HELLO);
  });

  it("has more in its last record than itself", () => {
    assertBad(records(join(message(body), Uint8Array.of(0))), MALFORMED);
    assertBad(records(join(message(body), message(body))), MALFORMED);
  });

  it("is empty, or has parts of lengths that they cannot have", () => {
    assertBad(records(message(new Uint8Array(0))), MALFORMED);
    assertBad(clientHello({ sessionId: new Uint8Array(33) }), MALFORMED);
    for (const cut of [1, 20, 34, 40, body.length - 1]) assertBad(records(message(body.subarray(0, cut))), MALFORMED);
    assertBad(records(message(join(body, Uint8Array.of(0)))), MALFORMED);
  });

  it("asks for no ciphers, half a one, or no compression, which each hello has", () => {
    const start = join(Uint8Array.of(3, 3), new Uint8Array(32), Uint8Array.of(0));
    const none = Uint8Array.of(1, 0);
    assertBad(records(message(join(start, vector(2), none))), MALFORMED);
    assertBad(records(message(join(start, vector(2, Uint8Array.of(1)), none))), MALFORMED);
    assertBad(records(message(join(start, vector(2, Uint8Array.of(0x13, 1)), Uint8Array.of(0)))), MALFORMED);
  });

  for (const [what, name] of [
    ["is empty", ""],
    ["has a byte of zero", "a.test\0.b.test"],
    ["has a space", "a b"],
    ["has empty labels", "a..test"],
    ["begins with a dot", ".a.test"],
    ["is a dot", "."],
    ["is not in ASCII", "b\xc3\xbccher.test"],
    ["is a wildcard", "*.a.test"],
    ["is longer than names are", `${"a.".repeat(127)}test`],
  ] as const) {
    it(`asks for a name that ${what}`, () => assertBad(clientHello({ serverName: name }), MALFORMED));
  }

  it("asks for two names, or for protocols twice: which one is meant, nobody knows", () => {
    assertBad(withExtensions(nameExtension("a.test"), nameExtension("b.test")), MALFORMED);
    assertBad(withExtensions(alpnExtension(["h2"]), alpnExtension(["h2"])), MALFORMED);
    const name = join(Uint8Array.of(0), vector(2, latin1("a.test")));
    assertBad(withExtensions({ type: 0, data: vector(2, name, name) }), MALFORMED);
  });

  it("has extensions for name or protocols that are torn", () => {
    for (const { data, type } of [nameExtension("a.test"), alpnExtension(["h2", "h3"])]) {
      for (let cut = 0; cut < data.length; cut++) {
        assertBad(withExtensions({ type, data: data.subarray(0, cut) }), MALFORMED);
      }
      assertBad(withExtensions({ type, data: join(data, Uint8Array.of(0)) }), MALFORMED);
    }
    assertBad(withExtensions(alpnExtension([])), MALFORMED);
    assertBad(withExtensions(alpnExtension(["h2", ""])), MALFORMED);
    assertBad(withExtensions({ type: 0, data: vector(2, Uint8Array.of(1), vector(2, latin1("a.test"))) }), MALFORMED);
  });
});

describe("any ClientHello", () => {
  const protocol = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 20,
  });
  const other = fc.record({
    type: fc.integer({ min: 17, max: 65_535 }),
    data: fc.uint8Array({ maxLength: 300 }),
  });
  const parts: fc.Arbitrary<HelloParts> = fc.record(
    {
      serverName: fc.domain(),
      alpn: fc.array(protocol, { minLength: 1, maxLength: 5 }),
      extensions: fc.array(other, { maxLength: 4 }),
      sessionId: fc.uint8Array({ maxLength: 32 }),
    },
    { requiredKeys: [] },
  );
  const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

  it("says what it was made of, in whatever records it comes", () => {
    fc.assert(
      fc.property(parts, lengths, (made, pieces) => {
        const result = readClientHello(clientHello(made, ...pieces));
        assert.ok(result.type === "whole");
        const { alpn, serverName } = result.value;
        assert.deepEqual([serverName, alpn], [made.serverName?.toLowerCase() ?? null, made.alpn ?? []]);
      }),
    );
  });
});
