import ipaddr from "ipaddr.js";

export type Ip = ipaddr.IPv4 | ipaddr.IPv6;

/** An IP literal, an IPv4-mapped IPv6 address as IPv4; null for anything else (also for the octal, hex and short forms of old resolvers). */
export function parseIp(text: string): Ip | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : null;
}

/** The canonical text of an address, so that two spellings of one address are one target. A name stays as it is. */
export function canonicalHost(host: string): string {
  return parseIp(host)?.toString() ?? host;
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
