/** How much an end takes before a write to it finds no room. */
import { WRITABLE } from "../shared/ends.ts";
import * as abi from "../sys/abi.ts";
import { BUFFER_BYTES, type Shard } from "./shard.ts";

/**
 * Bytes that a socket has room for now; 0 when it has so little that an event will say when there is enough again. A sixteenth
 * is left out: packets count with their headers. Where the kernel does not say, a buffer's worth is tried.
 */
export function roomOf({ libc, small }: Shard, fd: number): number {
  small.setLength(small.meminfo.byteLength);
  if (libc.getsockopt(fd, abi.SOL_SOCKET, abi.SO_MEMINFO, small.meminfoStart, small.length) < 0) return BUFFER_BYTES;
  const queued = Math.max(small.meminfo[abi.SK_MEMINFO_WMEM_ALLOC]!, small.meminfo[abi.SK_MEMINFO_WMEM_QUEUED]!);
  const room = small.meminfo[abi.SK_MEMINFO_SNDBUF]! - queued;
  // From here on epoll says "writable": to wait for an event while it does would be to wait for one that comes at once.
  return 2 * room < queued ? 0 : room - (room >> 4);
}

/** Waits for room although no write has found too little: setting the watch anew has the kernel look, and tell when there is. */
export function awaitRoom(s: Shard, slot: number, end: number): void {
  s.slots.clearBits(slot, end, WRITABLE);
  s.watchAnew(s.slots.fd(slot, end), slot, end);
}
