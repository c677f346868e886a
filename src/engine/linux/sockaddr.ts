/**
 * Socket addresses between three forms: the kernel's sockaddr in FFI memory, four big-endian words of the IPv6 form (IPv4
 * mapped to ::ffff:0:0/96; the pool's ClientKey), and text. Ports and address bytes are big-endian in all of them.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { AF_INET, AF_INET6, AF_UNIX } from "./abi.ts";

/** The third word of every IPv4-mapped address. */
const MAPPED = 0xffff;

/** What `pool.rowAddress` calls a Unix path. */
const KIND_UNIX = 1;
const KIND_IPV4 = 4;

/** Writes the sockaddr of an IP literal (no brackets, scope as "%index") and returns its length in bytes. Throws a RangeError for anything else. */
export function encodeLiteral(host: string, port: number, into: Uint8Array): number {
  const family = isIP(host);
  if (family === 0) throw new RangeError(`"${host}" is not an IP address`);
  const address = ipaddr.parse(host);
  const scope = Number(/%(\d+)$/.exec(host)?.[1] ?? 0);
  return encodeIp(family === 4 ? AF_INET : AF_INET6, address.toByteArray(), 0, port >> 8, port & 0xff, scope, into);
}

/** Writes the sockaddr of what `pool.rowAddress` gave (`kind`, bytes) and returns its length in bytes. */
export function encodeRow(kind: number, row: Uint8Array, into: Uint8Array): number {
  if (kind === KIND_UNIX) {
    into[0] = AF_UNIX;
    into[1] = 0;
    const end = row.indexOf(0);
    const length = end < 0 ? row.length : end;
    for (let i = 0; i < length; i++) into[2 + i] = row[i]!;
    into[2 + length] = 0;
    return 2 + length + 1;
  }
  const scope = ((row[18]! << 24) | (row[19]! << 16) | (row[20]! << 8) | row[21]!) >>> 0;
  return encodeIp(kind === KIND_IPV4 ? AF_INET : AF_INET6, row, 0, row[16]!, row[17]!, scope, into);
}

/** sockaddr_in: family, port, address, 8 of padding. sockaddr_in6: family, port, flow info, address, scope (native order). */
function encodeIp(
  family: number,
  address: ArrayLike<number>,
  from: number,
  portHigh: number,
  portLow: number,
  scope: number,
  into: Uint8Array,
): number {
  const length = family === AF_INET ? 16 : 28;
  into.fill(0, 0, length);
  into[0] = family;
  into[2] = portHigh;
  into[3] = portLow;
  const [at, count] = family === AF_INET ? [4, 4] : [8, 16];
  for (let i = 0; i < count; i++) into[at + i] = address[from + i]!;
  if (family === AF_INET6) {
    into[24] = scope & 0xff;
    into[25] = (scope >> 8) & 0xff;
    into[26] = (scope >> 16) & 0xff;
    into[27] = scope >>> 24;
  }
  return length;
}

/** Reads a peer's sockaddr into `words[at … at+3]` and returns its port. A Unix peer has neither. */
export function decodePeer(from: Uint8Array, words: Uint32Array, at: number): number {
  const family = from[0]!;
  if (family === AF_INET) {
    words[at] = 0;
    words[at + 1] = 0;
    words[at + 2] = MAPPED;
    words[at + 3] = word(from, 4);
  } else if (family === AF_INET6) {
    for (let i = 0; i < 4; i++) words[at + i] = word(from, 8 + 4 * i);
  } else {
    words.fill(0, at, at + 4);
    return 0;
  }
  return (from[2]! << 8) | from[3]!;
}

function word(from: Uint8Array, at: number): number {
  return ((from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!) >>> 0;
}

/** The address as text; a mapped IPv4 address as IPv4. */
export function formatWords(words: Uint32Array, at: number): string {
  if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED) {
    const v4 = words[at + 3]!;
    return `${v4 >>> 24}.${(v4 >>> 16) & 0xff}.${(v4 >>> 8) & 0xff}.${v4 & 0xff}`;
  }
  const parts: number[] = [];
  for (let i = 0; i < 4; i++) parts.push(words[at + i]! >>> 16, words[at + i]! & 0xffff);
  return new ipaddr.IPv6(parts).toRFC5952String();
}
