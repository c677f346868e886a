/**
 * Stands in for `node:test` under Deno (import map) and Bun (preload), whose JUnit reports leave out why a test was skipped.
 * Everything is passed on; a skip's reason is also appended to the file that HARMONY_SKIP_NOTES names, for the runner to print.
 */
import { appendFileSync } from "node:fs";
import * as real from "node:test";

type TestFunction = typeof real.test;

function noteSkips<F extends object>(original: F): F {
  const wrapped = (...args: unknown[]): unknown => {
    const options = args.find((arg) => typeof arg === "object" && arg !== null) as { skip?: unknown } | undefined;
    if (typeof options?.skip === "string") note(String(args[0]), options.skip);
    return (original as unknown as (...args: unknown[]) => unknown)(...args);
  };
  return Object.assign(wrapped, original) as unknown as F;
}

function note(name: string, reason: string): void {
  const file = process.env.HARMONY_SKIP_NOTES;
  if (file) appendFileSync(file, `${JSON.stringify({ name, reason })}\n`);
}

export const test: TestFunction = noteSkips(real.test);
export const it = noteSkips(real.it);
export const describe = noteSkips(real.describe);
export const suite = noteSkips(real.suite);
export const { before, after, beforeEach, afterEach, mock } = real;
export default test;
