import { ipv6Groups, parseIp } from "../util/address.ts";

/** A client's address as four big-endian 32-bit words of its IPv6 form (IPv4 mapped to ::ffff:0:0/96): key of bindings and of the hash. */
export type ClientKey = Uint32Array;

/** The third word of ::ffff:0:0/96. */
export const V4_MAPPED = 0xffff;

/** Writes the key of an IP literal into `into`. Any other text (a peer without an address has none) gives the all-zero key. */
export function clientKey(host: string, into: ClientKey): ClientKey {
  const v4 = parseIpv4(host);
  if (v4 >= 0) {
    into[0] = 0;
    into[1] = 0;
    into[2] = V4_MAPPED;
    into[3] = v4;
    return into;
  }
  return ipv6Key(host, into);
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

function ipv6Key(host: string, into: ClientKey): ClientKey {
  into.fill(0);
  const ip = parseIp(host);
  if (ip === null) return into;
  ipv6Groups(ip).forEach((group, i) => {
    const word = i >> 1;
    into[word] = i & 1 ? into[word]! | group : group << 16;
  });
  return into;
}
