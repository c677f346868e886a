/**
 * What a listener asks of clients before they are served, in a form that can be posted to threads: numbers, texts and shared memory.
 * The order in which it is asked:
 *
 *     sender   may this peer send a PROXY header? Then the header is read, and the client is who it names.
 *     address  is the client allowed, and not denied?
 *     limits   has it room for one more connection, and one more at this time?
 *     hello    is the ClientHello needed for a route? Then it is read, without being taken from what the target gets.
 *     route    which pool is it for?
 *
 * After that it asks the pool for a permit, as everybody does.
 */
import type { AddressSetData } from "./access/address-set.ts";
import type { ClientLimitsData } from "./access/client-limits.ts";

export interface EdgeRules {
  /** Peers that have to send a PROXY header; all others are refused. null: there are no headers. */
  readonly senders: AddressSetData | null;
  /** A listener of our own, for TLS threads alone: the header has to carry this, and says which route was taken. It is asked nothing else. */
  readonly secret: Uint8Array | null;
  /** null: everybody. */
  readonly allow: AddressSetData | null;
  /** It is stronger than `allow`. null: nobody. */
  readonly deny: AddressSetData | null;
  readonly limits: ClientLimitsData | null;
  /** What those get who are refused by address or limit. All others get a reset. */
  readonly refuse: RefusalAnswer;
  /** ms for the PROXY header and the ClientHello together. */
  readonly prereadTimeout: number;
  /** In the order of the document. Never empty. */
  readonly routes: readonly RouteRule[];
  /** Of RefusalCounters. */
  readonly counters: SharedArrayBuffer;
}

export type RefusalAnswer =
  | { readonly type: "reset" }
  | { readonly type: "close" }
  /** It is kept waiting for so many ms, and then reset. */
  | { readonly type: "tarpit"; readonly ms: number }
  | { readonly type: "text"; readonly text: Uint8Array };

export interface RouteRule {
  /** Lower-case server names, "*." at the start stands for any labels. Empty: any name, and none. */
  readonly names: readonly string[];
  /** The client has to offer one of these protocols. Empty: any, and none. */
  readonly alpn: readonly string[];
}

/** Whether the ClientHello has to be read to find a route. */
export function readsHello({ routes }: Pick<EdgeRules, "routes">): boolean {
  return routes.some(({ alpn, names }) => alpn.length + names.length > 0);
}
