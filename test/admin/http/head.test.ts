/** The heads of requests: what is read out of them, what is refused, and that another server would not understand them differently. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import { endOfHead, type Head, HttpFault, LONGEST_HEAD, parseHead } from "../../../src/admin/http/head.ts";
import { bytesOf, mutated } from "../../fuzz/mutations.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { DICTIONARY, drawn, HEADS, written } from "./heads.ts";

/** As a connection reads it; null: it has no end. */
function read(text: string): Head | null {
  const end = endOfHead(bytesOf(text), 0);
  return end < 0 ? null : parseHead(text.slice(0, end));
}

function refused(text: string, status: number, why: RegExp): void {
  assert.throws(
    () => read(text),
    (error: unknown) => error instanceof HttpFault && error.status === status && why.test(error.message),
    JSON.stringify(text.slice(0, 80)),
  );
}

const withFields = (...lines: string[]) =>
  `POST /a HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

describe("the head of a request", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(drawn, (head) => {
        const got = read(written(head))!;
        assert.deepEqual([got.method, got.target, got.length], [head.method, head.target, head.length]);
        assert.equal(got.fields.get("host"), head.host);
        for (const [name] of head.fields) {
          const same = head.fields.filter(([other]) => other.toLowerCase() === name.toLowerCase());
          assert.equal(got.fields.get(name.toLowerCase()), same.map(([, value]) => value).join(", "));
        }
      }),
    );
  });

  it("ends at the same byte in whatever pieces it comes", () => {
    fc.assert(
      fc.property(drawn, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (head, sizes) => {
        const bytes = bytesOf(`${written(head)}the next`);
        let seen = 0;
        for (let n = 0; ; n++) {
          const there = Math.min(seen + sizes[n % sizes.length]!, bytes.length);
          const end = endOfHead(bytes.subarray(0, there), seen);
          seen = there;
          if (end < 0) continue;
          assert.equal(end, written(head).length);
          return;
        }
      }),
    );
  });

  it("says whether there will be another one", () => {
    const keeps = (line: string) => read(withFields(line))!.keepAlive;
    assert.equal(keeps("Accept: */*"), true);
    assert.equal(keeps("Connection: keep-alive"), true);
    assert.equal(keeps("Connection: close"), false);
    assert.equal(keeps("Connection: TE, Close"), false);
    assert.equal(read("GET / HTTP/1.0\r\n\r\n")!.keepAlive, false);
    assert.equal(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")!.keepAlive, false);
  });

  it("may wait with its body, as HTTP/1.1 can", () => {
    assert.equal(read(withFields("Expect: 100-continue", "Content-Length: 3"))!.expectsContinue, true);
    assert.equal(read("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")!.expectsContinue, false);
    refused(withFields("Expect: something"), 417, /100-continue/);
  });

  it("is refused where two programs could read it differently", () => {
    refused(withFields("Content-Length: 5", "Content-Length: 5"), 400, /comes twice/);
    refused(withFields("Content-Length: 5, 5"), 400, /no number/);
    for (const length of ["+5", "-1", "0x5", "5.0", "", "5 5", "1e3", "9999999999999999"])
      refused(withFields(`Content-Length: ${length}`), 400, /no number/);
    refused(withFields("Content-Length: 5", "Transfer-Encoding: chunked"), 400, /contradict/);
    refused(withFields("Transfer-Encoding: chunked"), 411, /Content-Length/);
    refused(withFields("Transfer-Encoding: identity"), 411, /Content-Length/);
    refused(withFields("Host: b"), 400, /Host comes twice/);
    refused(withFields("Content-Length : 5"), 400, /NAME: VALUE/);
    refused(withFields("X: a", " folded"), 400, /NAME: VALUE/);
    refused(withFields("X: a\rb"), 400, /NAME: VALUE/);
    refused(withFields("X: a\0b"), 400, /NAME: VALUE/);
    refused("POST / HTTP/1.1\nHost: a\r\n\r\n", 400, /CR LF/);
    refused("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, /empty line/);
  });

  it("needs a method, a path and a version that are known", () => {
    refused("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501, /only GET/);
    refused("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, /only GET/);
    refused("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, /only GET/);
    refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, /HTTP\/1\.1/);
    refused("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, /HTTP\/1\.1/);
    refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, /METHOD/);
    refused("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, /METHOD/);
    refused("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, /slash/);
    refused("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, /slash/);
    refused("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, /no #/);
    refused(`GET /${"a".repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, /characters/);
    refused(withFields(...Array.from({ length: 100 }, (_, n) => `X-${n}: a`)), 431, /fields/);
  });

  it("names the host as a name or an address with a port, and nothing else", () => {
    for (const host of ["a", "a.example:80", "127.0.0.1", "[::1]:1667"])
      assert.equal(read(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)!.fields.get("host"), host);
    for (const host of ["", "a b", "a/b", "user@a", "a:b", "::1", "[a", "a:123456", "a,b"])
      refused(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, /Host/);
    refused("GET / HTTP/1.1\r\n\r\n", 400, /Host is missing/);
  });
});

interface Understood {
  readonly method: string;
  readonly url: string;
  readonly host: string | undefined;
  readonly length: string | undefined;
}

/** What Node's own server makes of these bytes; null: it refuses them, or waits for more. */
function nodeUnderstands(text: string): Promise<Understood | null> {
  return new Promise((resolve) => {
    const server = createServer(
      { maxHeaderSize: LONGEST_HEAD },
      ({ method = "", url = "", headers }: IncomingMessage) => {
        socket.destroy();
        resolve({ method, url, host: headers.host, length: headers["content-length"] });
      },
    );
    server.on("checkContinue", ({ method = "", url = "", headers }: IncomingMessage) => {
      socket.destroy();
      resolve({ method, url, host: headers.host, length: headers["content-length"] });
    });
    server.on("clientError", () => resolve(null));
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    socket.on("error", () => resolve(null));
    socket.on("close", () => resolve(null));
    server.emit("connection", socket);
    socket.push(bytesOf(text));
    socket.push(null);
  });
}

describe("a head that is taken", {
  skip: (process.versions.bun ?? process.versions.deno) !== undefined && "its judge is Node's own server",
}, () => {
  it("says the same to Node's server", async () => {
    let taken = 0;
    const heads = mutated(fc.constantFrom(...HEADS), DICTIONARY);
    await fc.assert(
      fc.asyncProperty(heads, async (text) => {
        let head: Head | null = null;
        try {
          head = read(text);
        } catch (error) {
          assert.ok(error instanceof HttpFault, String(error));
        }
        if (head === null) return;
        taken++;
        const theirs = await nodeUnderstands(text.slice(0, endOfHead(bytesOf(text), 0)));
        assert.ok(theirs !== null, "Node refuses it");
        assert.deepEqual([head.method, head.target], [theirs.method, theirs.url]);
        assert.equal(head.fields.get("host"), theirs.host);
        assert.equal(head.length, Number(theirs.length ?? 0));
      }),
      { numRuns: amount(2_000) },
    );
    assert.ok(taken > amount(2_000) / 20, `only ${taken} were taken at all`);
  });
});
