/** Numbers of the Linux ABI that only the kernel's side and its tests need: the engine's own are in src/engines/linux/sys/abi.ts. */

export const EEXIST = 17;
export const EBUSY = 16;
export const ENOTTY = 25;
export const ESPIPE = 29;
export const ENOTSOCK = 88;
export const ENOPROTOOPT = 92;
export const EOPNOTSUPP = 95;
export const EISCONN = 106;
export const ENOTCONN = 107;
export const EALREADY = 114;

export const EPOLLONESHOT = 1 << 30;
/** Bits of an epoll interest that are no events: EPOLLET, EPOLLONESHOT, EPOLLWAKEUP, EPOLLEXCLUSIVE. */
export const EPOLL_PRIVATE_BITS = 0xf000_0000 | 0;

export const MSG_OOB = 0x1;
export const MSG_PEEK = 0x2;
export const MSG_DONTWAIT = 0x40;
export const SHUT_RD = 0;

export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_OOBINLINE = 10;
export const TCP_USER_TIMEOUT = 18;

export const F_GETFD = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_GETPIPE_SZ = 1032;
export const FD_CLOEXEC = 1;
export const SPLICE_F_MORE = 4;

export const PAGE_BYTES = 4096;

const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  16: "EBUSY",
  17: "EEXIST",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  25: "ENOTTY",
  28: "ENOSPC",
  29: "ESPIPE",
  32: "EPIPE",
  88: "ENOTSOCK",
  92: "ENOPROTOOPT",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  101: "ENETUNREACH",
  103: "ECONNABORTED",
  104: "ECONNRESET",
  105: "ENOBUFS",
  106: "EISCONN",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
  114: "EALREADY",
  115: "EINPROGRESS",
};

/** For messages: "EAGAIN", or the number where it has no name here. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `errno ${errno}`;
}
