/** How fast connections may be ended, so that others take their place. */

export interface Rate {
  readonly amount: number;
  /** Percents are of the connections that the pool has then. */
  readonly of: "connections" | "percent";
  /** In so many ms. */
  readonly perMs: number;
}

/** A thread accepts and connects some ten thousand a second: what comes back at this rate is felt. */
export const MOST_PER_SECOND = 10_000;

/** Of connections in the time: few percents of few connections are none, and would never be ended. */
const FEWEST = 0.1;

/** ms from one end to the next, on the average, in a pool that has `open` connections. */
export function spacing({ amount, of, perMs }: Rate, open: number): number {
  const count = of === "connections" ? amount : (amount * open) / 100;
  return perMs / Math.max(count, FEWEST);
}
