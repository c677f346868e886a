/** What an operator says of TLS: of a listener, and of a pool's targets. */
import type { EdgeService } from "../engines/engine.ts";
import type { Pool } from "../pool/pool.ts";

/** A certificate of a listener. */
export interface CertificateFiles {
  /** In PEM. */
  readonly cert: string;
  /** In PEM. */
  readonly key: string;
  /** In DER: what its authority's OCSP responder says of it, for clients that ask for that. Without it they are told nothing. */
  readonly ocsp?: string;
}

/** How TLS clients are served at a listener. */
export interface ListenerTls {
  /** Each serves the names that it has; the first one serves all other names, and clients that say none. */
  readonly certificates: readonly CertificateFiles[];
  /** A file in PEM: who signs clients' certificates. null where none are asked for. */
  readonly clientCa: string | null;
  readonly client: "none" | "optional" | "require";
  readonly min: "1.2" | "1.3";
  /** Protocols in the order of preference. Empty: none is agreed on. */
  readonly alpn: readonly string[];
  /** Session tickets, by which clients come back without a whole handshake. */
  readonly tickets: boolean;
  /** ms for a handshake. */
  readonly handshake: number;
}

/** How a pool's targets are spoken to. Files in PEM. */
export interface TargetTls {
  /** Who signs targets' certificates; null: those whom the system trusts. */
  readonly ca: string | null;
  /** false: any certificate does. */
  readonly verify: boolean;
  /** The server name that is sent, and that the certificate has to have; null: the target's address. */
  readonly name: string | null;
  /** What the balancer shows of itself; null: nothing. */
  readonly certificate: { readonly cert: string; readonly key: string } | null;
  readonly alpn: readonly string[];
}

/** What a listener with TLS serves. */
export interface TlsService extends EdgeService {
  readonly pools: readonly Pool[];
  /** By the numbers of the routes: whether the balancer ends the client's TLS, or passes it on as it is. */
  readonly terminates: readonly boolean[];
  readonly tls: ListenerTls;
}
