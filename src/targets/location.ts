/** Which target a report speaks of: where that is, as far as it tells targets apart, and the name that follows from it. */
import type { Address, TcpAddress } from "../net/runtime.ts";
import { canonicalHost, formatAddress } from "../util/address.ts";
import { isLoopback, LOOPBACK } from "./loopback.ts";
import type { Report, TargetOwner } from "./report.ts";

/** The target is where its reporter is, and that is on this host. */
function isHere({ remote }: TargetOwner, { advertise }: Report): boolean {
  return advertise === undefined && isLoopback(remote.host);
}

/** Its address, or one name for all loopback addresses of this host. */
export function locationOf(owner: TargetOwner, report: Report, host: string): TcpAddress {
  return { host: isHere(owner, report) ? LOOPBACK : canonicalHost(host), port: report.port };
}

/** Where the target is for its key, which may name one loopback address and not another. */
export function judgedHost(owner: TargetOwner, report: Report, location: TcpAddress): string {
  return isHere(owner, report) ? owner.remote.host : location.host;
}

/** Why the owner's key does not allow this report, or null. */
export function forbidden(owner: TargetOwner, report: Report, location: TcpAddress): string | null {
  return owner.forbids(report, judgedHost(owner, report, location));
}

/** What the report calls its target. */
export function identityOf({ pool, id }: Report, location: TcpAddress): string {
  return id === undefined ? placeOf(pool, location) : `${pool}/${id}`;
}

/**
 * Names a place in a pool, and the target that is declared there, or registered there without an id. No id looks like one: it has no
 * colon.
 */
export function placeOf(pool: string, address: Address): string {
  return `${pool}/${formatAddress(address)}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  if ("path" in a || "path" in b) return "path" in a && "path" in b && a.path === b.path;
  return a.host === b.host && a.port === b.port;
}
