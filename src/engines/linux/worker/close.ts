/** The end of a connection: descriptors, pool and record, exactly once each, whatever state it was in. */

import { PERMIT, ROW } from "../../../proxy/lifecycle.ts";
import { CLIENT, TARGET } from "../../../proxy/record.ts";
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";

/**
 * Ends a connection as `outcome` says unless that was decided before. `reset`: both peers are sent a reset rather than a FIN.
 * It must not be waiting in the pool's queue any more.
 */
export function closeConnection(s: Shard, slot: number, outcome: number, reset: boolean): void {
  s.timers.clear(slot);
  closeEnd(s, slot, CLIENT, reset);
  closeEnd(s, slot, TARGET, reset);
  dropBuffered(s, slot, CLIENT);
  dropBuffered(s, slot, TARGET);
  releaseRow(s, slot);
  releasePermit(s, slot);
  if (s.tried.size > 0) s.tried.delete(slot);
  s.slots.end(slot, outcome, s.now);
  s.open--;
  s.recordsPushed = true;
  s.mailbox.pushRecord(slot);
}

/** Closes one end; events that still come for it are then out of date. */
export function closeEnd(s: Shard, slot: number, end: number, reset: boolean): void {
  const fd = s.slots.takeFd(slot, end);
  if (fd < 0) return;
  if (reset) s.libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, s.small.linger, 8);
  s.libc.close(fd);
}

function dropBuffered(s: Shard, slot: number, from: number): void {
  const { slots } = s;
  const pipe = slots.pipe(slot, from);
  const buffer = slots.writeBuffer(slot, from);
  if (pipe !== 0) s.pipes.release(pipe - 1, slots.buffered(slot, from));
  if (buffer !== 0) s.writeBuffers.release(buffer - 1);
  slots.setPipe(slot, from, 0);
  slots.setWriteBuffer(slot, from, 0);
  slots.setBuffered(slot, from, 0);
}

/** Takes the connection off its target, with the bytes the pool has not been told of yet. */
export function releaseRow(s: Shard, slot: number): void {
  const { slots } = s;
  if (!slots.holds(slot, ROW)) return;
  slots.dropHold(slot, ROW);
  const bytesIn = slots.unreported(slot, CLIENT);
  const bytesOut = slots.unreported(slot, TARGET);
  s.pool.release(slots.row(slot), slots.clientKey(slot), bytesIn, bytesOut, s.now);
  s.roomFreed = true;
}

export function releasePermit(s: Shard, slot: number): void {
  const { slots } = s;
  if (!slots.holds(slot, PERMIT)) return;
  slots.dropHold(slot, PERMIT);
  s.pool.leave();
  s.roomFreed = true;
}
