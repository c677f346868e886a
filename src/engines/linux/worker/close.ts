/** The end of a connection: descriptors, pool and record, exactly once each, whatever state it was in. */

import {
  ACCEPTED_AT,
  ADDRESS,
  CLIENT,
  ENDED,
  FD,
  GENERATION,
  HAS_PLACE,
  HAS_ROW,
  HELD,
  HOLDS,
  MOVED_IN,
  MOVED_OUT,
  OUTCOME,
  PIPE,
  ROW,
  SINCE,
  SPILL,
  STATE,
  STRIDE,
  TARGET,
  TOLD_IN,
  TOLD_OUT,
} from "../shared/slots.ts";
import * as abi from "../sys/abi.ts";
import type { Shard } from "./shard.ts";

/**
 * Ends a connection as `outcome` says unless that was decided before. `reset`: both peers are sent a reset rather than a FIN.
 * It must not be waiting in the pool's queue any more.
 */
export function finish(s: Shard, slot: number, outcome: number, reset: boolean): void {
  const { words, doubles } = s;
  const at = slot * STRIDE;
  if (words[at + OUTCOME] === 0) words[at + OUTCOME] = outcome;
  s.wheel.clear(slot);
  closeEnd(s, slot, CLIENT, reset);
  closeEnd(s, slot, TARGET, reset);
  dropHeld(s, at + CLIENT);
  dropHeld(s, at + TARGET);
  giveRowBack(s, slot);
  givePlaceBack(s, slot);
  if (s.tried.size > 0) s.tried.delete(slot);
  doubles[(at >> 1) + SINCE] = s.now - doubles[(at >> 1) + ACCEPTED_AT]!;
  words[at + STATE] = ENDED;
  s.open--;
  s.recordsPushed = true;
  s.channel.push(slot);
}

/** Closes one end; events that still come for it are then out of date. */
export function closeEnd(s: Shard, slot: number, end: number, reset: boolean): void {
  const { words } = s;
  const at = slot * STRIDE + end;
  const fd = words[at + FD]!;
  words[at + GENERATION]!++;
  if (fd < 0) return;
  words[at + FD] = -1;
  if (reset) s.libc.setsockopt(fd, abi.SOL_SOCKET, abi.SO_LINGER, s.small.linger, 8);
  s.libc.close(fd);
}

function dropHeld(s: Shard, direction: number): void {
  const { words } = s;
  if (words[direction + PIPE] !== 0) s.pipes.release(words[direction + PIPE]! - 1, words[direction + HELD]!);
  if (words[direction + SPILL] !== 0) s.spills.release(words[direction + SPILL]! - 1);
  words[direction + PIPE] = 0;
  words[direction + SPILL] = 0;
  words[direction + HELD] = 0;
}

/** Takes the connection off its target, with the bytes the pool has not been told of yet. ROW stays, for the record. */
export function giveRowBack(s: Shard, slot: number): void {
  const { words, doubles } = s;
  const at = slot * STRIDE;
  if ((words[at + HOLDS]! & HAS_ROW) === 0) return;
  words[at + HOLDS]! &= ~HAS_ROW;
  const half = at >> 1;
  const bytesIn = doubles[half + MOVED_IN]! - doubles[half + TOLD_IN]!;
  const bytesOut = doubles[half + MOVED_OUT]! - doubles[half + TOLD_OUT]!;
  s.pool.release(words[at + ROW]!, keyOf(s, slot), bytesIn, bytesOut, s.now);
  s.roomFreed = true;
}

export function givePlaceBack(s: Shard, slot: number): void {
  const at = slot * STRIDE;
  if ((s.words[at + HOLDS]! & HAS_PLACE) === 0) return;
  s.words[at + HOLDS]! &= ~HAS_PLACE;
  s.pool.leave();
  s.roomFreed = true;
}

/** The client's address as the pool's key. One array for all: each use is over before the next begins. */
export function keyOf(s: Shard, slot: number): Uint32Array {
  const { key, words } = s;
  const at = slot * STRIDE + ADDRESS;
  key[0] = words[at]!;
  key[1] = words[at + 1]!;
  key[2] = words[at + 2]!;
  key[3] = words[at + 3]!;
  return key;
}
