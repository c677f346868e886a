/** How long it may take to deliver what an end of a relay had sent before it failed. */
import type { Io } from "./io.ts";
import type { Store } from "./store.ts";

/**
 * ms for which the other end may take nothing of it: a reader on a bad line pauses for seconds, and what it holds up is a permit.
 */
export const DELIVERY_MS = 10_000;
/** ms between two looks at that, at first and at most: most peers acknowledge within a delayed acknowledgement's 40 ms. */
const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 500;

/** ms until it is to be looked at again, when that goes on for `waited` ms. */
export function untilNextLook(waited: number): number {
  return Math.min(Math.max(FIRST_LOOK_MS, waited / 2), LONGEST_LOOK_MS);
}

/** Of one that is DELIVERING. True: all is there, or nothing has moved for too long. Otherwise its timer runs on to the next look. */
export function checkDelivery<C, F>(store: Store<C, F>, io: Io<C, F>, c: C): boolean {
  const now = io.now();
  const waited = now - store.since(c);
  const isDue = Math.min(waited, now - store.movedAt(c)) >= DELIVERY_MS;
  if (io.delivered(c) || isDue) return true;
  io.arm(c, now + untilNextLook(waited));
  return false;
}
