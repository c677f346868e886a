/** ms from one word to the next, at rest. */
export const SAY_MS = 1_000;
/** ms that a word counts: two may get lost, and a third be late. */
export const TTL_MS = 3_500;
