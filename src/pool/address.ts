/**
 * Addresses as bytes, the way rows keep them: 16 bytes address (IPv4 in the first 4), 2 bytes port and 4 bytes scope id,
 * both big-endian, then the name of the IPv6 zone as text; or the path of a Unix socket. Both texts end with a NUL.
 */
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import type { Address } from "../net/runtime.ts";
import { ADDRESS_BYTES } from "./table.ts";

export const UNIX = 1;
export const IPV4 = 4;
export const IPV6 = 6;

const PORT_AT = 16;
const SCOPE_AT = 18;
const ZONE_AT = 22;

/** Writes the address and returns its kind. RangeError: not an IP address, bad port, path or zone too long. */
export function encodeAddress(address: Address, into: Uint8Array): number {
  into.fill(0, 0, ADDRESS_BYTES);
  if ("path" in address) {
    writeText(address.path, "path", into, 0);
    return UNIX;
  }
  const { host, port } = address;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError(`port ${port}: 1 to 65535 is allowed`);
  const ip = parse(host);
  into.set(ip.toByteArray());
  into[PORT_AT] = port >> 8;
  into[PORT_AT + 1] = port & 0xff;
  if (ip.kind() === "ipv4") return IPV4;
  const zone = (ip as ipaddr.IPv6).zoneId ?? "";
  new DataView(into.buffer, into.byteOffset).setUint32(SCOPE_AT, scopeId(zone));
  if (zone !== "") writeText(zone, "zone", into, ZONE_AT);
  return IPV6;
}

/** The reverse of encodeAddress(). */
export function decodeAddress(kind: number, bytes: Uint8Array): Address {
  if (kind === UNIX) return { path: readText(bytes, 0) };
  const port = (bytes[PORT_AT]! << 8) | bytes[PORT_AT + 1]!;
  if (kind === IPV4) return { host: `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`, port };
  const host = ipaddr.fromByteArray(Array.from(bytes.subarray(0, 16))).toString();
  const zone = readText(bytes, ZONE_AT);
  return { host: zone === "" ? host : `${host}%${zone}`, port };
}

function parse(host: string): ipaddr.IPv4 | ipaddr.IPv6 {
  // process() turns an IPv4-mapped address into IPv4, as the runtime seam writes it.
  if (ipaddr.isValid(host)) return ipaddr.process(host);
  throw new RangeError(`"${host}" is not an IP address`);
}

/** A zone is the number of an interface or its name. An unknown name gives 0: connecting then fails with a clear error. */
function scopeId(zone: string): number {
  if (/^\d*$/.test(zone)) return Number(zone) >>> 0;
  const addresses = networkInterfaces()[zone] ?? [];
  for (const address of addresses) if (address.family === "IPv6" && address.scopeid > 0) return address.scopeid;
  return 0;
}

function writeText(text: string, what: string, into: Uint8Array, at: number): void {
  const bytes = new TextEncoder().encode(text);
  const most = ADDRESS_BYTES - at - 1;
  if (bytes.length < 1 || bytes.length > most || bytes.includes(0)) {
    throw new RangeError(`${what} ${JSON.stringify(text)}: 1 to ${most} bytes without NUL are allowed`);
  }
  into.set(bytes, at);
}

function readText(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.slice(at, end < 0 ? ADDRESS_BYTES : end));
}
