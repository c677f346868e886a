/**
 * A health check as text: what is asked, and words behind it that say how.
 *
 *     tcp    http:/healthz status=200-299    https://10.0.0.9:8443/ok host=app.example    send:"PING\r\n" expect:+PONG
 *     exec:/usr/bin/pg_isready -h {host} -p {port} interval=5s
 */
import type { Check, CheckPace, CheckPlace, CheckWay } from "../targets/health/check.ts";
import { DURATION_EXAMPLES, formatDuration, parseDuration } from "../util/durations.ts";
import { hostName, realPort, remoteHost } from "./address-kinds.ts";
import { CheckProblem } from "./check-problem.ts";
import { bytesOf, type QuotedWord, quoteBytes, readQuoted, textOfBytes } from "./quoted-words.ts";

/** ms. A server that is gone is out within seconds, and a thousand targets cost the balancer some percent of a core. */
const DEFAULT_INTERVAL = 2_000;
/** ms. Far longer than a health page takes on a network that works, and a hung server is known as such soon. */
const DEFAULT_TIMEOUT = 1_000;
/** One pass may be chance where a server is starting. As in HAProxy. */
const DEFAULT_RISE = 2;
/** One failure may be a lost packet or a pause. As in HAProxy. */
const DEFAULT_FALL = 3;
/** ms. More often says nothing more, and would be a burden. */
const SHORTEST = 10;
const MOST_IN_A_ROW = 100;
/** Success, and redirections, which a server that does not work seldom answers with. As in HAProxy. */
const DEFAULT_STATUS = [[200, 399]] as const;

/** With two slashes it would be the address that they stand before. */
const PATH = /^\/(?!\/)[!-~]*$/;
const METHOD = /^[A-Z]{1,20}$/;
const HOST_HEADER = /^[A-Za-z0-9._:[\]-]{1,255}$/;
const HEX = /^0x((?:[0-9a-fA-F]{2})+)$/;

/** The words of each kind beside those that all have. */
const OWN_WORDS: Readonly<Record<Check["kind"], readonly string[]>> = {
  tcp: ["tls", "verify", "proxy"],
  "send-expect": ["tls", "verify", "proxy"],
  http: ["verify", "proxy", "method", "host", "status", "body"],
  exec: [],
};
const PACE_WORDS = ["interval", "timeout", "rise", "fall"] as const;
const ALL_WORDS = [...PACE_WORDS, "address", "port"] as const;

type Words = ReadonlyMap<string, string>;

/** Throws CheckProblem. */
export function parseCheck(text: string): Check {
  const words = readQuoted(text);
  if (typeof words === "string") throw new CheckProblem(words);
  const [head, ...rest] = words;
  const [, kind = "", begin = ""] = /^([a-z]+):?(.*)$/s.exec(head?.bytes ?? "") ?? [];
  const isBare = head?.bytes === kind;
  if (kind === "tcp" && isBare) return spokenCheck({ kind: "tcp" }, wordsOf(rest, "tcp"));
  if ((kind === "http" || kind === "https") && !isBare) return httpCheck(kind === "https", begin, rest);
  if ((kind === "send" || kind === "expect") && !isBare) return sendExpectCheck(words);
  if (kind === "exec" && !isBare) return execCheck(words);
  throw new CheckProblem("give off, tcp, http:/PATH, https:/PATH, send:TEXT expect:TEXT or exec:COMMAND");
}

function httpCheck(tls: boolean, where: string, rest: readonly QuotedWord[]): Check {
  const [, place, path = "/"] = /^\/\/([^/]*)(\/.*)?$/s.exec(where) ?? [undefined, null, where];
  if (!PATH.test(path)) throw new CheckProblem("a path begins with one / and has no blanks: http:/healthz");
  const words = new Map(wordsOf(rest, "http"));
  const at = place == null ? null : remoteHost(place);
  if (at === undefined) throw new CheckProblem("give HOST or HOST:PORT behind http://");
  if (at !== null) {
    if (words.has("address") || words.has("port"))
      throw new CheckProblem("an address behind http:// leaves no room for address= and port=");
    words.set("address", at.host).set("port", String(at.port ?? (tls ? 443 : 80)));
  }
  const asked = {
    method: matching(words, "method", METHOD, "in capital letters, such as HEAD") ?? "GET",
    path,
    host: matching(words, "host", HOST_HEADER, "the name of a host, such as app.example") ?? null,
    status: statusOf(words),
    body: words.has("body") ? textOfBytes(words.get("body")!) : null,
  };
  return spokenCheck({ kind: "http", ...asked }, words, tls);
}

