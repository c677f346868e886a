/** Loaded by Node before every test file: puts what node-test.ts makes of `node:test` in its place. */
import { createRequire } from "node:module";
import { describe, it, runningTests, suite, test, whenHung } from "./node-test.ts";
import { whatIsAwaited } from "./waiting.ts";

/** ms that the hooks of suites may take after the last test. */
const HOOKS_MS = 2_000;
/** ms for the reports to be written. */
const REPORT_MS = 1_000;

// Before anybody has imported it.
Object.assign(createRequire(import.meta.url)("node:test"), { describe, it, suite, test });

// Nothing is left that could bring about what a test waits for. Node fails it now, and does not say what that was.
process.on("beforeExit", () => {
  if (runningTests() > 0) console.error(`a test will never end: ${whatIsAwaited()}`);
});

// Node writes its reports when the event loop is empty, and what a test that hung has left open would keep it going.
whenHung(() => {
  setTimeout(() => {
    if (runningTests() > 0) return;
    process.emit("beforeExit", 1);
    setTimeout(() => process.exit(1), REPORT_MS).unref();
  }, HOOKS_MS).unref();
});
