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
export const RUN_TIMEOUT_MS = 180_000;
/** Removed at the end. */
export const folder: string = temporaryFolder("conformance");

after(removeFolders);

export interface Result {
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
  const { code, output, timedOut } = await run(line, { timeout, env: { ...process.env, NO_COLOR: "1" } });
  assert.ok(code === 0, `${what}: ${timedOut ? "hangs" : `ended with ${code}`}\n${output.slice(-5_000)}`);
  return output;
}

export async function results(program: string): Promise<Result[]> {
  const output = await command("the suite", [program], RUN_TIMEOUT_MS);
  const lines = output.split("\n").filter((line) => line.startsWith('{"name"'));
  return lines.map((line) => JSON.parse(line) as Result);
}

/** Nothing failed (the exit code tells), and of each engine at least this many ran: Deno's clients cannot send every reset. */
export function assertComplete(all: readonly Result[]): void {
  for (const engine of process.platform === "linux" ? ["linux engine", "portable engine"] : ["portable engine"]) {
    const passed = all.filter(({ name, outcome }) => name.startsWith(engine) && outcome === "passed");
    assert.ok(passed.length >= 60, `${engine}: only ${passed.length} passed of ${all.length}`);
  }
}
