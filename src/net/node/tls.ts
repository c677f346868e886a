import { createPrivateKey, X509Certificate } from "node:crypto";
import * as net from "node:net";
import * as tls from "node:tls";
import { NetError } from "../net-error.ts";
import type { ConnectOptions, ListenOptions } from "../runtime.ts";
import { DEFAULT_HANDSHAKE_TIMEOUT, KEEPALIVE_IDLE } from "../runtime.ts";
import { Handshakes } from "./handshakes.ts";

/** Hands over sockets whose handshake is done. `socketOptions` as `net.createServer()` takes them. */
export function createTlsServer(
  options: ListenOptions,
  socketOptions: net.ServerOpts,
  onSocket: (socket: tls.TLSSocket) => void,
): tls.Server {
  const { cert, key } = options.tls!;
  checkPair(cert, key);
  const handshakeTimeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT;
  const handshakes = new Handshakes();
  // Half-open only after the handshake: a peer that sends FIN before that has left.
  const serverOptions = { ...socketOptions, allowHalfOpen: false, cert, key, handshakeTimeout };
  const server = tls.createServer(serverOptions, (socket) => {
    handshakes.done(socket);
    socket.allowHalfOpen = true;
    socket.setKeepAlive(true, KEEPALIVE_IDLE); // Deno 2.9.6 ignores the servers' option
    onSocket(socket);
  });
  server.on("connection", (socket) => handshakes.begin(socket));
  // The peer speaks no TLS, or was too slow. Node does not close the socket.
  return server.on("tlsClientError", (_error, socket) => socket.destroy());
}

/** Reports a bad pair at the start: not every runtime's `node:tls` checks it before the first handshake. */
function checkPair(cert: string, key: string): void {
  let belongs: boolean;
  try {
    belongs = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new NetError("ETLS", "the TLS certificate or its key is no readable PEM text", error);
  }
  if (!belongs) throw new NetError("ETLS", "the TLS key does not belong to the certificate");
}

/** Starts to connect. At "secureConnect" the peer's certificate has been found valid for `serverName`, or else for the host. */
export function openTlsSocket(options: ConnectOptions, socketOptions: net.SocketConstructorOpts): tls.TLSSocket {
  const { to } = options;
  const { ca, serverName } = options.tls!;
  const name = serverName ?? ("path" in to ? "" : to.host);
  const socket = tls.connect({
    ...socketOptions,
    ...to,
    ...(ca === undefined ? {} : { ca }),
    ...(net.isIP(name) === 0 ? { servername: name } : {}), // SNI must not carry an address
    checkServerIdentity: (_host, certificate) => checkIdentity(name, certificate),
  });
  return socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_IDLE); // tls.connect() ignores these options
}

/** As tls.checkServerIdentity(), which on Node 22.23 knows no IPv6 address. Answers an error or undefined. */
function checkIdentity(name: string, certificate: tls.PeerCertificate): Error | undefined {
  if (net.isIP(name) === 0) return tls.checkServerIdentity(name, certificate);
  if (new X509Certificate(certificate.raw).checkIP(name) !== undefined) return undefined;
  return new NetError("ETLS", `the peer's certificate is not for ${name} but for ${certificate.subjectaltname}`);
}
