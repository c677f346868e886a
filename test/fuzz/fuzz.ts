/** Draws from a corpus for some time, or so many times, and says with what it failed. */
import fc from "../support/draws.ts";
import type { Corpus } from "./corpus.ts";

/** Values drawn with one seed: few enough that a failure is found again within seconds. */
const BATCH = 500;

export interface Limits {
  /** Whichever is reached first. */
  readonly seconds: number;
  readonly runs?: number;
}

export interface Outcome {
  readonly corpus: string;
  readonly inputs: number;
  readonly seconds: number;
  /** What failed, with the smallest input that does, and the seed that draws it first of all. */
  readonly failure: string | null;
}

export async function fuzz({ name, inputs, property }: Corpus, seed: number, limits: Limits): Promise<Outcome> {
  const started = performance.now();
  const before = inputs();
  const seconds = () => (performance.now() - started) / 1_000;
  let failure: string | null = null;
  let left = limits.runs ?? Number.POSITIVE_INFINITY;
  for (let batch = seed | 0; failure === null && left > 0 && seconds() < limits.seconds; batch = (batch + 1) | 0) {
    const result = await fc.check(property as fc.IAsyncProperty<unknown>, {
      seed: batch,
      numRuns: Math.min(BATCH, left),
      interruptAfterTimeLimit: Math.max(1, 1_000 * (limits.seconds - seconds())),
    });
    left -= BATCH;
    if (result.counterexample !== null) {
      const [value] = result.counterexample as [unknown];
      const error = result.errorInstance;
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      failure = `CORPUS=${name} SEED=${batch}\ninput: ${fc.stringify(value)}\n${why}`;
    }
  }
  return { corpus: name, inputs: inputs() - before, seconds: seconds(), failure };
}
