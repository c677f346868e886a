/** POSIX names where there is one; `EABORTED` (our own signal), `ECLOSED` (used after close), `ETLS` (handshake or certificate), `ENOTLS` (what answers is no TLS), `EBRIDGE` (our own threads that speak TLS to targets), `EUNKNOWN`. */
export const NET_CODES = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "ENOENT",
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "EACCES",
  "EMFILE",
  "ENOBUFS",
  "ENOSPC",
  "EABORTED",
  "ECLOSED",
  "ETLS",
  "ENOTLS",
  "EBRIDGE",
  "EINVAL",
  "EUNKNOWN",
] as const;

export type NetCode = (typeof NET_CODES)[number];

/** Stands for a code in shared memory: 1 and up. 0 is no code. */
export function numberOf(code: NetCode | null): number {
  return code === null ? 0 : 1 + NET_CODES.indexOf(code);
}

export function codeOfNumber(number: number): NetCode | null {
  return NET_CODES[number - 1] ?? null;
}
