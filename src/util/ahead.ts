/** What is dated by a clock that is ahead of this one by more than clocks differ. */

/**
 * ms that a time may be ahead of a clock: more than clocks differ that somebody keeps in step. What is stamped by one that is wrong by more
 * counts as stamped at that limit when it reaches a group's store, so that it does not hold over what is newer until its time has come.
 */
export const AHEAD_MS = 10 * 60_000;

/** Both ms since 1970. */
export function isAhead(at: number, now: number): boolean {
  return at > now + AHEAD_MS;
}
