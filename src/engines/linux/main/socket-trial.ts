/** Whether sockets can be as an operator wants them: tried on some that are closed at once. */
import { NetError } from "../../../net/net-error.ts";
import type { TargetSocketOptions, WantedSockets } from "../../../net/socket-options.ts";
import { messageOf } from "../../../util/errors.ts";
import * as abi from "../sys/abi.ts";
import { failureOf } from "../sys/errno.ts";
import type { Libc } from "../sys/libc.ts";
import { encodeLiteral } from "../sys/sockaddr.ts";
import { listenOptions, OptionCalls, optionFailure, type SocketOption, targetOptions } from "../sys/socket-options.ts";

const FAMILIES = [abi.AF_INET, abi.AF_INET6] as const;

/** Throws a NetError that names what cannot be had. */
export function tryTargetSockets(libc: Libc, wanted: TargetSocketOptions): void {
  const doing = "connections to targets cannot be made so";
  for (const family of FAMILIES) trySocket(libc, family, targetOptions(wanted, family), doing);
  if (Array.isArray(wanted.source)) for (const host of wanted.source) trySource(libc, host);
}

/** Null, or what cannot be had, in words. */
export function socketsLacking(libc: Libc, { listeners, targets }: WantedSockets): string | null {
  try {
    for (const wanted of listeners) {
      for (const family of FAMILIES)
        trySocket(libc, family, listenOptions(wanted, family), "listeners cannot be made so");
    }
    for (const wanted of targets) tryTargetSockets(libc, wanted);
    return null;
  } catch (error) {
    if (error instanceof NetError) return messageOf(error);
    throw error;
  }
}

function trySocket(libc: Libc, family: number, options: readonly SocketOption[], doing: string): void {
  if (options.length === 0) return;
  const calls = new OptionCalls(libc);
  withSocket(libc, family, (fd) => {
    for (const option of options) {
      const errno = calls.set(fd, option);
      if (errno !== 0) throw optionFailure(option, errno, doing);
    }
  });
}

function trySource(libc: Libc, host: string): void {
  const { at, bytes } = libc.alloc(abi.SOCKADDR_MAX);
  const length = encodeLiteral(host, 0, bytes);
  withSocket(libc, bytes[0]!, (fd) => {
    if (libc.bind(fd, at(0), length) === 0) return;
    const errno = libc.errno[0]!;
    throw failureOf(errno, `cannot connect to targets from ${host}`);
  });
}

/** A host without IPv6 has nothing to try there. */
function withSocket(libc: Libc, family: number, use: (fd: number) => void): void {
  const fd = libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (libc.errno[0] === abi.EAFNOSUPPORT) return;
    throw failureOf(libc.errno[0]!, "cannot make a socket");
  }
  try {
    use(fd);
  } finally {
    libc.close(fd);
  }
}
