/** Connecting to a target, without waiting for it: the outcome arrives as an event. */

import { TARGET } from "../../../proxy/record.ts";
import { KEPT_ALIVE, UNDELAYED } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import type { Pointer } from "../sys/libc.ts";
import { encodeLiteral } from "../sys/sockaddr.ts";
import { deferSyn, lookAhead, sendEarly } from "./fast-open.ts";
import { giveUpGuest } from "./guests.ts";
import type { PoolPart, TargetSockets } from "./pool-part.ts";
import { proxyWanted } from "./preface.ts";
import type { Shard } from "./shard.ts";
import { closeEnd } from "./socket-io.ts";
import type { TargetAddress } from "./target-addresses.ts";

/** Begins to connect the slot to a target of that part. Returns 0, or the errno of an attempt that failed at once. */
export function dialTarget(s: Shard, slot: number, part: PoolPart, row: number): number {
  const { addresses, sockets } = part;
  const target = addresses.get(row);
  if (sockets !== null && target.family !== abi.AF_UNIX) return dialAsWished(s, slot, part, target, sockets);
  return dial(s, slot, target.family, target.start, target.length);
}

/** The same as the pool wishes: where the ports of one source are used up, from another. */
function dialAsWished(s: Shard, slot: number, part: PoolPart, target: TargetAddress, sockets: TargetSockets): number {
  const { family, length, start } = target;
  const ways = sockets.ways(family);
  const first = sockets.nextTurn(family);
  // A header that has to come first goes when the connection stands.
  const early = sockets.fastOpen && proxyWanted(s, part, slot) === undefined ? lookAhead(s, slot) : 0;
  for (let i = 0; i < ways; i++) {
    const fd = openSocket(s, slot, family);
    if (fd < 0) return -fd;
    const unbound = sockets.prepare(slot, fd, family, (first + i) % ways);
    if (early > 0) deferSyn(s, fd);
    const errno = unbound === 0 ? connectTo(s, slot, fd, start, length, sockets.bits) : unbound;
    if (errno === 0) return early > 0 ? sendEarly(s, slot, fd, early) : 0;
    closeEnd(s, slot, TARGET, false);
    if (errno !== abi.EADDRNOTAVAIL && errno !== abi.EADDRINUSE) return errno;
  }
  return abi.EADDRNOTAVAIL;
}

/** Begins to connect the slot to the loopback port. Returns 0 or errno. */
export function dialLoopback(s: Shard, slot: number, port: number): number {
  const length = encodeLiteral("127.0.0.1", port, s.small.addressBytes);
  return dial(s, slot, abi.AF_INET, s.small.address, length);
}

function dial(s: Shard, slot: number, family: number, address: Pointer, length: number): number {
  const fd = openSocket(s, slot, family);
  if (fd < 0) return -fd;
  // Neither Nagle's algorithm nor keepalive exists for Unix sockets.
  const errno = connectTo(s, slot, fd, address, length, family === abi.AF_UNIX ? KEPT_ALIVE | UNDELAYED : 0);
  if (errno !== 0) closeEnd(s, slot, TARGET, false);
  return errno;
}

/** A socket for the slot's target, or a negative errno. Where descriptors are short, one who is no pool's yet gives way. */
function openSocket(s: Shard, slot: number, family: number): number {
  const { libc, options, slots } = s;
  for (;;) {
    const fd = libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
    if (fd >= 0 && fd < options.dialCeiling) {
      slots.setFd(slot, TARGET, fd);
      return fd;
    }
    const errno = fd < 0 ? libc.errno[0]! : abi.EMFILE;
    if (fd >= 0) libc.close(fd);
    if (errno !== abi.EMFILE || !giveUpGuest(s)) return -errno;
  }
}

/** `bits`: of the target's end. Returns 0 or errno. */
function connectTo(s: Shard, slot: number, fd: number, address: Pointer, length: number, bits: number): number {
  const { libc } = s;
  if (libc.connect(fd, address, length) < 0 && libc.errno[0] !== abi.EINPROGRESS) return libc.errno[0]!;
  s.slots.setBits(slot, TARGET, bits);
  return s.watch(fd, slot, TARGET) < 0 ? libc.errno[0]! : 0;
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