function noTls(words: Words): null {
  if (words.has("verify")) throw new CheckProblem("verify= is of use with TLS alone");
  return null;
}

function sendExpectCheck(words: readonly QuotedWord[]): Check {
  const said = new Map<string, Uint8Array>();
  const rest = words.filter(({ bytes, quotedFrom }) => {
    const [, name, value = ""] = /^(send|expect):(.*)$/s.exec(bytes) ?? [];
    if (name === undefined) return true;
    if (said.has(name)) throw new CheckProblem(`${name}: is there twice`);
    said.set(name, bytesToSend(value, quotedFrom === name.length + 1));
    return false;
  });
  const empty = new Uint8Array();
  const { send = empty, expect = empty } = Object.fromEntries(said) as Partial<Record<"send" | "expect", Uint8Array>>;
  if (send.length + expect.length === 0) throw new CheckProblem("give a text behind send: or expect:");
  return spokenCheck({ kind: "send-expect", send, expect }, wordsOf(rest, "send-expect"));
}

/** Digits behind 0x that are not quoted are bytes. */
function bytesToSend(value: string, isQuoted: boolean): Uint8Array {
  const hex = isQuoted ? undefined : HEX.exec(value)?.[1];
  return Uint8Array.from(hex === undefined ? Buffer.from(value, "latin1") : Buffer.from(hex, "hex"));
}

/** Words at the end that are the check's are not the command's, unless they are quoted. */
function execCheck(words: readonly QuotedWord[]): Check {
  const isOwn = ({ bytes, quotedFrom }: QuotedWord) =>
    quotedFrom !== 0 && bytes.includes("=") && isName(nameOf(bytes), "exec");
  let end = words.length;
  while (end > 1 && isOwn(words[end - 1]!)) end -= 1;
  const command = words.slice(0, end).map(({ bytes }) => textOfBytes(bytes));
  command[0] = command[0]!.slice("exec:".length);
  if (command[0] === "" || command.some((word) => word.includes("\0")))
    throw new CheckProblem("give a command behind exec:");
  return { kind: "exec", command, ...placeAndPace(wordsOf(words.slice(end), "exec")) };
}

function nameOf(bytes: string): string {
  return bytes.split("=", 1)[0]!;
}

function isName(name: string, kind: Check["kind"]): boolean {
  return (ALL_WORDS as readonly string[]).includes(name) || OWN_WORDS[kind].includes(name);
}

function wordsOf(words: readonly QuotedWord[], kind: Check["kind"]): Words {
  const found = new Map<string, string>();
  for (const { bytes } of words) {
    const name = nameOf(bytes);
    const known = [...OWN_WORDS[kind], ...ALL_WORDS];
    if (!isName(name, kind)) throw new CheckProblem(`${textOfBytes(bytes)} is none of its words: ${known.join(", ")}`);
    if (found.has(name)) throw new CheckProblem(`${name} is there twice`);
    if ((name === "tls") === bytes.includes("="))
      throw new CheckProblem(name === "tls" ? "tls stands alone" : `give a value, as ${name}=…`);
    found.set(name, bytes.slice(name.length + 1));
  }
  return found;
}

/** One that connects to the server. */
function spokenCheck<A>(asked: A, words: Words, isTls = words.has("tls")): A & CheckWay & CheckPlace & CheckPace {
  const tls = isTls ? { verify: isVerified(words) } : noTls(words);
  const proxy = matching(words, "proxy", /^v[12]$/, "as v1 or v2");
  if (tls !== null && proxy !== undefined) throw new CheckProblem("proxy= is for checks that speak no TLS");
  return { ...asked, tls, proxy: proxy === undefined ? null : proxy === "v1" ? 1 : 2, ...placeAndPace(words) };
}

/** What all checks have in common. */
function placeAndPace(words: Words): CheckPlace & CheckPace {
  const interval = durationOf(words, "interval", DEFAULT_INTERVAL);
  const port = words.get("port");
  const address = words.get("address");
  if (port !== undefined && !realPort.parse(port)) throw new CheckProblem(`port=${port}: give ${realPort.allowed}`);
  if (address !== undefined && !hostName.parse(address))
    throw new CheckProblem(`address=${address}: give ${hostName.allowed}`);
  return {
    address: address ?? null,
    port: port === undefined ? null : Number(port),
    interval,
    timeout: durationOf(words, "timeout", DEFAULT_TIMEOUT),
    rise: countOf(words, "rise", DEFAULT_RISE),
    fall: countOf(words, "fall", DEFAULT_FALL),
  };
}

