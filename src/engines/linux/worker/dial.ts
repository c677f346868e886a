/** Connecting to a target, without waiting for it: the outcome arrives as an event. */
import type { Address } from "../../../net/runtime.ts";
import { BITS, CONNECTING, FD, KEPT_ALIVE, SINCE, STATE, STRIDE, TARGET, UNDELAYED } from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import type { Memory, Pointer } from "../sys/libc.ts";
import { encodeLiteral, encodePath } from "../sys/sockaddr.ts";
import { closeEnd } from "./close.ts";
import type { Shard } from "./shard.ts";

/** A target's sockaddr, ready for connect(). */
interface Dialable {
  /** The object the pool gave: it gives another when the address changes. */
  readonly address: Address;
  readonly family: number;
  readonly memory: Memory;
  readonly start: Pointer;
  readonly length: number;
}

/** Sockaddrs by row, made once per address. */
export class AddressBook {
  readonly #entries: (Dialable | undefined)[] = [];

  get(s: Shard, row: number): Dialable {
    const address = s.pool.address(row);
    const known = this.#entries[row];
    if (known?.address === address) return known;
    const memory = known?.memory ?? s.libc.alloc(128);
    const length =
      "path" in address
        ? encodePath(address.path, memory.bytes)
        : encodeLiteral(address.host, address.port, memory.bytes);
    const entry = { address, family: memory.bytes[0]!, memory, start: memory.at(0), length };
    this.#entries[row] = entry;
    return entry;
  }
}

/** Begins to connect the slot to the row's target. Returns 0, or the errno of an attempt that failed at once. */
export function dialRow(s: Shard, slot: number, row: number): number {
  const { family, start, length } = s.addresses.get(s, row);
  return dial(s, slot, family, start, length);
}

/** Begins to connect the slot to the loopback port. Returns 0 or errno. */
export function dialLoopback(s: Shard, slot: number, port: number): number {
  const length = encodeLiteral("127.0.0.1", port, s.small.addressBytes);
  return dial(s, slot, abi.AF_INET, s.small.address, length);
}

function dial(s: Shard, slot: number, family: number, address: Pointer, length: number): number {
  const { libc, words } = s;
  const at = slot * STRIDE;
  const fd = libc.socket(family, abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC, 0);
  if (fd < 0) return libc.errno[0]!;
  words[at + FD + TARGET] = fd;
  if (libc.connect(fd, address, length) < 0 && libc.errno[0] !== abi.EINPROGRESS) return abandon(s, slot);
  words[at + BITS + TARGET] = family === abi.AF_UNIX ? KEPT_ALIVE | UNDELAYED : 0;
  if (s.watch(fd, slot, TARGET) < 0) return abandon(s, slot);
  words[at + STATE] = CONNECTING;
  s.doubles[(at >> 1) + SINCE] = s.now;
  s.wheel.set(slot, s.now + s.options.connectTimeout);
  return 0;
}

function abandon(s: Shard, slot: number): number {
  const errno = s.libc.errno[0]!;
  closeEnd(s, slot, TARGET, false);
  return errno;
}

/** Why the connect under way has failed: an errno, or 0 when it has not. */
export function connectError(s: Shard, slot: number): number {
  const { libc, small, words } = s;
  small.setLength(4);
  const fd = words[slot * STRIDE + FD + TARGET]!;
  return libc.getsockopt(fd, abi.SOL_SOCKET, abi.SO_ERROR, small.result, small.length) < 0
    ? libc.errno[0]!
    : small.getResult();
}
