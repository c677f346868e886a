/**
 * Stands in for `node:test`, under Deno by the import map, under Bun and Node by a preload. Everything is passed on, and two
 * things are added that not all three have.
 *
 * A test has a limit of its own, and says what it waited for when it exceeds that. And what the runtimes' JUnit reports leave out is
 * noted for the runner (notes.ts): why a test was skipped, and which ones run, for the case that their file has to be ended.
 */
import { createRequire } from "node:module";
import { note } from "./notes.ts";
import { whatIsAwaited } from "./waiting.ts";

/** Required, not imported: Node takes an import's exports once, and node-preload.ts changes them before that. */
const real = createRequire(import.meta.url)("node:test") as typeof import("node:test");

type TestFunction = typeof real.test;
type Body = (...args: unknown[]) => unknown;

/**
 * ms that a test may take, unless its options say otherwise: half of what its file may (scripts/test/file.ts), so that it is the
 * test which fails, with its cause. The kit's waits give up long before that.
 */
const LIMIT_MS = Number(process.env.HARMONY_TEST_LIMIT || 90) * 1000;

const onNode = process.versions.bun === undefined && !("Deno" in globalThis);
let running = 0;
/** Called when a test has hung, and no other runs: what it has left open may keep the process alive. */
let onHung: (() => void) | null = null;

export function whenHung(run: () => void): void {
  onHung = run;
}

/** Tests that have begun and not ended. */
export function runningTests(): number {
  return running;
}

function limited(name: string, body: Body, limit: number): Body {
  return async (...args) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hung = false;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        hung = true;
        reject(new Error(`the test did not end within ${limit / 1000} s: ${whatIsAwaited()}`));
      }, limit);
      // Node itself ends a test at once when nothing is left that could bring it about (node-preload.ts).
      if (onNode) timer.unref();
    });
    running++;
    note({ begun: name });
    try {
      return await Promise.race([body(...args), late]);
    } finally {
      running--;
      note({ ended: name });
      clearTimeout(timer);
      if (hung) onHung?.();
    }
  };
}

function adapted<F extends object>(original: F, isTest: boolean): F {
  const wrapped = (...args: unknown[]): unknown => {
    const name = String(args[0]);
    const options = args.find((arg) => typeof arg === "object" && arg !== null) as
      | { skip?: unknown; timeout?: number }
      | undefined;
    if (typeof options?.skip === "string") note({ skipped: name, reason: options.skip });
    const limit = options?.timeout ?? LIMIT_MS;
    const changed = args.map((arg) => (isTest && typeof arg === "function" ? limited(name, arg as Body, limit) : arg));
    return (original as unknown as (...args: unknown[]) => unknown)(...changed);
  };
  return Object.assign(wrapped, original) as unknown as F;
}

export const test: TestFunction = adapted(real.test, true);
export const it = adapted(real.it, true);
export const describe = adapted(real.describe, false);
export const suite = adapted(real.suite, false);
export const { before, after, beforeEach, afterEach, mock } = real;
export default test;
