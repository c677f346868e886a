/** Which connections are written where not all are. */
import type { CloseRecord } from "../../proxy/record.ts";

/** A target served it, at once, and both sides finished or the client broke it off, as many do. All else is worth a line always. */
export function isOrdinary({ phase, cause, endedBy, tried }: CloseRecord): boolean {
  if (phase !== "relay" || tried.length > 0) return false;
  return cause === "fin" || (cause === "reset" && endedBy === "client");
}

/**
 * One in `sample`, drawn at random: a fixed step would always meet the same target of a pool that serves them in turn. `random`: from 0
 * to 1.
 */
export function isSampled(record: CloseRecord, sample: number, random: () => number = Math.random): boolean {
  return sample === 1 || !isOrdinary(record) || random() * sample < 1;
}
