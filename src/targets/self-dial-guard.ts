/**
 * Keeps a target from leading the balancer back to itself: each connection would then open another until descriptors run out. It
 * judges addresses alone. One that leads back by translation (a router's forwarded port, a route that makes a network local) is not
 * recognised: to tell a client from a dial of our own would take a system call for each connection.
 */
import type { Address, TcpAddress, UnixAddress } from "../net/runtime.ts";
import { canonicalHost, formatAddress, type Ip, isWildcard, parseIp } from "../util/address.ts";
import { facesOf } from "../util/embedded-ipv4.ts";
import { isLoopback } from "./loopback.ts";

/**
 * Why the balancer cannot dial this target, or null: an address that is no single host's, or one of the `listeners`
 * (wildcard listeners are reached at every address in `local`).
 */
export function undialable(target: Address, listeners: readonly Address[], local: readonly string[]): string | null {
  return "path" in target ? ownPath(target, listeners) : undialableHost(target, listeners, local);
}

function ownPath({ path }: UnixAddress, listeners: readonly Address[]): string | null {
  return listeners.some((each) => "path" in each && each.path === path) ? itself(formatAddress({ path })) : null;
}

function undialableHost(target: TcpAddress, listeners: readonly Address[], local: readonly string[]): string | null {
  const ip = parseIp(target.host);
  if (ip === null) return `"${target.host}" is not an IP address`;
  const faces = facesOf(ip);
  if (faces.some(isNoHost)) return `${target.host} is not the address of a host`;
  const hosts = faces.map((face) => face.toString());
  const isOwn = listeners.some((listener) => {
    if ("path" in listener || listener.port !== target.port) return false;
    const { host } = listener;
    return hosts.some((face) => (isWildcard(host) ? isLocal(face, local) : same(host, face)));
  });
  return isOwn ? itself(formatAddress(target)) : null;
}

function itself(where: string): string {
  return `the balancer itself listens at ${where}: it would dial itself`;
}

/** An address that no single host has. */
export function isNoHost(ip: Ip): boolean {
  const range = ip.range();
  return range === "unspecified" || range === "multicast" || range === "broadcast";
}

/** Whether the address is one of this host, which has those in `local`. */
export function isLocal(host: string, local: readonly string[]): boolean {
  return isLoopback(host) || local.some((address) => same(address, host));
}

/** Without a zone (`fe80::1%eth0`): the system's own list has none, and a host that has the address on another link is refused with it. */
function same(a: string, b: string): boolean {
  return withoutZone(a) === withoutZone(b);
}

function withoutZone(host: string): string {
  return canonicalHost(host).split("%", 1)[0]!;
}
