import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { agentCheckKind } from "../../src/config/agent-check-kind.ts";
import { checkEntry, checkKind } from "../../src/config/check-kind.ts";
import { declaredValues } from "../../src/config/declared-options.ts";
import type { Kind } from "../../src/config/kind.ts";
import { quoteBytes, readQuoted, textOfBytes } from "../../src/config/quoted-words.ts";
import { valuesOf } from "../../src/config/values.ts";
import type { Check } from "../../src/targets/health/check.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";

const DEFAULTS = { address: null, port: null, interval: 2_000, timeout: 1_000, rise: 2, fall: 3 };
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

function parsed(text: string): Check | "off" {
  const found = checkKind.parse(text);
  assert.ok(found, `${text}: ${checkKind.why!(text)}`);
  return found.value;
}

function wrong(text: string): string {
  assert.equal(checkKind.parse(text), null);
  return checkKind.why!(text)!;
}

/** As a table in a file gives it, through its text. */
function table(fields: Record<string, string>): Check | "off" | string {
  const problems: string[] = [];
  const given = new Map(Object.entries(fields).map(([name, text]) => [name, { from: name, text }]));
  const text = checkEntry.text(valuesOf(checkEntry.options, given, problems));
  assert.deepEqual(problems, []);
  return checkKind.parse(text)?.value ?? checkKind.why!(text)!;
}

const pace = {
  address: fc.option(fc.constantFrom("10.0.0.9", "::1", "db.example")),
  port: fc.option(fc.integer({ min: 1, max: 65_535 })),
  interval: fc.integer({ min: 10, max: 2 ** 31 - 1 }),
  timeout: fc.integer({ min: 10, max: 2 ** 31 - 1 }),
  rise: fc.integer({ min: 1, max: 100 }),
  fall: fc.integer({ min: 1, max: 100 }),
};
const tls = fc.option(fc.record({ verify: fc.boolean() }, { noNullPrototype: true }));
const proxy = fc.constantFrom(null, 1, 2);
const raw = fc.uint8Array({ maxLength: 12 });
const status = fc
  .integer({ min: 100, max: 599 })
  .chain((from) => fc.tuple(fc.constant(from), fc.integer({ min: from, max: 599 })));
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const checks = fc
  .oneof(
    record({ kind: fc.constant("tcp"), tls, proxy, ...pace }),
    record({ kind: fc.constant("send-expect"), tls, proxy, send: raw, expect: raw, ...pace }).filter(
      ({ send, expect }) => send.length + expect.length > 0,
    ),
    record({
      kind: fc.constant("http"),
      tls,
      proxy,
      method: fc.constantFrom("GET", "HEAD"),
      path: fc.stringMatching(/^\/([!-.0-~][!-~]{0,11})?$/),
      host: fc.option(fc.constantFrom("app.example", "[::1]:8080")),
      status: fc.array(status, { minLength: 1, maxLength: 3 }),
      body: fc.option(fc.string({ unit: "grapheme" })),
      ...pace,
    }),
    record({
      kind: fc.constant("exec"),
      command: fc
        .array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("interval=2s", "port", "-p {port}", "")), {
          minLength: 1,
          maxLength: 4,
        })
        .filter((words) => words[0] !== "" && !words.some((word) => word.includes("\0"))),
      ...pace,
    }),
  )
  .map((check) => ("tls" in check && check.tls !== null ? { ...check, proxy: null } : check)) as fc.Arbitrary<Check>;

