/** Several jobs at a time. */
import { availableParallelism } from "node:os";

/** There are ports for so many: see test/support/ports.ts. */
const MOST = 8;

/** At a time: two more than there are processors, since tests wait for much of their time; or as many as JOBS says. */
export const JOBS: number = Math.min(Number(process.env.JOBS || availableParallelism() + 2), MOST);

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
