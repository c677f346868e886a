/** The engines' conformance suite, unchanged, inside a program compiled with Deno. */
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { deno } from "../../scripts/runtimes.ts";
import { BUILD_TIMEOUT_MS, bundleSuite, command, engines, folder, passes, TEST_TIMEOUT_MS } from "./compiled-suite.ts";

const noBase = process.env.DENORT_BIN
  ? false
  : "DENORT_BIN names no base for deno compile, and nothing is downloaded here";

describe("conformance, compiled with Deno", { skip: noBase }, () => {
  const entries = [join(folder, "main.mjs"), join(folder, "worker.mjs")] as const;
  const program = join(folder, "suite");
  before(async () => {
    await bundleSuite("deno", ...entries);
    const compiler = process.env.DENO_COMPILE || deno;
    const options = ["--no-config", "--no-check", "-A", "--include", entries[1], "--output", program];
    await command("deno compile", [compiler, "compile", ...options, entries[0]], BUILD_TIMEOUT_MS);
  });

  for (const engine of engines) {
    it(`the ${engine} engine passes`, { timeout: TEST_TIMEOUT_MS }, () => passes(program, engine));
  }
});
