/**
 * Socket addresses between three forms: the kernel's sockaddr in FFI memory, four big-endian words of the IPv6 form (IPv4
 * mapped to ::ffff:0:0/96; util/client-key.ts), and text. Ports and address bytes are big-endian in all of them.
 */
import { existsSync, readFileSync } from "node:fs";
import { endOf } from "../../../net/adapter.ts";
import type { TcpAddress } from "../../../net/runtime.ts";
import { ipv6Groups, parseIp } from "../../../util/address.ts";
import { formatWords, hasAddress, isMapped, V4_MAPPED } from "../../../util/client-key.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCKADDR_MAX } from "./abi.ts";

/** Writes the sockaddr of an IP literal (no brackets, scope as "%index" or "%interface") and returns its length in bytes. Throws a RangeError for anything else. */
export function encodeLiteral(host: string, port: number, into: Uint8Array): number {
  const isV6 = host.includes(":");
  const [address = "", zone = "0"] = isV6 ? host.split("%") : [host];
  const ip = parseIp(address);
  if (ip === null) throw new RangeError(`"${host}" is not an IP address`);
  if (!isV6) return encodeIp(AF_INET, ip.toByteArray(), port, 0, into);
  const bytes = ipv6Groups(ip).flatMap((group) => [group >> 8, group & 0xff]);
  return encodeIp(AF_INET6, bytes, port, scopeOf(zone), into);
}

/** The index of an interface; 0, which no address is reached by, where there is none of that name. */
function scopeOf(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const index = `/sys/class/net/${zone}/ifindex`; // runtimes do not agree on what os.networkInterfaces() says of scopes
  return !zone.includes("/") && existsSync(index) ? Number(readFileSync(index, "utf8")) : 0;
}

/** Writes the sockaddr of a path and returns its length in bytes. RangeError when it is longer than the kernel takes. */
export function encodePath(path: string, into: Uint8Array): number {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > SOCKADDR_MAX - 3) throw new RangeError(`"${path}" is longer than a Unix socket's path may be`);
  into.fill(0);
  into[0] = AF_UNIX;
  into.set(bytes, 2);
  return 2 + bytes.length + 1;
}

/** The same where a path that begins with "@" is the name of an abstract socket, which has no file and no NUL at its end. */
export function encodePathOrName(path: string, into: Uint8Array): number {
  const length = encodePath(path, into);
  if (!path.startsWith("@")) return length;
  into[2] = 0;
  return length - 1;
}

/** sockaddr_in: family, port, address, 8 of padding. sockaddr_in6: family, port, flow info, address, scope (native order). */
function encodeIp(family: number, address: readonly number[], port: number, scope: number, into: Uint8Array): number {
  const length = family === AF_INET ? 16 : 28;
  into.fill(0, 0, length);
  into[0] = family;
  into[2] = port >> 8;
  into[3] = port & 0xff;
  into.set(address, family === AF_INET ? 4 : 8);
  if (family === AF_INET6) {
    into[24] = scope & 0xff;
    into[25] = (scope >> 8) & 0xff;
    into[26] = (scope >> 16) & 0xff;
    into[27] = scope >>> 24;
  }
  return length;
}

/** Writes the sockaddr of an address's words (util/client-key.ts), with port 0, and returns its length; 0: it is none, as of a Unix peer. */
export function encodeWords(words: Uint32Array, into: Uint8Array): number {
  if (!hasAddress(words)) {
    into[0] = 0;
    return 0;
  }
  const isV4 = isMapped(words);
  const bytes = [...(isV4 ? words.subarray(3, 4) : words)].flatMap((word) => [
    word >>> 24,
    (word >>> 16) & 0xff,
    (word >>> 8) & 0xff,
    word & 0xff,
  ]);
  return encodeIp(isV4 ? AF_INET : AF_INET6, bytes, 0, 0, into);
}

/** Reads a peer's sockaddr into `words[at … at+3]` and returns its port. A Unix peer has neither. */
export function decodePeer(from: Uint8Array, words: Uint32Array, at: number): number {
  const family = from[0]!;
  if (family === AF_INET) {
    words[at] = 0;
    words[at + 1] = 0;
    words[at + 2] = V4_MAPPED;
    words[at + 3] = word(from, 4);
  } else if (family === AF_INET6) {
    for (let i = 0; i < 4; i++) words[at + i] = word(from, 8 + 4 * i);
  } else {
    words.fill(0, at, at + 4);
    return 0;
  }
  return (from[2]! << 8) | from[3]!;
}

/** What `decodePeer` has read, or a PROXY header has said, whose port may be 0. A Unix peer is empty. */
export function endOfWords(words: Uint32Array, at: number, port: number): TcpAddress {
  const isUnix = port === 0 && !hasAddress(words, at);
  return isUnix ? endOf(undefined, undefined) : { host: formatWords(words, at), port };
}

function word(from: Uint8Array, at: number): number {
  return ((from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!) >>> 0;
}
