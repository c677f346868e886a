/**
 * Which addresses a reporter may name for its target: whoever may name any turns the balancer into a door to what it alone
 * reaches, such as services on its own loopback or a cloud's metadata.
 */
import { type Ip, parseIp } from "../util/address.ts";
import { facesOf } from "../util/embedded-ipv4.ts";
import { isLocal, isNoHost } from "./self-dial-guard.ts";

/**
 * Why a reporter that is seen at `seen` may not have a target at `host`, whatever its key says, or null. `local`: the addresses of
 * this host. Only who is on this host may have a target at one of those.
 */
export function offLimits(host: string, seen: string, local: readonly string[]): string | null {
  const ip = parseIp(host);
  if (ip === null) return `"${host}" is not an IP address`;
  const faces = facesOf(ip);
  const noHost = faces.find(isNoHost);
  if (noHost !== undefined) return `${asInside(host, ip, noHost)} is not the address of a host`;
  const own = faces.find((face) => isLocal(face.toString(), local));
  if (own !== undefined) {
    if (isLocal(seen, local)) return null;
    return `${asInside(host, ip, own)} is an address of the balancer's own host, and the reporter is not on it`;
  }
  const near = faces.find((face) => face.range() === "linkLocal");
  if (near !== undefined)
    return `${asInside(host, ip, near)} is a link-local address: it means another host on each link`;
  // A zone names an interface of this host, which no reporter knows, and would be a second name of the same address.
  return host.includes("%") ? `${host} has a zone: give the address without it` : null;
}

function asInside(host: string, ip: Ip, face: Ip): string {
  return face === ip ? host : `${face}, which ${host} stands for,`;
}