describe("a check as text", () => {
  it("reads back as the same check, in one line, which a list of targets can hold between quotes", () => {
    fc.assert(
      fc.property(checks, (check) => {
        const text = checkKind.format(check);
        assert.deepEqual(parsed(text), check);
        assert.match(text, /^[ -~]*$/);
      }),
    );
  });

  it("is judged whatever it is: what is taken reads back the same, and anything else has a reason", () => {
    const part = fc.constantFrom(
      "tcp",
      "http:/",
      "https://",
      "exec:",
      "send:",
      "expect:",
      "a",
      "::1",
      ":80",
      "/x",
      " ",
      '"',
      "'",
      "\\",
      "\\x4",
      "0xff",
      ",",
      "=",
      "interval=",
      "rise=1",
      "port=",
      "status=200",
      "verify=off",
      "proxy=v1",
      "tls",
      "é",
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        for (const kind of [checkKind, agentCheckKind] as Kind<unknown>[]) {
          const text = parts.join("");
          const found = kind.parse(text);
          assert.equal(found === null, kind.why!(text) !== null);
          if (found !== null) assert.deepEqual(kind.parse(kind.format(found.value)), found);
        }
      }),
      { numRuns: amount(2_000) },
    );
  });

  it("says what is asked, and behind it how", () => {
    assert.deepEqual(parsed("tcp"), { kind: "tcp", tls: null, proxy: null, ...DEFAULTS });
    assert.deepEqual(parsed("tcp proxy=v2"), { kind: "tcp", tls: null, proxy: 2, ...DEFAULTS });
    assert.match(wrong("tcp proxy=v3"), /proxy=v3: give it as v1 or v2/);
    assert.match(wrong("https:/ proxy=v1"), /no TLS/);
    assert.deepEqual(
      parsed("http:/healthz?full=1 interval=500ms rise=1 status=200-299/401 host=app.example method=HEAD port=8008"),
      {
        kind: "http",
        tls: null,
        proxy: null,
        method: "HEAD",
        path: "/healthz?full=1",
        host: "app.example",
        status: [
          [200, 299],
          [401, 401],
        ],
        body: null,
        ...DEFAULTS,
        interval: 500,
        rise: 1,
        port: 8008,
      },
    );
    assert.deepEqual(parsed(String.raw`send:"PING\r\n" expect:+PONG`), {
      kind: "send-expect",
      tls: null,
      proxy: null,
      send: bytes("PING\r\n"),
      expect: bytes("+PONG"),
      ...DEFAULTS,
    });
    assert.deepEqual(parsed("exec:/usr/bin/pg_isready -h {host} port interval=5s"), {
      kind: "exec",
      command: ["/usr/bin/pg_isready", "-h", "{host}", "port"],
      ...DEFAULTS,
      interval: 5_000,
    });
    assert.equal(parsed("off"), "off");
  });

  it("has bytes in hexadecimal digits and as escapes, and quotes for what would be read otherwise", () => {
    const send = (text: string) => (parsed(text) as Extract<Check, { kind: "send-expect" }>).send;
    assert.deepEqual(send("send:0x00ff"), bytes("\0\xff"));
    assert.deepEqual(send(String.raw`send:\x00\xff`), bytes("\0\xff"));
    assert.deepEqual(send('send:"0x00ff"'), bytes("0x00ff"));
    assert.deepEqual(send("send:'\\r'"), bytes("\\r"));
    assert.deepEqual(send("send:é"), Uint8Array.from([0xc3, 0xa9]));
    const { command } = parsed(`exec:check "interval=2s"`) as Extract<Check, { kind: "exec" }>;
    assert.deepEqual(command, ["check", "interval=2s"]);
  });

  it("has an address that is asked in place of the server's own", () => {
    const at = (text: string) => {
      const { address, port } = parsed(text) as Check;
      return [address, port];
    };
    assert.deepEqual(at("http://127.0.0.1:8008/primary"), ["127.0.0.1", 8008]);
    assert.deepEqual(at("https://[::1]"), ["::1", 443]);
    assert.deepEqual(at("tcp port=8008"), [null, 8008]);
    assert.deepEqual(at("exec:x address=db.example"), ["db.example", null]);
  });

  it("is refused with what is wrong about it", () => {
    assert.match(wrong("ping"), /^give off, tcp, http:\/PATH/);
    assert.match(wrong("tcp path=/x"), /^path=\/x is none of its words: tls, verify, proxy, interval/);
    assert.match(wrong("tcp rise=2 rise=3"), /twice/);
    assert.match(wrong("http:healthz"), /^a path begins with one \//);
    assert.match(wrong("http:/ok interval=5"), /^interval=5: give a duration/);
    assert.match(wrong("http:/ok interval=1ms"), /10ms or more/);
    assert.match(wrong("http:/ok verify=off"), /TLS alone/);
    assert.match(wrong("http:/ok status=20"), /^status=20: give a status such as 200/);
    assert.match(wrong("http://a:1/ok port=2"), /leaves no room/);
    assert.match(wrong("http:/ok host=a\\r\\nX:1"), /^host=/);
    assert.match(wrong("send:"), /^give a text behind send:/);
    assert.match(wrong('send:"x'), /not closed/);
    assert.match(wrong("send:\\q"), /^\\q is no escape/);
    assert.match(wrong("exec:"), /^give a command/);
  });

  it("is nothing that a reporter may declare for its pool: it may be a program of the balancer's host", () => {
    for (const [name, text] of [
      ["check", "exec:x"],
      ["check", "tcp"],
      ["agent-check", "9999"],
    ] as const) {
      const problems: string[] = [];
      assert.deepEqual(declaredValues({ [name]: text }, problems), {});
      assert.equal(problems.length, 1);
    }
  });

  it("is the same as a table", () => {
    const http = table({ type: "http", path: "/healthz", interval: "2s", status: "200-299/401", body: "all good" });
    assert.deepEqual(http, parsed('http:/healthz status=200-299/401 body="all good"'));
    assert.deepEqual(table({ type: "https" }), parsed("https:/"));
    assert.deepEqual(
      table({ type: "send-expect", send: "PING\r\n", expect: "0x2b50" }),
      parsed('send:"PING\\r\\n" expect:+P'),
    );
    assert.deepEqual(table({ type: "tcp", tls: "on", verify: "off", fall: "1" }), parsed("tcp tls verify=off fall=1"));
    assert.deepEqual(
      table({ type: "exec", command: "pg_isready -p {port}", timeout: "3s" }),
      parsed("exec:pg_isready -p {port} timeout=3s"),
    );
    assert.match(table({ type: "tcp", path: "/x" }) as string, /^path=\/x is none of its words/);
    assert.match(table({ type: "http", command: "x" }) as string, /^command=x is none of its words/);
  });
});

describe("quoted words", () => {
  it("read back as they were, whatever they hold", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array(), fc.boolean())), (all) => {
        const texts = all.map(([each]) => Buffer.from(each).toString("latin1"));
        const text = all.map(([, bare], index) => quoteBytes(texts[index]!, bare)).join(" ");
        const words = readQuoted(text);
        assert.ok(typeof words !== "string", String(words));
        assert.deepEqual(
          words.map((word) => word.bytes),
          texts,
        );
      }),
    );
  });

  it("end at blanks, and at no byte of a character", () => {
    const bare = fc.string({ unit: "binary" }).map((text) => text.replace(/[\s"'\\]/gu, "") || "à");
    fc.assert(
      fc.property(fc.array(bare), (all) => {
        const words = readQuoted(all.join(" \t\n"));
        assert.ok(typeof words !== "string", String(words));
        assert.deepEqual(
          words.map((word) => textOfBytes(word.bytes)),
          all,
        );
      }),
    );
    const check = parsed("exec:/opt/à/РФ -x");
    assert.deepEqual(check !== "off" && check.kind === "exec" && check.command, ["/opt/à/РФ", "-x"]);
  });
});
