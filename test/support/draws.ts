/**
 * What tests draw at random: the same in every run, so that a change is what turns a test red, and not the dice. `SEED=$RANDOM` draws other
 * things: `make test-unit SEED=7`, or `make fuzz` and `make chaos`, which go on for as long as is asked.
 */
import fc from "fast-check";

export const seed = Number(process.env.SEED || 1);

fc.configureGlobal({ seed });

/** As many seeds, from `seed` on. */
export function seedsFrom(count: number): number[] {
  return Array.from({ length: count }, (_, n) => seed + n);
}

export { fc as default };
