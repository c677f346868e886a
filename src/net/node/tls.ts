import { createPrivateKey, X509Certificate } from "node:crypto";
import * as net from "node:net";
import * as tls from "node:tls";
import { endOf } from "../adapter.ts";
import { NetError, netCodeOf } from "../net-error.ts";
import type { ConnectOptions, ListenOptions, TlsCertificate } from "../runtime.ts";
import { DEFAULT_HANDSHAKE_TIMEOUT } from "../runtime.ts";
import { Handshakes } from "./handshakes.ts";

/** A fatal alert, protocol_version (RFC 8446, 6.2): it tells a peer by its first byte that TLS is spoken here. */
const ALERT = Uint8Array.of(0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46);

interface KeepAlive {
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
}

/** Hands over sockets whose handshake is done. `socketOptions` as `net.createServer()` takes them. */
export function createTlsServer(
  options: ListenOptions,
  socketOptions: net.ServerOpts & KeepAlive,
  onSocket: (socket: tls.TLSSocket) => void,
): tls.Server {
  const { cert, key } = options.tls!;
  checkPair(cert, key);
  const handshakeTimeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT;
  const handshakes = new Handshakes(options.strangers);
  // Half-open only after the handshake: a peer that sends FIN before that has left.
  const serverOptions = { ...socketOptions, allowHalfOpen: false, cert, key, handshakeTimeout };
  const server = tls.createServer(serverOptions, (socket) => {
    handshakes.done(socket);
    socket.allowHalfOpen = true;
    socket.setKeepAlive(socketOptions.keepAlive, socketOptions.keepAliveInitialDelay); // Deno 2.9.6 ignores the servers' option
    onSocket(socket);
  });
  server.on("connection", (socket) => handshakes.begin(socket));
  // The peer speaks no TLS, or was too slow. Node does not close the socket.
  return server.on("tlsClientError", (error, socket) => {
    if (isPlain(error)) refusePlain(socket, options.onPlain);
    else socket.destroy();
  });
}

/** "http request" is what OpenSSL and BoringSSL say of the first bytes that they know. */
function isPlain(error: Error): boolean {
  return netCodeOf(error) === "ENOTLS" || (error as { code?: string }).code === "ERR_SSL_HTTP_REQUEST";
}

/** Bun and Deno have sent an alert, and their socket is closed already. */
function refusePlain(socket: tls.TLSSocket, onPlain: ListenOptions["onPlain"]): void {
  // Where TLS runs over a socket of its own, that one knows the address, and takes bytes that are not to be sealed.
  const tcp = (socket as { _parent?: net.Socket })._parent ?? socket;
  const from = endOf(tcp.remoteAddress, tcp.remotePort);
  if (tcp !== socket && tcp.writable) tcp.write(ALERT, () => socket.destroy());
  else socket.destroy();
  if (from.host !== "") onPlain?.(from);
}

/** Throws ETLS for a pair that cannot be used. */
export function renewCertificate(server: tls.Server, { cert, key }: TlsCertificate): void {
  checkPair(cert, key);
  server.setSecureContext({ cert, key });
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
export function openTlsSocket(
  options: ConnectOptions,
  socketOptions: net.SocketConstructorOpts & KeepAlive,
): tls.TLSSocket {
  const { to } = options;
  const { ca, serverName, verify = true } = options.tls!;
  const name = serverName ?? ("path" in to ? "" : to.host);
  const socket = tls.connect({
    ...socketOptions,
    ...to,
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: verify, // given also where it is the default, which NODE_TLS_REJECT_UNAUTHORIZED=0 would change
    ...(net.isIP(name) === 0 ? { servername: name } : {}), // SNI must not carry an address
    checkServerIdentity: (_host, certificate) => checkIdentity(name, certificate),
  });
  return socket.setNoDelay(true).setKeepAlive(socketOptions.keepAlive, socketOptions.keepAliveInitialDelay); // tls.connect() ignores these options
}

/** As tls.checkServerIdentity(), which on Node 22.23 knows no IPv6 address. Answers an error or undefined. */
export function checkIdentity(name: string, certificate: tls.PeerCertificate): Error | undefined {
  if (net.isIP(name) === 0) return tls.checkServerIdentity(name, certificate);
  if (new X509Certificate(certificate.raw).checkIP(name) !== undefined) return undefined;
  return new NetError("ETLS", `the peer's certificate is not for ${name} but for ${certificate.subjectaltname}`);
}
