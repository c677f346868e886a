/** Version 1: one line of text, `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` with CR LF. */
import type { TcpAddress } from "../../net/runtime.ts";
import { parseIp } from "../../util/address.ts";
import { bad, more, type Parsed, whole } from "../parsed.ts";
import { MAX_V1, NOTHING_TOLD, type ProxyHeader } from "./header.ts";

const START = "PROXY ";
/** "PROXY UNKNOWN" with its end; every other line is longer. */
export const MIN_V1 = 15;
const CR = 0x0d;
const LF = 0x0a;

const NOBODY: ProxyHeader = { client: null, destination: null, told: NOTHING_TOLD };
const NO_HEADER = bad("it does not begin with a PROXY header");
const WRONG = bad("the line of its PROXY header (version 1) is not one");
const ENDLESS = bad(`the line of its PROXY header (version 1) does not end within ${MAX_V1} bytes`);

export function readV1(bytes: Uint8Array): Parsed<ProxyHeader> {
  const known = Math.min(bytes.length, START.length);
  for (let n = 0; n < known; n++) if (bytes[n] !== START.charCodeAt(n)) return NO_HEADER;
  const end = endOfLine(bytes);
  if (typeof end !== "number") return end;
  // Of what is behind UNKNOWN nothing is read: it may be bytes of any kind.
  const line = String.fromCharCode(...bytes.subarray(START.length, end));
  if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) return whole(end + 2, NOBODY);
  const header = readEnds(line);
  return header === null ? WRONG : whole(end + 2, header);
}

/** Where the CR of the first line end is. A CR or LF without the other is in no line, so that nobody can see another end than this one. */
function endOfLine(bytes: Uint8Array): number | Parsed<never> {
  const last = Math.min(bytes.length, MAX_V1);
  for (let n = START.length; n < last; n++) {
    if (bytes[n] === LF) return WRONG;
    if (bytes[n] !== CR) continue;
    if (n + 1 === MAX_V1) return ENDLESS;
    if (n + 1 === bytes.length) return more(Math.max(MIN_V1, n + 2));
    return bytes[n + 1] === LF ? n : WRONG;
  }
  return last === MAX_V1 ? ENDLESS : more(Math.max(MIN_V1, Math.min(bytes.length + 2, MAX_V1)));
}

/** `TCP4 FROM TO PORT PORT`, with one space between two. */
function readEnds(line: string): ProxyHeader | null {
  const words = line.split(" ");
  const [family, from, to, fromPort, toPort] = words;
  if (words.length !== 5 || (family !== "TCP4" && family !== "TCP6")) return null;
  const client = readEnd(from!, fromPort!, family === "TCP6");
  const destination = readEnd(to!, toPort!, family === "TCP6");
  return client === null || destination === null ? null : { client, destination, told: NOTHING_TOLD };
}

function readEnd(host: string, port: string, isV6: boolean): TcpAddress | null {
  // A zone is a machine's own name for one of its interfaces, and means nothing here.
  if (host.includes(":") !== isV6 || host.includes("%")) return null;
  if (!isV6 && /(?:^|\.)0\d/.test(host)) return null; // octal to some
  const ip = parseIp(host);
  if (ip === null || !/^(?:0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65_535) return null;
  return { host: ip.toString(), port: Number(port) };
}
