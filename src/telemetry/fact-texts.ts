/** What is known of a client beside its address, in the words of the API and the access log. */
import type { ClientFacts, TlsFacts } from "../edge/facts.ts";
import { formatPeer } from "../util/address.ts";

export interface FactTexts {
  readonly via: string | null;
  readonly destination: string | null;
  readonly serverName: string | null;
  readonly alpn: string | null;
  readonly tls: TlsFacts | null;
  readonly uniqueId: string | null;
}

const NOTHING: FactTexts = {
  via: null,
  destination: null,
  serverName: null,
  alpn: null,
  tls: null,
  uniqueId: null,
};

export function factTexts(facts: ClientFacts | undefined): FactTexts {
  if (facts === undefined) return NOTHING;
  const { via, destination, serverName, alpn, tls, uniqueId } = facts;
  return {
    via: via && formatPeer(via),
    destination: destination && formatPeer(destination),
    serverName,
    alpn,
    tls,
    uniqueId: uniqueId && idText(uniqueId),
  };
}

/** Proxies choose what an ID looks like: most are readable as they are, some are a hash. */
function idText(id: Uint8Array): string {
  const isReadable = id.length > 0 && id.every((byte) => byte > 0x20 && byte < 0x7f);
  if (isReadable) return String.fromCharCode(...id);
  return `0x${[...id].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
