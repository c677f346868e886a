/**
 * IPv4 addresses inside IPv6 ones: whoever connects to `64:ff9b::7f00:1` reaches 127.0.0.1 where the network or the system translates.
 * Mapped ones (`::ffff:1.2.3.4`) are not among them: parseIp() gives those as IPv4.
 */
import { type Ip, ipv6Groups, parseIp } from "./address.ts";

interface Form {
  /** The groups that an address of this form begins with. */
  readonly prefix: readonly number[];
  /** The group at which the IPv4 address begins. */
  readonly at: number;
}

const FORMS: readonly Form[] = [
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 }, // NAT64 (RFC 6052)
  { prefix: [0x64, 0xff9b, 1], at: 6 }, // NAT64 of a network's own (RFC 8215)
  { prefix: [0x2002], at: 1 }, // 6to4 (RFC 3056)
  { prefix: [0, 0, 0, 0, 0xffff, 0], at: 6 }, // translated (RFC 7915)
  { prefix: [0, 0, 0, 0, 0, 0], at: 6 }, // compatible (RFC 4291)
];

export interface Embedded {
  readonly ip: Ip;
  /** Of the outer address, how many bits say that there is an inner one. */
  readonly prefixBits: number;
}

/** The IPv4 address inside this one, or null. */
export function embeddedIpv4(ip: Ip): Embedded | null {
  if (ip.kind() === "ipv4" || ip.range() === "unspecified" || ip.range() === "loopback") return null;
  const groups = ipv6Groups(ip);
  const form = FORMS.find(({ prefix }) => prefix.every((group, index) => groups[index] === group));
  if (form === undefined) return null;
  const bytes = groups.slice(form.at, form.at + 2).flatMap((group) => [group >> 8, group & 0xff]);
  return { ip: parseIp(bytes.join("."))!, prefixBits: 16 * form.prefix.length };
}

/** The address and the one inside it: what holds for any of them holds for both. */
export function facesOf(ip: Ip): readonly Ip[] {
  const inner = embeddedIpv4(ip);
  return inner === null ? [ip] : [ip, inner.ip];
}
