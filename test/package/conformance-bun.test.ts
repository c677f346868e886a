/** The engines' conformance suite, unchanged, inside a program compiled with Bun. */
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { bun } from "../../scripts/runtimes.ts";
import { BUILD_TIMEOUT_MS, bundleSuite, command, engines, folder, passes, TEST_TIMEOUT_MS } from "./compiled-suite.ts";

describe("conformance, compiled with Bun", () => {
  const entries = [join(folder, "bin/main.js"), join(folder, "engines/linux/worker/worker.js")] as const;
  const program = join(folder, "suite");
  before(async () => {
    await bundleSuite("bun", ...entries);
    await command("bun build", [bun, "build", "--compile", ...entries, "--outfile", program], BUILD_TIMEOUT_MS);
  });

  for (const engine of engines) {
    it(`the ${engine} engine passes`, { timeout: TEST_TIMEOUT_MS }, () => passes(program, engine));
  }
});
