/** A key: a secret that both ends hold, its name, and what it allows. Pure; key-file.ts reads and writes the files. */

import type { Report } from "../../targets/report.ts";
import { formatAddress, type IpRange, inRange, parseIp, parseRange } from "../../util/address.ts";
import { HarmonyError } from "../../util/errors.ts";

/** What may be registered with a key; what is absent is not limited. */
export interface KeyLimits {
  readonly pools?: readonly string[];
  /** Where the reporter connects from and where its target is: both must lie in one of these. */
  readonly from?: readonly IpRange[];
  readonly ports?: readonly (readonly [low: number, high: number])[];
  readonly maxWeight?: number;
}

export interface Key {
  readonly id: string;
  readonly secret: string;
  readonly limits: KeyLimits;
}

const DEFAULT_KEY_ID = "default";

/** The key of `--insecure`, on both ends: the same protocol with a secret that is no secret. */
export const INSECURE_KEY: Key = { id: "insecure", secret: "harmony insecure: not a secret", limits: {} };

/** Characters. Shorter secrets could be guessed from a recorded handshake. */
const MIN_SECRET = 16;

/** `[id:]secret`. Throws `BAD_KEY`; its message begins with `where` and never contains the secret. */
export function parseKey(text: string, where: string, limits: KeyLimits = {}): Key {
  const [, id = DEFAULT_KEY_ID, secret = ""] = /^(?:([A-Za-z0-9._-]{1,64}):)?(.*)$/s.exec(text) ?? [];
  if ([...secret].length < MIN_SECRET) {
    throw badKey(where, `the secret of key "${id}" has fewer than ${MIN_SECRET} characters`);
  }
  if (id === INSECURE_KEY.id) {
    throw badKey(where, `the key id "${id}" is reserved for --insecure: choose another`);
  }
  return { id, secret, limits };
}

/**
 * The key of HARMONY_KEY or of the option `key`. What surrounds a file's only key does not count either, since many set the
 * variable from a whole file: comments, blank lines, the line feed at its end.
 */
export function parseGivenKey(text: string, where: string): Key {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const keys = lines.length > 1 ? lines.filter((line) => !isRemark(line)) : lines;
  if (keys.length > 1) throw badKey(where, "it has several lines: give one key, [id:]secret, or a file (--key-file)");
  return parseKey((keys[0] ?? "").trim(), where);
}

/** One line of a key file: `[id:]secret`, then limits `pool=a,b from=10.0.0.0/8,::1 port=80,8000-8099 max-weight=1000`. */
export function parseKeyLine(line: string, where: string): Key {
  const [key = "", ...words] = line.trim().split(/\s+/);
  const limits: { -readonly [K in keyof KeyLimits]: KeyLimits[K] } = {};
  for (const word of words) {
    const [name, values = ""] = word.split(/=(.*)/s);
    const list = values.split(",").filter((value) => value !== "");
    // A word that is no limit may be the rest of a secret that contains a blank: it must not be quoted.
    const known = name === "pool" || name === "from" || name === "port" || name === "max-weight";
    if (!known)
      throw badKey(
        where,
        "after the key only limits may follow: pool=, from=, port=, max-weight= (a secret in a file has no blanks)",
      );
    if (list.length === 0) throw badKey(where, `${name}= names nothing`);
    if (name === "pool") limits.pools = list;
    if (name === "from")
      limits.from = list.map((value) => parseRange(value) ?? wrong(where, name, value, "10.0.0.0/8 or ::1"));
    if (name === "port")
      limits.ports = list.map((value) => parsePorts(value) ?? wrong(where, name, value, "80 or 8000-8099"));
    if (name === "max-weight")
      limits.maxWeight = /^\d{1,7}$/.test(values) ? Number(values) : wrong(where, name, values, "1000");
  }
  return parseKey(key, where, limits);
}

/** A line per key; blank lines and lines that begin with # are ignored. Throws `BAD_KEY` with file and line. */
export function parseKeyFile(content: string, file: string): Key[] {
  const keys = new Map<string, Key>();
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (isRemark(line)) continue;
    const where = `${file}:${index + 1}`;
    const key = parseKeyLine(line, where);
    if (keys.has(key.id))
      throw badKey(where, `a second key with the id "${key.id}": give each its own, as in web-1:SECRET`);
    keys.set(key.id, key);
  }
  return [...keys.values()];
}

function isRemark(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

/** Why the key does not allow this, or null. `seen`: where the reporter connects from; `host`: where its target is. */
export function forbids(key: Key, report: Report, seen: string, host: string): string | null {
  const { pools, from, ports, maxWeight } = key.limits;
  const may = `key "${key.id}" may not register`;
  if (pools && !pools.includes(report.pool)) return `${may} pool "${report.pool}", only ${pools.join(", ")}`;
  if (ports && !ports.some(([low, high]) => low <= report.port && report.port <= high)) {
    return `${may} port ${report.port}, only ${ports.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(", ")}`;
  }
  if (maxWeight !== undefined && report.weight > maxWeight)
    return `${may} weight ${report.weight}, at most ${maxWeight}`;
  const outside = from && [seen, host].find((address) => !isWithin(address, from));
  if (outside !== undefined)
    return `${may} a target at ${formatAddress({ host: outside, port: report.port })}: outside its address ranges`;
  return null;
}

function isWithin(host: string, ranges: readonly IpRange[]): boolean {
  const ip = parseIp(host);
  return ip !== null && ranges.some((range) => inRange(ip, range));
}

function parsePorts(text: string): [number, number] | null {
  const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range: [number, number] = [Number(low), Number(high)];
  return range[0] >= 1 && range[0] <= range[1] && range[1] <= 65_535 ? range : null;
}

function wrong(where: string, name: string, value: string, example: string): never {
  throw badKey(where, `${name}= cannot be "${value}": give something like ${example}`);
}

function badKey(where: string, problem: string): HarmonyError {
  return new HarmonyError("BAD_KEY", `${where}: ${problem}`, { fault: "config" });
}
