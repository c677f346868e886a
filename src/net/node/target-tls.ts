/** Connecting to what speaks TLS after bytes that are not sealed: a PROXY header. */
import * as net from "node:net";
import * as tls from "node:tls";
import { attempt } from "../adapter.ts";
import { netError } from "../net-error.ts";
import type { Address, Connection, TlsCertificate } from "../runtime.ts";
import { socketOptions } from "./node.ts";
import { checkIdentity } from "./tls.ts";
import { ignore, sealed, TlsConnection } from "./tls-connection.ts";

export interface TargetTlsTerms {
  /** PEM; null: whom the system trusts. */
  readonly ca: string | null;
  readonly verify: boolean;
  /** The name that is asked for, and that the certificate has to have; null: the address. */
  readonly name: string | null;
  readonly certificate: TlsCertificate | null;
  readonly alpn: readonly string[];
}

export interface TargetTlsOptions {
  readonly to: Address;
  /** Sent first, as it is. */
  readonly preface: Uint8Array;
  readonly tls: TargetTlsTerms;
  /** As in ConnectOptions. */
  readonly keepAlive: number;
  readonly signal: AbortSignal;
}

/** Rejects with NetError, ETLS for a certificate that is not to be trusted. */
export function connectTls(options: TargetTlsOptions): Promise<Connection> {
  const { preface, to } = options;
  return attempt(options, (resolve, reject) => {
    const tcp = net.connect({ ...socketOptions(options), ...to });
    const onEarlyClose = (): void => reject(netError("ECONNRESET", "agreeing on TLS with a target"));
    tcp.on("error", reject);
    tcp.once("close", onEarlyClose);
    tcp.once("connect", () => {
      if (preface.length > 0) tcp.write(preface);
      const under = sealed(tcp);
      const socket = tls.connect({ socket: under as net.Socket, ...settings(options) });
      socket.on("error", reject);
      socket.once("secureConnect", () => {
        tcp.off("error", reject);
        tcp.off("close", onEarlyClose);
        tcp.on("error", ignore);
        socket.off("error", reject);
        resolve(new TlsConnection(socket, tcp, under));
      });
    });
    return () => tcp.destroy();
  });
}

function settings({ tls: terms, to }: TargetTlsOptions): tls.ConnectionOptions {
  const { alpn, ca, certificate, verify } = terms;
  const name = terms.name ?? ("path" in to ? "" : to.host);
  return {
    ...(ca === null ? {} : { ca }),
    ...(certificate === null ? {} : certificate),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    ...(net.isIP(name) === 0 && name !== "" ? { servername: name } : {}), // a server name must not be an address
    rejectUnauthorized: verify, // given also where it is the default, which NODE_TLS_REJECT_UNAUTHORIZED=0 would change
    checkServerIdentity: (_host, certificateShown) => checkIdentity(name, certificateShown),
  };
}
