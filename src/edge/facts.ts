/** What is known of a client beside its address, before it is served. */
import type { TcpAddress } from "../net/runtime.ts";

export interface ClientFacts {
  /** The peer of the connection, where that is a proxy that has named the client in a PROXY header. */
  readonly via: TcpAddress | null;
  /** Where the client has connected to, as that header says. */
  readonly destination: TcpAddress | null;
  /** The server name that it asks for: lower-case ASCII, without a final dot. */
  readonly serverName: string | null;
  /** The protocol that was agreed on; of a connection that is not decrypted here, the first that the client offers. */
  readonly alpn: string | null;
  /** Of a connection that was decrypted, here or by the proxy before. */
  readonly tls: TlsFacts | null;
  /** The proxy's name for the connection (PP2_TYPE_UNIQUE_ID), 128 bytes at most. */
  readonly uniqueId: Uint8Array | null;
}

export const NO_FACTS: ClientFacts = {
  via: null,
  destination: null,
  serverName: null,
  alpn: null,
  tls: null,
  uniqueId: null,
};

/** Whether nothing is known but the client's address. */
export function tellNothing({ alpn, destination, serverName, tls, uniqueId, via }: ClientFacts): boolean {
  return (via ?? destination ?? serverName ?? alpn ?? tls ?? uniqueId) === null;
}

export interface TlsFacts {
  /** "TLSv1.3" */
  readonly version: string;
  /** "TLS_AES_128_GCM_SHA256"; null where nobody says. */
  readonly cipher: string | null;
  /** null: the client has shown none. */
  readonly certificate: { readonly commonName: string | null; readonly verified: boolean } | null;
}
