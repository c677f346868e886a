/** Which of two values of a common section holds. */
import type { Stamped } from "./store.ts";

/**
 * ms that a stamp may be ahead of a clock: more than clocks differ that somebody keeps in step. What is stamped by one that is wrong by more
 * counts as stamped at that limit when it reaches the store, so that it does not hold over what is newer until its time has come.
 */
export const AHEAD_MS = 10 * 60_000;

const encoder = new TextEncoder();

/**
 * Whether `one` holds, and not `other`, of which one has been known before. Texts go by their bytes in UTF-8, as stores do that know nothing
 * but bytes. What is known with a time that is ahead of `now` (ms since 1970; a store's clock was wrong) gives way to any that is not.
 */
export function holdsOver(one: Stamped, other: Stamped, now: number): boolean {
  if (isAhead(other.at, now) && !isAhead(one.at, now)) return true;
  return one.at === other.at ? areMore(encoder.encode(one.text), encoder.encode(other.text)) : one.at > other.at;
}

function isAhead(at: number, now: number): boolean {
  return at > now + AHEAD_MS;
}

function areMore(one: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i]! > other[i]!;
  return one.length > other.length;
}
