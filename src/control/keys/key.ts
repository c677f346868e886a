/** A key: what a reporter proves, its name, and what it allows. Pure; key-file.ts reads and writes the files. */

import { isLoopback } from "../../targets/loopback.ts";
import type { Report } from "../../targets/report.ts";
import { formatRange, type IpRange, inRange, parseIp } from "../../util/address.ts";
import { embeddedIpv4, facesOf } from "../../util/embedded-ipv4.ts";
import { formatPorts, isLimitWord, type KeyLimits, parseLimits } from "./limits.ts";
import { badLine, isRemark, linesOf } from "./lines.ts";
import { isTokenLine } from "./token.ts";

export interface Key {
  readonly id: string;
  readonly limits: KeyLimits;
}

/** A secret that both ends hold. */
export interface SharedKey extends Key {
  readonly secret: string;
}

/** The key pair of an invited reporter. While it is exchanged a reporter has two, each of which is a key of its own here. */
export interface OwnKey extends Key {
  readonly publicKey: Uint8Array;
}

export function isShared(key: Pick<Key, "id">): key is SharedKey {
  return "secret" in key;
}

export function isOwn(key: Pick<Key, "id">): key is OwnKey {
  return "publicKey" in key;
}

const DEFAULT_KEY_ID = "default";

/**
 * The key of `--insecure`, on both ends: the same protocol with a secret that is no secret. Who translates addresses on the way does
 * not matter: whoever can do that could as well register a target of his own.
 */
export const INSECURE_KEY: SharedKey = {
  id: "insecure",
  secret: "harmony insecure: not a secret",
  limits: { nat: true },
};

/** Characters. Shorter secrets could be guessed from a recorded handshake. */
const MIN_SECRET = 16;

/** `[id:]secret`. Throws `BAD_KEY`; its message begins with `where` and never contains the secret. */
export function parseKey(text: string, where: string, limits: KeyLimits = {}): SharedKey {
  const [, id = DEFAULT_KEY_ID, secret = ""] = /^(?:([A-Za-z0-9._-]{1,64}):)?(.*)$/s.exec(text) ?? [];
  if ([...secret].length < MIN_SECRET) {
    throw badLine(where, `the secret of key "${id}" has fewer than ${MIN_SECRET} characters`);
  }
  if (id === INSECURE_KEY.id) {
    throw badLine(where, `the key id "${id}" is reserved for --insecure: choose another`);
  }
  return { id, secret, limits };
}

/**
 * The key of HARMONY_KEY or of the option `key`. What surrounds a file's only key does not count either, since many set the
 * variable from a whole file: comments, blank lines, the line feed at its end. Unlike in a file the secret may have blanks: what
 * follows one is limits if it is nothing else.
 */
export function parseGivenKey(given: string, where: string): SharedKey {
  const lines = given.split(/\r?\n/).filter((line) => line.trim() !== "");
  const keys = lines.length > 1 ? lines.filter((line) => !isRemark(line) && !isTokenLine(line)) : lines;
  if (keys.length > 1) throw badLine(where, "it has several lines: give one key, [id:]secret, or a file (--key-file)");
  const text = (keys[0] ?? "").trim();
  const words = text.split(/\s+/).slice(1);
  return words.length > 0 && words.every(isLimitWord) ? parseKeyLine(text, where) : parseKey(text, where);
}

/** One line of a key file: `[id:]secret`, then its limits, as limits.ts has them. */
export function parseKeyLine(line: string, where: string): SharedKey {
  const [key = "", ...words] = line.trim().split(/\s+/);
  return parseKey(key, where, parseLimits(words, where));
}

/** A line per key; blank lines, lines that begin with #, and those of tokens are left out. Throws `BAD_KEY` with file and line. */
export function parseKeyFile(content: string, file: string): SharedKey[] {
  const keys = new Map<string, SharedKey>();
  for (const { line, where } of linesOf(content, file)) {
    if (isTokenLine(line)) continue;
    const key = parseKeyLine(line, where);
    if (keys.has(key.id))
      throw badLine(where, `a second key with the id "${key.id}": give each its own, as in web-1:SECRET`);
    keys.set(key.id, key);
  }
  return [...keys.values()];
}

