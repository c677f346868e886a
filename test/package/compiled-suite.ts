/** The engines' conformance suite, unchanged, inside a compiled program: how it is built and run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after } from "node:test";
import type { Plugin } from "esbuild";
import { bundle } from "../../scripts/build/bundle.ts";
import { root } from "../../scripts/runtimes.ts";
import { run } from "../../scripts/test/process.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

export const BUILD_TIMEOUT_MS = 120_000;
// One takes a minute by itself, most of it waiting for what it is about.
const RUN_TIMEOUT_MS = 200_000;
/** Of a test: the run is to end first, with what it said. */
export const TEST_TIMEOUT_MS = RUN_TIMEOUT_MS + 10_000;
/** Removed at the end. */
export const folder: string = temporaryFolder("conformance");

after(removeFolders);

/** Those that there are on this system. */
export const engines: readonly ("linux" | "portable")[] =
  process.platform === "linux" ? ["linux", "portable"] : ["portable"];

interface Result {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly reason?: string;
}

const standaloneTests: Plugin = {
  name: "standalone tests",
  setup(build) {
    const path = join(root, "test/package/standalone-test.ts");
    build.onResolve({ filter: /^node:test$/ }, () => ({ path }));
  },
};

/** The suite and the worker where the compiled balancer has them: bin/ beside engines/linux/worker/ for Bun, one folder for Deno. */
export async function bundleSuite(condition: "bun" | "deno", main: string, worker: string): Promise<void> {
  await bundle("test/package/conformance-program.ts", main, { condition, plugins: [standaloneTests] });
  await bundle("src/engines/linux/worker/worker.ts", worker, { condition });
}

export async function command(what: string, line: readonly string[], timeout: number): Promise<string> {
  // What is large was moved and held at its full size from source: here it is a question of what was compiled, and how.
  const env = { ...process.env, NO_COLOR: "1", HARMONY_TEST_LIGHT: "1" };
  const { code, output, timedOut } = await run(line, { timeout, env });
  assert.ok(code === 0, `${what}: ${timedOut ? "hangs" : `ended with ${code}`}\n${output.slice(-5_000)}`);
  return output;
}

/** Runs it with one of the engines, and checks that nothing failed (the exit code tells), and that this many tests ran: Deno's clients
 * cannot send every reset. */
export async function passes(program: string, engine: "linux" | "portable"): Promise<void> {
  const output = await command(`the suite with the ${engine} engine`, [program, engine], RUN_TIMEOUT_MS);
  const lines = output.split("\n").filter((line) => line.startsWith('{"name"'));
  const passed = lines.map((line) => JSON.parse(line) as Result).filter(({ outcome }) => outcome === "passed");
  assert.ok(passed.length >= 60, `only ${passed.length} passed of ${lines.length}`);
}
