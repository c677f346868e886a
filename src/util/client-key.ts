/**
 * Who is one client, for whatever is kept or limited per client: an IPv4 address, or the /64 that an IPv6 address lies in, since
 * that is what one subscriber gets, and each of his devices changes its address within it (RFC 8981).
 */
import { formatIpv6, ipv6Groups, parseIp } from "./address.ts";
import { parseIpv6Words } from "./ipv6-words.ts";

/** Four big-endian 32-bit words of an address's IPv6 form (IPv4 mapped to ::ffff:0:0/96), without what tells hosts of a /64 apart. */
export type ClientKey = Uint32Array;

/** The third word of ::ffff:0:0/96. */
export const V4_MAPPED = 0xffff;
/** The first word of 64:ff9b::/96, IPv4 addresses behind a translator (RFC 6052). */
const TRANSLATED = 0x0064ff9b;
/** The first half of the first word of fe80::/64. */
const LINK_LOCAL = 0xfe80;

/** Writes the key of an IP literal into `into`. Any other text (a peer without an address has none) gives the all-zero key. */
export function clientKey(host: string, into: ClientKey): ClientKey {
  return narrow(addressWords(host, into));
}

/** Whether what begins there is some client's key, and not that of a peer without an address, as those of Unix sockets are. */
export function hasAddress(key: ClientKey, at = 0): boolean {
  return key[at + 2] !== 0 || key[at] !== 0 || key[at + 1] !== 0 || key[at + 3] !== 0; // the third word is never 0 for IPv4
}

/** The same as a text, where a client is only to be told from others. */
export function clientName(host: string): string {
  return clientKey(host, new Uint32Array(4)).join();
}

/** Whether what begins there is an IPv4 address. */
export function isMapped(words: Uint32Array, at = 0): boolean {
  return words[at + 2] === V4_MAPPED && words[at] === 0 && words[at + 1] === 0;
}

/** Makes of an address's words the key of its client: of IPv6 the upper half alone, where the lower one is a subscriber's own. */
export function narrow(words: ClientKey): ClientKey {
  if (words[0] === 0 || isOneOfMany(words)) return words; // IPv4, or this host itself
  words[2] = 0;
  words[3] = 0;
  return words;
}

/** Whether its /64 is that of many subscribers: on a link, and behind a translator of IPv4. */
export function isOneOfMany(words: ClientKey): boolean {
  const first = words[0]!;
  return first >>> 16 === LINK_LOCAL || (first === TRANSLATED && words[1] === 0);
}

/** The words of the whole address; the rest as clientKey(). */
export function addressWords(host: string, into: Uint32Array): Uint32Array {
  const v4 = parseIpv4(host);
  if (v4 >= 0) {
    into[0] = 0;
    into[1] = 0;
    into[2] = V4_MAPPED;
    into[3] = v4;
    return into;
  }
  return parseIpv6Words(host, into) ? into : ipv6Words(host, into);
}

/**
 * Dotted decimal as an unsigned 32-bit number; -1: it is none. Written by hand, not with parseIp(), because it runs twice per
 * connection of the portable engine, and nearly all clients have IPv4.
 */
export function parseIpv4(text: string): number {
  let address = 0;
  let part = -1; // -1: no digit of this part seen yet
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (part < 0 || ++dots > 3) return -1;
      address = address * 256 + part;
      part = -1;
    } else {
      if (code < 0x30 || code > 0x39) return -1;
      part = (part < 0 ? 0 : part * 10) + code - 0x30;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part >= 0 ? address * 256 + part : -1;
}

function ipv6Words(host: string, into: Uint32Array): Uint32Array {
  into.fill(0);
  const ip = parseIp(host);
  if (ip === null) return into;
  ipv6Groups(ip).forEach((group, i) => {
    const word = i >> 1;
    into[word] = i & 1 ? into[word]! | group : group << 16;
  });
  return into;
}

/** The address as text; a mapped IPv4 address as IPv4. */
export function formatWords(words: Uint32Array, at: number): string {
  if (isMapped(words, at)) {
    const v4 = words[at + 3]!;
    return `${v4 >>> 24}.${(v4 >>> 16) & 0xff}.${(v4 >>> 8) & 0xff}.${v4 & 0xff}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 4; i++) groups.push(words[at + i]! >>> 16, words[at + i]! & 0xffff);
  return formatIpv6(groups);
}

/** Tells clients apart in most cases: not 0, but for one without an address. */
export function clientNumber(key: ClientKey): number {
  if (!hasAddress(key)) return 0;
  const mixed =
    Math.imul(key[0]! ^ Math.imul(key[1]! ^ Math.imul(key[2]!, 0x9e3779b1), 0x85ebca6b), 0xc2b2ae35) ^ key[3]!;
  return (mixed & 0x3fff_ffff) | 0x4000_0000;
}

/** A client as people read it: an address, or a network `2001:db8:1:2::/64`. */
export function clientText(key: ClientKey): string {
  const text = formatWords(key, 0);
  return key[0] !== 0 && key[2] === 0 && key[3] === 0 ? `${text}/64` : text;
}
