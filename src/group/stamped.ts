/** Which of two values of a common section holds. */
import type { Stamped } from "./store.ts";

const encoder = new TextEncoder();

/** Whether `one` holds, and not `other`. Texts go by their bytes in UTF-8, as stores do that know nothing but bytes. */
export function holdsOver(one: Stamped, other: Stamped): boolean {
  return one.at === other.at ? areMore(encoder.encode(one.text), encoder.encode(other.text)) : one.at > other.at;
}

function areMore(one: Uint8Array, other: Uint8Array): boolean {
  const length = Math.min(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i]! > other[i]!;
  return one.length > other.length;
}
