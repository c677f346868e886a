import type { Address, TcpAddress } from "./runtime.ts";

/** What a connection answers when its runtime knows no IP address for an end: Unix sockets, or a socket that is gone. */
export const NO_ADDRESS: TcpAddress = Object.freeze({ host: "", port: 0 });

const MAPPED_PREFIX = "::ffff:";

/** `::ffff:1.2.3.4` is how a dual-stack listener shows an IPv4 peer: given as `1.2.3.4`, so that one peer has one name. */
export function plainHost(host: string): string {
  return host.startsWith(MAPPED_PREFIX) && host.includes(".") ? host.slice(MAPPED_PREFIX.length) : host;
}

/** For messages: `1.2.3.4:80`, `[::1]:80`, `*:80` for every interface, or the path of a Unix socket. */
export function showAddress(address: Address): string {
  if ("path" in address) return address.path;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host || "*";
  return `${host}:${address.port}`;
}
