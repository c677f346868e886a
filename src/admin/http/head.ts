/**
 * The head of an HTTP/1 request (RFC 9112), as strictly as it can be read: what two programs could understand differently is refused, so
 * that nothing in front of the balancer sees another request than the balancer does. Pure.
 */

export const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

/** Bytes of a head with its empty line. Clients are browsers, scrapers and curl: a tenth of that is long. */
export const LONGEST_HEAD = 16 * 1024;
/** Characters of what is asked for. */
const LONGEST_TARGET = 8 * 1024;
const MOST_FIELDS = 100;

export interface Head {
  readonly method: Method;
  /** Path and query, as they were sent: begins with a slash. */
  readonly target: string;
  /** By names in lower case. One that may come several times is joined by commas. */
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes of the body that follows. */
  readonly length: number;
  /** The client would ask again on this connection. */
  readonly keepAlive: boolean;
  /** It sends its body only when it is told to. */
  readonly expectsContinue: boolean;
  /** HTTP/1.1, whose answers may come in chunks. */
  readonly chunks: boolean;
}

/** What is wrong with a request, as the status that says so. The connection is of no use after it. */
export class HttpFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const CR = 13;
const LF = 10;

/**
 * Where the head ends that begins `bytes`: behind its empty line, or -1 where that has yet to come. `seen`: bytes that have been looked at
 * before. Throws HttpFault where a line ends otherwise than lines do.
 */
export function endOfHead(bytes: Uint8Array, seen: number): number {
  for (let at = bytes.indexOf(LF, seen); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw new HttpFault(400, "a line of the head does not end with CR LF");
    if (at >= 3 && bytes[at - 2] === LF) return at + 1;
    if (at === 1) throw new HttpFault(400, "the request begins with an empty line");
  }
  return -1;
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/(\d)\.(\d)$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*$/;
/** Those that mean nothing, or something else, when they come twice. */
const ONCE = new Set([
  "authorization",
  "content-length",
  "content-type",
  "expect",
  "host",
  "last-event-id",
  "origin",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "transfer-encoding",
]);
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
/** Digits that no double rounds. */
const LENGTH = /^\d{1,15}$/;

/** `text`: the head with its empty line, a character a byte. Throws HttpFault. */
export function parseHead(text: string): Head {
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const { method, target, minor } = requestLine(first);
  const fields = readFields(lines);
  const host = fields.get("host");
  if (host === undefined && minor === 1) throw new HttpFault(400, "the field Host is missing");
  if (host !== undefined && !HOST.test(host)) throw new HttpFault(400, "Host is no HOST[:PORT]");
  const options = (fields.get("connection") ?? "").toLowerCase().split(",");
  return {
    method,
    target,
    fields,
    length: lengthOf(fields),
    keepAlive: minor === 1 && !options.some((option) => option.trim() === "close"),
    expectsContinue: expects(fields, minor),
    chunks: minor === 1,
  };
}

function requestLine(line: string): { method: Method; target: string; minor: 0 | 1 } {
  const [, method = "", target = "", major, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === "") throw new HttpFault(400, "the first line is no METHOD /PATH HTTP/1.1");
  if (major !== "1" || (minor !== "0" && minor !== "1")) throw new HttpFault(505, "only HTTP/1.1 is spoken here");
  if (!isMethod(method)) throw new HttpFault(501, `only ${METHODS.join(", ")} are known here`);
  if (target.length > LONGEST_TARGET)
    throw new HttpFault(414, `path and query may have ${LONGEST_TARGET} characters together`);
  if (!target.startsWith("/") || target.includes("#"))
    throw new HttpFault(400, "what is asked for begins with a slash, and has no #");
  return { method, target, minor: minor === "1" ? 1 : 0 };
}

function isMethod(text: string): text is Method {
  return (METHODS as readonly string[]).includes(text);
}

function readFields(lines: readonly string[]): Map<string, string> {
  if (lines.length > MOST_FIELDS) throw new HttpFault(431, `a request may have ${MOST_FIELDS} fields`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, written, value = ""] = FIELD.exec(line) ?? [];
    if (written === undefined) throw new HttpFault(400, "a line of the head is no NAME: VALUE");
    const name = written.toLowerCase();
    const before = fields.get(name);
    if (before !== undefined && ONCE.has(name)) throw new HttpFault(400, `${written} comes twice`);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

function lengthOf(fields: ReadonlyMap<string, string>): number {
  const length = fields.get("content-length");
  if (fields.has("transfer-encoding")) {
    if (length !== undefined) throw new HttpFault(400, "Content-Length and Transfer-Encoding contradict each other");
    throw new HttpFault(411, "a body needs Content-Length here, and comes in one piece");
  }
  if (length === undefined) return 0;
  if (!LENGTH.test(length)) throw new HttpFault(400, "Content-Length is no number of bytes");
  return Number(length);
}

function expects(fields: ReadonlyMap<string, string>, minor: 0 | 1): boolean {
  const expected = fields.get("expect");
  if (expected === undefined) return false;
  if (expected.toLowerCase() !== "100-continue") throw new HttpFault(417, "only 100-continue can be expected here");
  return minor === 1;
}
