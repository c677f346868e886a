/** Kernel error numbers as the codes of net. */
import type { NetCode } from "../../../net/net-error.ts";
import { NetError, netError } from "../../../net/net-error.ts";
import * as abi from "./abi.ts";

const CODES: Readonly<Record<number, NetCode>> = {
  [abi.EPERM]: "EACCES",
  [abi.ENOENT]: "ENOENT",
  [abi.EAGAIN]: "ECONNREFUSED", // connect() to a Unix socket whose backlog is full
  [abi.ENOMEM]: "ENOBUFS",
  [abi.EACCES]: "EACCES",
  [abi.ENOTDIR]: "ENOENT",
  [abi.EINVAL]: "EINVAL",
  [abi.ENFILE]: "EMFILE",
  [abi.EMFILE]: "EMFILE",
  [abi.ENOBUFS]: "ENOBUFS",
  [abi.ENOSPC]: "ENOSPC",
  [abi.EPIPE]: "ECONNRESET",
  [abi.EAFNOSUPPORT]: "ENETUNREACH", // a host without IPv6: no network leads there
  [abi.EADDRINUSE]: "EADDRINUSE",
  [abi.EADDRNOTAVAIL]: "EADDRNOTAVAIL",
  [abi.ENETDOWN]: "ENETUNREACH",
  [abi.ENETUNREACH]: "ENETUNREACH",
  [abi.ECONNABORTED]: "ECONNRESET",
  [abi.ECONNRESET]: "ECONNRESET",
  [abi.ETIMEDOUT]: "ETIMEDOUT",
  [abi.ECONNREFUSED]: "ECONNREFUSED",
  [abi.EHOSTDOWN]: "EHOSTUNREACH",
  [abi.EHOSTUNREACH]: "EHOSTUNREACH",
};

export function codeOfErrno(errno: number): NetCode {
  return CODES[errno] ?? "EUNKNOWN";
}

/** The cause of a failure: the errno alone. */
function errorOf(errno: number): NetError {
  return new NetError(codeOfErrno(errno), `errno ${errno}`);
}

/** The failure of doing something, as an operator reads it. */
export function failureOf(errno: number, doing: string): NetError {
  const cause = errorOf(errno);
  return netError(cause.code, doing, cause);
}
