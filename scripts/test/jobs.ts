/** Several jobs at a time. */
import { availableParallelism } from "node:os";

/** Files at a time: one for each processor, and not so many that a test waits in vain for its turn. JOBS overrides it. */
export const JOBS: number = Number(process.env.JOBS || Math.min(availableParallelism(), 8));

/** A job is told which of the `JOBS` places it runs in: no other job has this one at the same time. */
export type Job<T> = (place: number) => Promise<T>;

/** Runs all, started in the order they are listed in. */
export async function runAll<T>(jobs: readonly Job<T>[], atATime: number = JOBS): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (_: unknown, place: number): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) results[index] = await jobs[index]!(place);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}
