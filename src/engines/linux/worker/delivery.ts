/** What becomes of the bytes that an end had sent before it failed. */

import { CLIENT, TARGET } from "../../../proxy/record.ts";
import { AT_END, FAILED } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";

/**
 * Whether the other end has acknowledged them all: only then may it be sent a reset, with which the kernel drops what it still
 * holds. Its peer can read what it has acknowledged even after the reset.
 */
export function delivered(s: Shard, slot: number): boolean {
  const { slots } = s;
  const from = slots.bits(slot, CLIENT) & FAILED ? CLIENT : TARGET;
  if (slots.buffered(slot, from) !== 0 || (slots.bits(slot, from) & AT_END) === 0) return false;
  const unacked = unacknowledged(s, slots.fd(slot, from ^ 1));
  if (unacked === 0) return true;
  if (unacked !== slots.unacked(slot)) {
    slots.setUnacked(slot, unacked);
    slots.setMovedAt(slot, s.now);
  }
  return false;
}

/** Bytes sent there that its peer's system has not acknowledged. 0 as well where the kernel does not say. */
export function unacknowledged({ libc, small }: Shard, fd: number): number {
  return libc.ioctl(fd, abi.SIOCOUTQ, small.result) < 0 ? 0 : small.getResult();
}
