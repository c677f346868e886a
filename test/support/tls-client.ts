/** Clients that speak TLS, on Connections, so that their half-closes, resets and pauses are the same on every runtime. */
import { connectTls } from "../../src/net/node/target-tls.ts";
import type { Address, Connection, TlsCertificate } from "../../src/net/runtime.ts";
import { formatAddress } from "../../src/util/address.ts";
import { ca } from "./certificates.ts";
import { LOOPBACK } from "./ports.ts";
import { within } from "./wait.ts";

export interface TlsClientOptions {
  readonly name?: string;
  /** By default that of the fixtures; null: any certificate does. */
  readonly ca?: string | null;
  readonly alpn?: readonly string[];
  readonly certificate?: TlsCertificate;
  /** Sent before the TLS. */
  readonly preface?: Uint8Array;
}

/** `where`: a port of this machine, or an address. */
export function dialTls(where: number | Address, options: TlsClientOptions = {}): Promise<Connection> {
  const { alpn = [], certificate = null, name = "localhost", preface = new Uint8Array(0) } = options;
  const authority = options.ca === undefined ? ca : options.ca;
  const tls = { ca: authority, verify: authority !== null, name, certificate, alpn };
  const { signal } = new AbortController();
  const to = typeof where === "number" ? { host: LOOPBACK, port: where } : where;
  return within(`TLS with ${formatAddress(to)}`, connectTls({ to, preface, tls, keepAlive: 0, signal }));
}
