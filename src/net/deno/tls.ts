import { netError } from "../net-error.ts";
import type { ConnectOptions } from "../runtime.ts";

/** Does the client's half of a TLS handshake over `tcp`, which it takes over, with Deno's own authorities. The signal ends it at once. */
export async function startTls(tcp: Deno.TcpConn, options: ConnectOptions): Promise<Deno.TlsConn> {
  const { to, signal, tls = {} } = options;
  const conn = await Deno.startTls(tcp, { hostname: tls.serverName ?? ("host" in to ? to.host : "") });
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