function isVerified(words: Words): boolean {
  const verify = words.get("verify") ?? "on";
  if (verify !== "on" && verify !== "off") throw new CheckProblem(`verify=${verify}: give on or off`);
  return verify === "on";
}

export function durationOf(words: Words, name: string, otherwise: number): number {
  const text = words.get(name);
  if (text === undefined) return otherwise;
  const ms = durationIn(text);
  if (ms === null || ms < SHORTEST) {
    throw new CheckProblem(
      `${name}=${text}: give a duration such as ${DURATION_EXAMPLES}, ${formatDuration(SHORTEST)} or more`,
    );
  }
  return ms;
}

function durationIn(text: string): number | null {
  try {
    return parseDuration(text);
  } catch {
    return null; // it throws only where the text is no duration
  }
}

function countOf(words: Words, name: string, otherwise: number): number {
  const text = words.get(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,3}$/.test(text) || Number(text) < 1 || Number(text) > MOST_IN_A_ROW)
    throw new CheckProblem(`${name}=${text}: give a whole number from 1 to ${MOST_IN_A_ROW}`);
  return Number(text);
}

function matching(words: Words, name: string, pattern: RegExp, allowed: string): string | undefined {
  const text = words.get(name);
  if (text === undefined || pattern.test(text)) return text;
  throw new CheckProblem(`${name}=${textOfBytes(text)}: give it ${allowed}`);
}

function statusOf(words: Words): readonly (readonly [number, number])[] {
  const text = words.get("status");
  if (text === undefined) return DEFAULT_STATUS;
  return text.split(/[,/]/).map((range) => {
    const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(range) ?? [];
    if (from === undefined || Number(to) < Number(from))
      throw new CheckProblem(`status=${text}: give a status such as 200, or some, such as 200-299/401`);
    return [Number(from), Number(to)] as const;
  });
}

/** The shortest text that reads back as the same check. */
export function formatCheck(check: Check): string {
  return [headOf(check), ...ownWords(check), ...paceWords(check)].join(" ");
}

function headOf(check: Check): string {
  switch (check.kind) {
    case "tcp":
      return "tcp";
    case "http":
      return quoteBytes(`${check.tls ? "https" : "http"}:${check.path}`);
    case "send-expect": {
      const said = (["send", "expect"] as const).filter((name) => check[name].length > 0);
      return said.map((name) => `${name}:${spokenText(check[name])}`).join(" ");
    }
    case "exec": {
      const [file, ...args] = check.command.map(bytesOf);
      return [`exec:${quoteBytes(file!)}`, ...args.map((arg) => quoteBytes(arg, !isName(nameOf(arg), "exec")))].join(
        " ",
      );
    }
  }
}

function spokenText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  return quoteBytes(text, !HEX.test(text));
}

function ownWords(check: Check): string[] {
  if (check.kind === "exec") return [];
  const words = check.tls?.verify === false ? ["verify=off"] : check.proxy === null ? [] : [`proxy=v${check.proxy}`];
  if (check.kind !== "http") return check.tls ? ["tls", ...words] : words;
  const { method, host, status, body } = check;
  if (method !== "GET") words.push(`method=${method}`);
  if (host !== null) words.push(`host=${host}`);
  const statuses = status.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join("/");
  if (statuses !== "200-399") words.push(`status=${statuses}`);
  if (body !== null) words.push(`body=${quoteBytes(bytesOf(body), body !== "")}`);
  return words;
}

function paceWords({ address, port, interval, timeout, rise, fall }: Check): string[] {
  return [
    address === null ? [] : `address=${address}`,
    port === null ? [] : `port=${port}`,
    interval === DEFAULT_INTERVAL ? [] : `interval=${formatDuration(interval)}`,
    timeout === DEFAULT_TIMEOUT ? [] : `timeout=${formatDuration(timeout)}`,
    rise === DEFAULT_RISE ? [] : `rise=${rise}`,
    fall === DEFAULT_FALL ? [] : `fall=${fall}`,
  ].flat();
}
