import { netError } from "../net-error.ts";
import type { ConnectOptions } from "../runtime.ts";

/**
 * Does the client's half of a TLS handshake over `tcp`, which it takes over. The signal ends it at once. Deno adds `caCerts` to its own
 * roots. Its `node:tls` replaces them, but a TLSSocket there that is paused when the peer's FIN comes never tells of it (2.9.5).
 */
export async function startTls(tcp: Deno.TcpConn, options: ConnectOptions): Promise<Deno.TlsConn> {
  const { to, signal, tls = {} } = options;
  const start: Deno.StartTlsOptions = { hostname: tls.serverName ?? ("host" in to ? to.host : "") };
  if (tls.ca !== undefined) start.caCerts = [tls.ca];
  const conn = await Deno.startTls(tcp, start);
  try {
    await untilAborted(conn.handshake(), signal);
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** The handshake, given up at the signal. Closing the connection would not settle the handshake's promise. */
function untilAborted(handshake: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (signal === undefined) return handshake;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(netError("EABORTED", "TLS handshake", signal.reason));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    handshake.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
