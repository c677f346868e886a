/** Connecting to a target, without waiting for it: the outcome arrives as an event. */

import { TARGET } from "../../../proxy/record.ts";
import { KEPT_ALIVE, UNDELAYED } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import type { Pointer } from "../sys/libc.ts";
import { encodeLiteral } from "../sys/sockaddr.ts";
import type { Shard } from "./shard.ts";
import { closeEnd } from "./socket-io.ts";
import type { TargetAddress } from "./target-addresses.ts";

/** Begins to connect the slot to a target. Returns 0, or the errno of an attempt that failed at once. */
export function dialTarget(s: Shard, slot: number, { family, start, length }: TargetAddress): number {
  return dial(s, slot, family, start, length);
}

/** Begins to connect the slot to the loopback port. Returns 0 or errno. */
export function dialLoopback(s: Shard, slot: number, port: number): number {
  const length = encodeLiteral("127.0.0.1", port, s.small.addressBytes);
  return dial(s, slot, abi.AF_INET, s.small.address, length);
}

function dial(s: Shard, slot: number, family: number, address: Pointer, length: number): number {
  const { libc, slots } = s;
  const fd = libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
  if (fd < 0) return libc.errno[0]!;
  if (fd >= s.options.dialCeiling) {
    libc.close(fd);
    return abi.EMFILE;
  }
  slots.setFd(slot, TARGET, fd);
  if (libc.connect(fd, address, length) < 0 && libc.errno[0] !== abi.EINPROGRESS) return abandon(s, slot);
  // Neither Nagle's algorithm nor keepalive exists for Unix sockets.
  slots.setBits(slot, TARGET, family === abi.AF_UNIX ? KEPT_ALIVE | UNDELAYED : 0);
  if (s.watch(fd, slot, TARGET) < 0) return abandon(s, slot);
  return 0;
}

function abandon(s: Shard, slot: number): number {
  const errno = s.libc.errno[0]!;
  closeEnd(s, slot, TARGET, false);
  return errno;
}

/** Whether the connection that stands has the target's address on both ends. */
export function isSelfConnected(s: Shard, slot: number): boolean {
  const { libc, small } = s;
  const { maybeSelf, memory, length } = s.partOf(slot).addresses.get(s.slots.row(slot));
  if (!maybeSelf) return false;
  small.setLength(abi.SOCKADDR_MAX);
  if (libc.getsockname(s.slots.fd(slot, TARGET), small.address, small.length) < 0) return false;
  for (let i = 0; i < length; i++) if (small.addressBytes[i] !== memory.bytes[i]) return false;
  return true;
}

/** Why the connect under way has failed: an errno, or 0 when it has not. */
export function connectError(s: Shard, slot: number): number {
  const { libc, small } = s;
  small.setLength(4);
  const fd = s.slots.fd(slot, TARGET);
  return libc.getsockopt(fd, abi.SOL_SOCKET, abi.SO_ERROR, small.result, small.length) < 0
    ? libc.errno[0]!
    : small.getResult();
}
