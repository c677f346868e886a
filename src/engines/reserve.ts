/**
 * The descriptors that an engine leaves to the rest of the process: clients may take all others, and reporters still come in. No
 * system call tells how many are left, so the engines go by what they know: the linux engine by the numbers that it is given, the
 * portable one by its own connections.
 */

/** Where nobody says how many the others want. */
const RESERVE = 256;
/** A limit of less than so many times what they want is too low for all: they get one part of it. */
const PARTS = 4;

/** How many of `limit` descriptors are left to the rest of the process, which wants `wanted`. */
export function reserveOf(limit: number, wanted: number = RESERVE): number {
  return Math.min(wanted, Math.floor(limit / PARTS));
}
