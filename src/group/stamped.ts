/** Which of two values of a common section holds. */
import { isAhead } from "../util/ahead.ts";
import type { Stamped } from "./store.ts";

const encoder = new TextEncoder();

/**
 * Whether `one` holds, and not `other`, of which one has been known before. Texts go by their bytes in UTF-8, as stores do that know nothing
 * but bytes. What is known with a time that is ahead of `now` (ms since 1970; a store's clock was wrong) gives way to any that is not.
 */
export function holdsOver(one: Stamped, other: Stamped, now: number): boolean {
  if (isAhead(other.at, now) && !isAhead(one.at, now)) return true;
  if (one.at !== other.at) return one.at > other.at;
  return one.text !== other.text && areMore(encoder.encode(one.text), encoder.encode(other.text));
}

function areMore(one: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i]! > other[i]!;
  return one.length > other.length;
}
