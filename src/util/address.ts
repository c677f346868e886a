/** Addresses as text: which texts are IP addresses, which name the same host, and how they are shown. */
import ipaddr from "ipaddr.js";

export type Ip = ipaddr.IPv4 | ipaddr.IPv6;

/** What may be IPv4: for anything else ipaddr.js makes an error and catches it, which takes a hundred times as long as this. */
const FOUR_PARTS = /^\d+\.\d+\.\d+\.\d+$/;
/** IPv4 within IPv6 with a part that begins with a zero or an x: ipaddr.js takes the octal and hexadecimal forms there. */
const OLD_TAIL = /[:.](?:0[0-9a-fx]+|0x[0-9a-f]*)\.|\.0[0-9a-fx]+(?:%|$)/i;

/**
 * An IP literal; an IPv4-mapped IPv6 address gives IPv4. null for anything else, also for the octal, hexadecimal and short
 * forms of old resolvers.
 */
export function parseIp(text: string): Ip | null {
  if (FOUR_PARTS.test(text) && ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) && !OLD_TAIL.test(text) ? ipaddr.process(text) : null;
}

/** The canonical text of an address, so that two spellings of one address are one target. A name stays as it is. */
export function canonicalHost(host: string): string {
  return parseIp(host)?.toString() ?? host;
}

const MAPPED_PREFIX = "::ffff:";

/**
 * `::ffff:1.2.3.4`, which is how a listener for both families shows an IPv4 peer, as `1.2.3.4`. Equal to canonicalHost() for
 * what systems give, and cheap: it runs for both ends of every connection.
 */
export function plainHost(host: string): string {
  const isMapped = host.startsWith(MAPPED_PREFIX) && host.includes(".") && !host.includes(":", MAPPED_PREFIX.length);
  // With a zone, which IPv4 has not, what is behind the prefix is no address.
  return isMapped && !host.includes("%") ? host.slice(MAPPED_PREFIX.length) : host;
}

/** Whether listening there means every interface of the host. */
export function isWildcard(host: string): boolean {
  return host === "" || parseIp(host)?.range() === "unspecified";
}

/** The eight 16-bit groups of an address in its IPv6 form, an IPv4 one mapped into ::ffff:0:0/96. */
export function ipv6Groups(ip: Ip): readonly number[] {
  return ("octets" in ip ? ip.toIPv4MappedAddress() : ip).parts;
}

/** The reverse of `ipv6Groups`, as IPv6 text. */
export function formatIpv6(groups: number[]): string {
  return new ipaddr.IPv6(groups).toString();
}

type AnyAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }
  | { readonly fd: number };

/** `1.2.3.4:80`, `[::1]:80`, `*:80` for every interface, `unix:/run/a.sock`, `fd:3`: as one writes them. */
export function formatAddress(address: AnyAddress): string {
  if ("path" in address) return `unix:${address.path || "(unknown)"}`;
  if ("fd" in address) return `fd:${address.fd}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host || "*";
  return `${host}:${address.port}`;
}

/** As formatAddress(), of who has connected: `unix` over a Unix socket, where peers have no address. */
export function formatPeer(address: { readonly host: string; readonly port: number }): string {
  return address.host === "" ? "unix" : formatAddress(address);
}

export interface IpRange {
  readonly base: Ip;
  readonly bits: number;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; null when it is neither. */
export function parseRange(text: string): IpRange | null {
  const [address = "", bits, ...more] = text.split("/");
  const base = parseIp(address);
  if (base === null || more.length > 0) return null;
  const width = base.kind() === "ipv4" ? 32 : 128;
  if (bits === undefined) return { base, bits: width };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? { base, bits: Number(bits) } : null;
}

export function inRange(address: Ip, { base, bits }: IpRange): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** The reverse of `parseRange`: one address without its width. */
export function formatRange({ base, bits }: IpRange): string {
  return bits === (base.kind() === "ipv4" ? 32 : 128) ? base.toString() : `${base}/${bits}`;
}
