/**
 * Whether a reporter is where the balancer sees it. A target without an advertised address is where its reporter's connection comes
 * from, and that is whoever passed it on last: a relay without any key could put itself in the reporter's place. So the reporter
 * seals what it sees of the connection, which is then compared with what the balancer sees.
 */
import type { TcpAddress } from "../../net/runtime.ts";
import { isLoopback } from "../../targets/loopback.ts";
import type { Report } from "../../targets/report.ts";
import { parseIp } from "../../util/address.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { Key } from "../keys/key.ts";
import { viewOf } from "../protocol/hello.ts";

/** Both ends of a connection as its reporter has sealed them: `ADDRESS:PORT`, `[ADDRESS]:PORT`. */
export interface SealedViews {
  /** The reporter's end. */
  readonly local: string;
  readonly remote: string;
}

/** The same as the balancer sees them: `local` is its own end. */
export interface SeenEnds {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
}

/**
 * `ADDRESS_MISMATCH`, or null. That the reporter knows the balancer by another address than it has is no fault: so does everybody who
 * comes through a published port or a service's address, and it cannot change which target is registered.
 */
export function addressMismatch(key: Key, report: Report, sealed: SealedViews, seen: SeenEnds): HarmonyError | null {
  if (report.advertise !== undefined) return null;
  // A tunnel that ends here, or a proxy: nobody from afar shall have a target on this host's loopback for that.
  const endsHere = isLoopback(seen.remote.host);
  if (key.limits.nat === true && !endsHere) return null;
  const [told, found] = [canonicalView(sealed.local), viewOf(seen.remote)];
  if (told === found) return null;
  const [to, here] = [canonicalView(sealed.remote), viewOf(seen.local)];
  const dialled = to === here ? "" : ` (and connects to ${shown(to)}, where the balancer has ${here})`;
  const remedy = endsHere
    ? "It ends on the balancer's host: let"
    : `If that is a known NAT, add nat to key "${key.id}" on the balancer's side; or let`;
  const message =
    `the reporter connects from ${shown(told)}${dialled}, but is seen at ${found}: ` +
    `something on the way translates or passes on its connection. ${remedy} the key advertise= the target's address`;
  return new HarmonyError("ADDRESS_MISMATCH", message, { fault: "target" });
}

/** null: it is no address. */
function canonicalView(text: string): string | null {
  const [, v6, v4, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? "";
  return parseIp(host) === null ? null : viewOf({ host, port: Number(port) });
}

function shown(view: string | null): string {
  return view ?? "an address that cannot be read";
}
