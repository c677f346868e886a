/** POSIX names where there is one; `EABORTED` (our own signal), `ECLOSED` (used after close), `ETLS` (handshake or certificate), `EUNKNOWN`. */
export type NetCode =
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "ETIMEDOUT"
  | "EHOSTUNREACH"
  | "ENETUNREACH"
  | "ENOTFOUND"
  | "ENOENT"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EACCES"
  | "EMFILE"
  | "EABORTED"
  | "ECLOSED"
  | "ETLS"
  | "EINVAL"
  | "EUNKNOWN";

/** The one error of the runtime seam. Callers branch on `code` alone; `cause` keeps the runtime's own error. */
export class NetError extends Error {
  override readonly name = "NetError";
  readonly code: NetCode;

  constructor(code: NetCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
