/** Closing an end, and giving back what was buffered for it. */
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";

/** Closes one end; events that still come for it are then out of date. */
export function closeEnd(s: Shard, slot: number, end: number, reset: boolean): void {
  const fd = s.slots.takeFd(slot, end);
  if (fd < 0) return;
  if (reset) s.libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, s.small.linger, 8);
  s.libc.close(fd);
}

/** Drops what was read from an end and not taken by the other. */
export function dropBuffered(s: Shard, slot: number, from: number): void {
  const { slots } = s;
  const pipe = slots.pipe(slot, from);
  const buffer = slots.writeBuffer(slot, from);
  if (pipe !== 0) s.pipes.release(pipe - 1, slots.buffered(slot, from));
  if (buffer !== 0) s.writeBuffers.release(buffer - 1);
  slots.setPipe(slot, from, 0);
  slots.setWriteBuffer(slot, from, 0);
  slots.setBuffered(slot, from, 0);
}