/** Why the key does not allow this, or null. `seen`: where the reporter connects from; `host`: where its target is. */
export function forbids(key: Key, report: Report, seen: string, host: string): string | null {
  const { pools, from, ports, maxWeight } = key.limits;
  const may = `key "${key.id}" may not register`;
  if (pools && !pools.includes(report.pool)) return `${may} pool "${report.pool}", only ${pools.join(", ")}`;
  if (ports && !isAmong(report.port, ports)) {
    return `${may} port ${report.port}, only ${ports.map(formatPorts).join(", ")}`;
  }
  if (maxWeight !== undefined && report.weight > maxWeight)
    return `${may} weight ${report.weight}, at most ${maxWeight}`;
  if (from && !isWithin(seen, from))
    return `${may} anything from ${seen}, only from ${from.map(formatRange).join(", ")}`;
  const advertised = report.advertise === undefined ? null : (mayNotAdvertise(key) ?? mayNotAdvertiseAt(key, host));
  return advertised ?? mayNotBring(key, report);
}

/** Whether the key allows its holders to have that port opened for that pool. */
export function mayOpen({ limits: { pools, listen = [] } }: Key, pool: string, port: number): boolean {
  return isAmong(port, listen) && (pools === undefined || pools.includes(pool));
}

function mayNotBring({ id, limits }: Key, { listen, options = {} }: Report): string | null {
  if (listen === undefined) return null;
  const { listen: ports = [], options: allowed = [] } = limits;
  const line = "its line on the balancer's side needs";
  if (!isAmong(listen, ports)) {
    const only = ports.length === 0 ? `: ${line} listen=` : `, only ${ports.map(formatPorts).join(", ")}`;
    return `key "${id}" may not have port ${listen} opened${only}`;
  }
  const foreign = Object.keys(options).find((name) => !allowed.includes(name));
  return foreign === undefined ? null : `key "${id}" may not declare the option "${foreign}": ${line} it in options=`;
}

function isAmong(port: number, ports: NonNullable<KeyLimits["ports"]>): boolean {
  return ports.some(([low, high]) => low <= port && port <= high);
}

/** Why the key does not allow to advertise anything, or null. */
export function mayNotAdvertise({ id, limits }: Key): string | null {
  if (limits.advertise !== undefined) return null;
  return `key "${id}" may not advertise another address than its reporter's: its line on the balancer's side needs advertise=, with the addresses that it may`;
}

function mayNotAdvertiseAt({ id, limits: { advertise = [] } }: Key, host: string): string | null {
  if (isAdvertisable(host, rangesFor(host, advertise))) return null;
  return `key "${id}" may not advertise ${host}, only ${advertise.map(formatRange).join(", ")}`;
}

function isWithin(host: string, ranges: readonly IpRange[]): boolean {
  const ip = parseIp(host);
  return ip !== null && ranges.some((range) => inRange(ip, range));
}

/**
 * Who may advertise loopback is on this host, and so is, as far as can be seen, whoever comes through a proxy or a tunnel that ends
 * here: a range that holds everything must not mean what this host alone can reach, so loopback has to be named.
 */
function rangesFor(host: string, ranges: readonly IpRange[]): readonly IpRange[] {
  const ip = parseIp(host);
  const isHere = ip !== null && facesOf(ip).some((face) => isLoopback(face.toString()));
  return isHere ? ranges.filter(({ base }) => isLoopback(base.toString())) : ranges;
}

/** An address that stands for an IPv4 one lies where that lies, or else in a range of addresses of its own form. */
function isAdvertisable(host: string, ranges: readonly IpRange[]): boolean {
  const ip = parseIp(host);
  const inner = ip && embeddedIpv4(ip);
  if (inner === null) return isWithin(host, ranges);
  const ofItsForm = ranges.filter(({ bits }) => bits >= inner.prefixBits);
  return isWithin(inner.ip.toString(), ranges) || isWithin(host, ofItsForm);
}
