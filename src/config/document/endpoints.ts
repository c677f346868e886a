/** Every address that clients connect to, out of all listeners, and which of them are the same. */
import type { ListenAddress } from "../../net/runtime.ts";
import { canonicalHost, isWildcard } from "../../util/address.ts";
import { formatListen } from "../listen-kind.ts";
import type { BalancerSettings, ListenerSettings } from "../settings.ts";

/** One address of one listener. */
export interface Endpoint {
  /** The same for what is one socket in two documents. */
  readonly key: string;
  readonly listener: string;
  readonly address: ListenAddress;
  /** Of its listener, the same for all of its addresses. */
  readonly settings: ListenerSettings;
}

/** By their keys, in the order of the document. */
export function endpointsOf({ listeners }: Pick<BalancerSettings, "listeners">): ReadonlyMap<string, Endpoint> {
  const all = new Map<string, Endpoint>();
  for (const [listener, settings] of listeners) {
    settings.listen.forEach((address, index) => {
      const key = endpointKey(address, listener, index);
      all.set(key, { key, listener, address, settings });
    });
  }
  return all;
}

/** To which its routes lead, each once. */
export function poolsOf({ routes }: Pick<ListenerSettings, "routes">): readonly string[] {
  return [...new Set(routes.map(({ pool }) => pool))];
}

/** Port 0 is another free port for each address that asks for it, so that only its place tells which socket it is. */
export function endpointKey(address: ListenAddress, listener: string, index: number): string {
  if ("path" in address) return `unix:${address.path}`;
  const text = endpointText(address);
  return "port" in address && address.port === 0 ? `${text} ${listener} ${index}` : text;
}

/** The same for all spellings of an IP address. */
export function endpointText(address: ListenAddress): string {
  return formatListen("host" in address ? { ...address, host: canonicalHost(address.host) } : address);
}

/** Whether nobody can listen at both of two addresses with the same port, or the same path or descriptor. */
export function overlap(one: ListenAddress, other: ListenAddress): boolean {
  if (!("host" in one && "host" in other)) return true;
  const [host, otherHost] = [canonicalHost(one.host), canonicalHost(other.host)];
  return host === otherHost || covers(host, otherHost) || covers(otherHost, host);
}

/** Every interface covers each of them; 0.0.0.0 is every one of IPv4 alone. */
function covers(host: string, other: string): boolean {
  return isWildcard(host) && (host !== "0.0.0.0" || !other.includes(":") || isWildcard(other));
}
