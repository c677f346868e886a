/**
 * Which changes of a count of connections are told: those by more than a quarter, the first few at once, and then one in a while. So what several
 * balancers know of each other is exact while counts are small, where it matters who gets the next client, and costs little while they are large.
 */
const MATERIAL = 1 / 4;

/** So many are told at once, and then one in so many ms. */
export const BURST = 5;
export const SELDOM_MS = 5_000;

/** `told`: what the count was when it was told last. */
export function isMaterial(count: number, told: number): boolean {
  return Math.abs(count - told) > told * MATERIAL;
}
