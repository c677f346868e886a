/** Ends the TLS of clients whose sockets are there already, some of whose bytes may have been read and put back. */
import { constants, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import * as tls from "node:tls";
import { deferred } from "../../util/deferred.ts";
import { netError, toNetError } from "../net-error.ts";
import type { TlsCertificate } from "../runtime.ts";
import { type NodeConnection, resetSocket } from "./connection.ts";
import { isOlderDeno } from "./older-deno.ts";
import { ignore, sealed, TlsConnection, underlying } from "./tls-connection.ts";

/** null, or why TLS with them cannot be had: Deno 2.7.11's takes no sockets of clients that are there already, and sees no end of targets'. */
export function tlsMissing(whom: "clients" | "targets"): string | null {
  return isOlderDeno ? `TLS with ${whom} needs Deno 2.9 or newer, and this is ${process.versions.deno}` : null;
}

/** null, or why clients that ask for OCSP responses get none: the servers of Bun 1.4 and Deno 2.9 never emit "OCSPRequest". */
export function staplingMissing(): string | null {
  const { bun, deno } = process.versions;
  if (bun === undefined && deno === undefined) return null;
  return `stapling OCSP responses needs Node, and this is ${bun === undefined ? `Deno ${deno}` : `Bun ${bun}`}`;
}

/** Sessions of one listener are none of another that happens to have the same keys for its tickets. */
const SESSIONS = "harmony";

export interface ServerCertificate extends TlsCertificate {
  /** In DER, for clients that ask for it, unless `staplingMissing()`. null: there is none. */
  readonly ocsp: Uint8Array | null;
}

export interface TerminationOptions {
  /** Not empty. */
  readonly certificates: readonly ServerCertificate[];
  /** The place of the one for a name that a client asks for; those who ask for none get the first. */
  readonly choose: (serverName: string) => number;
  /** PEM: who signs clients' certificates. null: clients are not asked for any. */
  readonly clientCa: string | null;
  readonly min: "1.2" | "1.3";
  readonly alpn: readonly string[];
  /** 48 bytes with which tickets are sealed, the same for all who are to take each other's; null: there are no tickets. */
  readonly ticketKeys: Uint8Array | null;
}

/** What was agreed on. */
export interface Agreed {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string | null;
  readonly alpn: string | null;
  /** By a ticket, without a whole handshake. */
  readonly resumed: boolean;
  readonly certificate: { readonly commonName: string | null; readonly verified: boolean } | null;
}

export interface Terminated {
  readonly connection: NodeConnection;
  readonly agreed: Agreed;
}

type Outcome = tls.TLSSocket | Error;

export class Termination {
  readonly #options: TerminationOptions;
  readonly #server: tls.Server;
  /** Made when the first client asks for them: of thousands of certificates most are not asked for in each thread. */
  readonly #contexts: tls.SecureContext[] = [];
  /** By what the TLSSocket is made on. */
  readonly #handshakes = new WeakMap<object, (outcome: Outcome) => void>();

  /** Throws NetError ETLS where the first certificate cannot be used. */
  constructor(options: TerminationOptions) {
    this.#options = options;
    try {
      // It never listens: sockets are given to it, as its event "connection" is documented to allow.
      this.#server = tls.createServer({
        ...this.#contextOptions(0),
        requestCert: options.clientCa !== null,
        rejectUnauthorized: false, // who is not to be trusted is refused by whoever asks, and counts that
        ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
        SNICallback: (name, done) => this.#answer(name, done),
      });
    } catch (error) {
      throw toNetError(error, "cannot use the certificate");
    }
    if (options.certificates.some(({ ocsp }) => ocsp !== null)) this.#staple();
    this.#server.on("secureConnection", (socket) => this.#settle(socket, socket));
    this.#server.on("tlsClientError", (error, socket) => this.#settle(socket, error));
  }

  /**
   * Owns the socket, and is done with it where it rejects with a NetError: `ETLS`, `ENOTLS` by what the client has said, `ETIMEDOUT` after
   * `timeout` ms, `ECONNRESET`.
   */
  async accept(socket: Socket, timeout: number): Promise<Terminated> {
    const { promise, resolve } = deferred<Outcome>();
    const onClose = (): void => resolve(netError("ECONNRESET", "agreeing on TLS"));
    socket.on("error", ignore);
    socket.once("close", onClose);
    const timer = setTimeout(() => resolve(netError("ETIMEDOUT", "agreeing on TLS")), timeout);
    const under = sealed(socket);
    this.#handshakes.set(under, resolve);
    this.#server.emit("connection", under);
    const outcome = await promise;
    clearTimeout(timer);
    socket.off("close", onClose);
    if (!(outcome instanceof Error))
      return { connection: new TlsConnection(outcome, socket, under), agreed: agreedOn(outcome) };
    const error = toNetError(outcome, "agreeing on TLS");
    if (error.code === "ETIMEDOUT") resetSocket(socket);
    throw error;
  }

  #answer(name: string, done: (error: Error | null, context?: tls.SecureContext) => void): void {
    try {
      const n = this.#options.choose(name);
      this.#contexts[n] ??= tls.createSecureContext(this.#contextOptions(n));
      done(null, this.#contexts[n]);
    } catch (error) {
      done(error as Error);
    }
  }

  #staple(): void {
    const responses = new Map<string, Buffer>();
    for (const { cert, ocsp } of this.#options.certificates)
      if (ocsp !== null) responses.set(inBase64(new X509Certificate(cert).raw), Buffer.from(ocsp));
    this.#server.on("OCSPRequest", (certificate, _issuer, done) =>
      done(null, responses.get(inBase64(certificate)) ?? null),
    );
  }

  #contextOptions(n: number): tls.SecureContextOptions {
    const { certificates, clientCa, min, ticketKeys } = this.#options;
    const { cert, key } = certificates[n]!;
    return {
      cert,
      key,
      minVersion: `TLSv${min}`,
      sessionIdContext: SESSIONS,
      honorCipherOrder: true,
      ...(clientCa === null ? {} : { ca: clientCa }),
      ...(ticketKeys === null
        ? { secureOptions: constants.SSL_OP_NO_TICKET }
        : { ticketKeys: Buffer.from(ticketKeys) }),
    };
  }

  #settle(socket: tls.TLSSocket, outcome: Outcome): void {
    socket.on("error", ignore);
    const under = underlying(socket);
    const settle = under === null ? undefined : this.#handshakes.get(under);
    if (settle !== undefined) settle(outcome);
    if (settle === undefined || outcome instanceof Error) socket.destroy();
  }
}

function inBase64(der: Buffer): string {
  return der.toString("base64");
}

function agreedOn(socket: tls.TLSSocket): Agreed {
  const { subject } = socket.getPeerCertificate() as Partial<tls.PeerCertificate>;
  const commonName = [subject?.CN ?? null].flat()[0] ?? null;
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher()?.name ?? "",
    serverName: (socket as { servername?: string | false }).servername || null,
    alpn: socket.alpnProtocol || null,
    resumed: socket.isSessionReused(),
    // One that came back by a ticket without a certificate counts as authorized.
    certificate: subject === undefined ? null : { commonName, verified: socket.authorized },
  };
}
