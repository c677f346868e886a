/** Where balancers of a group meet. */
import type { Address } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";

/** How the addresses lead to the server that is written to. */
export type PlaceForm = "server" | "sentinel" | "cluster";

export interface GroupPlace {
  readonly form: PlaceForm;
  readonly tls: boolean;
  /** At least one; Unix sockets only as the one server. */
  readonly addresses: readonly Address[];
  readonly user: string | null;
  /** Of a cluster always 0. */
  readonly database: number;
  /** What the sentinels call the server. */
  readonly master: string | null;
}

/** For people: without a password, which is no part of it. */
export function placeText({ form, tls, addresses, user, database, master }: GroupPlace): string {
  const who = user === null ? "" : `${encodeURIComponent(user)}@`;
  const path = master === null ? "" : `/${encodeURIComponent(master)}`;
  const number = database === 0 ? "" : `/${database}`;
  const [first] = addresses;
  if (first !== undefined && "path" in first) {
    return `unix://${who}${encodeURI(first.path).replace(/[?#]/g, encodeURIComponent)}${database === 0 ? "" : `?db=${database}`}`;
  }
  const scheme = `${tls ? "rediss" : "redis"}${form === "server" ? "" : `+${form}`}`;
  return `${scheme}://${who}${addresses.map(formatAddress).join(",")}${path}${number}`;
}
