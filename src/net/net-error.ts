import type { NetCode } from "../util/net-codes.ts";

export type { NetCode } from "../util/net-codes.ts";

/** The one error of the runtime seam. Callers branch on `code` alone; `cause` keeps the runtime's own error. */
export class NetError extends Error {
  override readonly name = "NetError";
  readonly code: NetCode;

  constructor(code: NetCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What each code means, for messages. */
const MEANING: Record<NetCode, string> = {
  ECONNREFUSED: "connection refused, nothing accepts connections there",
  ECONNRESET: "connection reset by the peer",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "the name does not resolve",
  ENOENT: "no such socket file",
  EADDRINUSE: "the address is already in use",
  EADDRNOTAVAIL: "the address does not belong to this host",
  EACCES: "permission denied",
  EMFILE: "out of file descriptors",
  ENOBUFS: "out of memory for sockets",
  ENOSPC: "out of epoll watches",
  EABORTED: "given up by the caller",
  ECLOSED: "the connection is closed",
  ETLS: "TLS handshake or certificate failure",
  ENOTLS: "what answers there does not speak TLS",
  EBRIDGE: "the balancer's threads that speak TLS to targets cannot be reached",
  EINVAL: "invalid address or option, or a route that is a black hole",
  EUNKNOWN: "unexpected failure",
};

/** What a code means, as a part of a sentence. */
export function meaningOf(code: NetCode): string {
  return MEANING[code];
}

/** Native codes that differ from ours. POSIX names which are a NetCode themselves need no entry. */
const ALIAS: Record<string, NetCode> = {
  EPIPE: "ECONNRESET",
  ECONNABORTED: "ECONNRESET",
  ENOTCONN: "ECONNRESET",
  ESHUTDOWN: "ECONNRESET",
  EHOSTDOWN: "EHOSTUNREACH",
  ENETDOWN: "ENETUNREACH",
  EAFNOSUPPORT: "ENETUNREACH", // a host without IPv6: no network leads there
  EPERM: "EACCES",
  ENFILE: "EMFILE",
  ENOMEM: "ENOBUFS",
  EAGAIN: "ECONNREFUSED", // connect() to a Unix socket whose backlog is full
  ENOTDIR: "ENOENT",
  EAI_AGAIN: "ENOTFOUND",
  EAI_NONAME: "ENOTFOUND",
  EAI_NODATA: "ENOTFOUND",
  EAI_FAIL: "ENOTFOUND",
  ENODATA: "ENOTFOUND",
  ESERVFAIL: "ENOTFOUND",
  EREFUSED: "ENOTFOUND", // by a server of the DNS
  ETIMEOUT: "ETIMEDOUT",
  ECANCELLED: "EABORTED",
  EPROTO: "ETLS",
  ABORT_ERR: "EABORTED",
  ERR_STREAM_DESTROYED: "ECLOSED",
  ERR_STREAM_WRITE_AFTER_END: "ECLOSED",
  ERR_STREAM_PREMATURE_CLOSE: "ECONNRESET",
  ERR_SOCKET_CLOSED: "ECLOSED",
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: "ECLOSED",
  ERR_SOCKET_CONNECTION_TIMEOUT: "ETIMEDOUT",
  EBADF: "EINVAL",
  ENOTSOCK: "EINVAL",
  ERR_INVALID_FD_TYPE: "EINVAL",
  ERR_SOCKET_BAD_PORT: "EINVAL",
  ERR_OUT_OF_RANGE: "EINVAL",
  ERR_INVALID_ARG_TYPE: "EINVAL",
  ERR_INVALID_ARG_VALUE: "EINVAL",
  ERR_INVALID_ADDRESS: "EINVAL",
  ERR_INVALID_IP_ADDRESS: "EINVAL",
};

/** Deno names some failures by class alone; a port out of range is a RangeError. */
const CLASS: Record<string, NetCode> = {
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  ConnectionAborted: "ECONNRESET",
  NotConnected: "ECONNRESET",
  BrokenPipe: "ECONNRESET",
  UnexpectedEof: "ECONNRESET",
  TimedOut: "ETIMEDOUT",
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  PermissionDenied: "EACCES",
  NotCapable: "EACCES",
  NotFound: "ENOENT",
  NetworkUnreachable: "ENETUNREACH",
  BadResource: "ECLOSED",
  Interrupted: "ECLOSED",
  InvalidData: "ETLS",
  RangeError: "EINVAL",
  AbortError: "EABORTED",
};

/** OpenSSL's and BoringSSL's verification results and library errors, as Node and Bun name them. */
const TLS_CODE =
  /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|ERR_BORINGSSL|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;
/** The first bytes of what should be TLS are not: OpenSSL and BoringSSL, then rustls. */
const PLAIN_MESSAGE = /wrong.version.number|InvalidContentType/i;
/** Deno reports getaddrinfo failures without a code; this is the wording of its resolver on every system. */
const DNS_MESSAGE = /failed to lookup address information|no such host is known/i;
const TLS_MESSAGE = /certificate|handshake|invalid peer|tls|HandshakeFailure/i;

/** The NetCode of anything that a runtime threw. */
export function netCodeOf(error: unknown): NetCode {
  if (error instanceof NetError) return error.code;
  if (!(error instanceof Error)) return "EUNKNOWN";
  if (PLAIN_MESSAGE.test(error.message)) return "ENOTLS";
  const native = (error as { code?: unknown }).code;
  if (typeof native === "string") {
    if (Object.hasOwn(MEANING, native)) return native as NetCode;
    if (Object.hasOwn(ALIAS, native)) return ALIAS[native]!;
    if (TLS_CODE.test(native)) return "ETLS";
  }
  if (DNS_MESSAGE.test(error.message)) return "ENOTFOUND";
  if (Object.hasOwn(CLASS, error.name)) return CLASS[error.name]!;
  return TLS_MESSAGE.test(error.message) ? "ETLS" : "EUNKNOWN";
}

/** A NetError for a condition that Harmony itself found. `doing` names the action and the address: "cannot connect to 10.0.0.1:80". */
export function netError(code: NetCode, doing: string, cause?: unknown): NetError {
  return new NetError(code, `${doing}: ${MEANING[code]}`, cause);
}

/** Normalises what a runtime threw; a NetError passes through. Where the code says nothing the native message is kept in ours. */
export function toNetError(error: unknown, doing: string): NetError {
  if (error instanceof NetError) return error;
  const code = netCodeOf(error);
  if (code !== "EUNKNOWN" && code !== "ETLS" && code !== "EINVAL") return netError(code, doing, error);
  const native = error instanceof Error ? error.message : String(error);
  return new NetError(code, `${doing}: ${MEANING[code]}: ${native}`, error);
}
