/** Heads of requests, for tests that draw them. */
import fc from "../../support/draws.ts";

export const HEADS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "GET /v1/targets?pool=web&limit=10 HTTP/1.1\r\nHost: [::1]:1667\r\nAccept: */*\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n",
  "POST /v1/reload HTTP/1.1\r\nhost: balancer.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  "PUT /v1/pools/web/targets/10.0.0.5%3A80 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
  "HEAD /livez HTTP/1.0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nAccept: a\r\nAccept: b\r\n\r\n",
];

/** What means something in them. */
export const DICTIONARY: readonly string[] = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "\0",
  "\x7f",
  "\xa0",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "http://a/",
  "*",
  "//",
  "#",
  "%00",
  "Content-Length: 5\r\n",
  "Content-Length: +5\r\n",
  "Content-Length: 0x5\r\n",
  "Content-Length: 5, 5\r\n",
  "Content-Length : 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Host: b\r\n",
  " folded\r\n",
  "Connection: keep-alive\r\n",
  "Connection: upgrade\r\nUpgrade: h2c\r\n",
  "Expect: 100-continue\r\n",
];

const token = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,20}$/);
const value = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/);
const target = fc.stringMatching(/^\/[a-z0-9/?&=%._~-]{0,40}$/);

/** What a valid head consists of. */
export interface Drawn {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly length: number;
  readonly fields: readonly (readonly [string, string])[];
  /** Blanks around the values. */
  readonly blanks: string;
}

const SPECIAL =
  /^(host|content-length|transfer-encoding|expect|connection|upgrade|authorization|origin|content-type|last-event-id|sec-fetch-.*)$/i;

export const drawn: fc.Arbitrary<Drawn> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD"),
  target,
  host: fc.constantFrom("localhost", "127.0.0.1:1667", "[::1]", "balancer.example:80"),
  length: fc.nat(100_000),
  fields: fc.array(
    fc.tuple(
      token.filter((name) => !SPECIAL.test(name)),
      value,
    ),
    { maxLength: 8 },
  ),
  blanks: fc.constantFrom("", " ", "\t ", "   "),
});

export function written({ method, target: path, host, length, fields, blanks }: Drawn): string {
  const all = [["Host", host], ["Content-Length", String(length)], ...fields];
  const lines = all.map(([name, text]) => `${name}:${blanks}${text}${blanks}`);
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`;
}
