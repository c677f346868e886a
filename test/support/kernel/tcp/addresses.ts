/** sockaddr_in and sockaddr_in6 as the kernel reads and writes them. An IPv4 address mapped into IPv6 is the IPv4 address. */
import { AF_INET, AF_INET6, EAFNOSUPPORT, EINVAL } from "../../../../src/engines/linux/sys/abi.ts";
import { decodePeer, encodeLiteral } from "../../../../src/engines/linux/sys/sockaddr.ts";
import { formatWords } from "../../../../src/util/client-key.ts";

export interface SocketAddress {
  /** IPv4 dotted, IPv6 in RFC 5952's form. */
  readonly host: string;
  readonly port: number;
}

const words = new Uint32Array(4);
const scratch = new Uint8Array(28);
/** sockaddrs without port, by family and host. */
const encoded = new Map<string, Uint8Array>();

export function isV4(host: string): boolean {
  return !host.includes(":");
}

export function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}

export function isWildcard(host: string): boolean {
  return host === "::" || host === "0.0.0.0";
}

/** An address given to a socket of `family`, or a negative errno. */
export function decode(bytes: Uint8Array, family: number): SocketAddress | number {
  const length = family === AF_INET ? 16 : 28;
  if (bytes.length < length) return -EINVAL;
  const given = bytes[0]! | (bytes[1]! << 8);
  if (given !== family) return given === AF_INET && family === AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
  const port = decodePeer(bytes, words, 0);
  // A link-local address means nothing without the interface it is on.
  if (family === AF_INET6 && words[0]! >>> 22 === 0x3fa && bytes.subarray(24, 28).every((byte) => byte === 0)) {
    return -EINVAL;
  }
  return { host: formatWords(words, 0), port };
}

export function encode({ host, port }: SocketAddress, family: number): Uint8Array {
  const key = `${family} ${host}`;
  let known = encoded.get(key);
  if (known === undefined) {
    const literal = family === AF_INET6 && isV4(host) ? (host === "0.0.0.0" ? "::" : `::ffff:${host}`) : host;
    known = scratch.slice(0, encodeLiteral(literal, 0, scratch));
    encoded.set(key, known);
  }
  const bytes = known.slice();
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  return bytes;
}
