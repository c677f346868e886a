/**
 * Chaos on the simulated kernel. Every run has a seed of its own, which its name tells. SEED=… replays one, RUNS=… makes more of
 * them, STEPS=… makes them longer, TRACE=1 prints the last system calls of one that fails.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { amount } from "../../support/amount.ts";
import { seed, seedsFrom } from "../../support/draws.ts";
import { formatTrace } from "../../support/kernel/simulated-libc.ts";
import { Chaos } from "./chaos/chaos.ts";

const RUNS = Number(process.env.RUNS ?? amount(6));
const STEPS = Number(process.env.STEPS ?? 300);
const seeds = process.env.SEED ? [seed] : seedsFrom(RUNS);

async function run(seed: number, deaths: boolean): Promise<Chaos> {
  const chaos = new Chaos({ seed, steps: STEPS, deaths });
  if (process.env.TRACE) chaos.simulation.kernel.trace = [];
  try {
    await chaos.run();
  } catch (error) {
    if (process.env.TRACE) console.log(formatTrace(chaos.simulation.kernel));
    throw error;
  }
  return chaos;
}

describe("linux engine, whatever happens", () => {
  for (const seed of seeds) {
    it(`keeps its books and its word, SEED=${seed}`, async () => {
      await run(seed, false);
    });
    it(`gets over the death of its threads, SEED=${seed}`, async () => {
      await run(seed, true);
    });
  }

  // Seed 2 picks targets at random: the pool draws from the seed as well.
  for (const seed of [2, seeds[0]!]) {
    it(`does the same for the same seed, SEED=${seed}`, async () => {
      const [one, other] = [await run(seed, true), await run(seed, true)];
      assert.equal(one.simulation.kernel.calls, other.simulation.kernel.calls);
      assert.equal(one.simulation.kernel.clock.now(), other.simulation.kernel.clock.now());
      assert.deepEqual(one.conversations.map(String), other.conversations.map(String));
    });
  }
});
