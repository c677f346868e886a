/**
 * Chaos on the simulated kernel. Every run has a seed of its own, which its name tells. SEED=… replays one, RUNS=… makes more of
 * them, STEPS=… makes them longer, TRACE=1 prints the last system calls of one that fails.
 */
import { describe, it } from "node:test";
import { formatTrace } from "../../support/kernel/simulated-libc.ts";
import { Chaos } from "./chaos/chaos.ts";

const RUNS = Number(process.env.RUNS ?? 10);
const STEPS = Number(process.env.STEPS ?? 300);
const seeds = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31));

describe("linux engine, whatever happens", () => {
  for (const seed of seeds) {
    it(`keeps its books and its word, SEED=${seed}`, async () => {
      const chaos = new Chaos({ seed, steps: STEPS });
      if (process.env.TRACE) chaos.simulation.kernel.trace = [];
      try {
        await chaos.run();
      } catch (error) {
        if (process.env.TRACE) console.log(formatTrace(chaos.simulation.kernel));
        throw error;
      }
    });
  }
});
