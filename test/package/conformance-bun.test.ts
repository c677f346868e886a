/** The engines' conformance suite, unchanged, inside a program compiled with Bun. */
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { bun } from "../../scripts/runtimes.ts";
import {
  assertComplete,
  BUILD_TIMEOUT_MS,
  bundleSuite,
  command,
  folder,
  RUN_TIMEOUT_MS,
  results,
} from "./compiled-suite.ts";

describe("conformance, compiled with Bun", () => {
  before(() => bundleSuite("bun", join(folder, "bin/main.js"), join(folder, "engines/linux/worker/worker.js")));

  it("both engines pass", { timeout: RUN_TIMEOUT_MS }, async () => {
    const program = join(folder, "suite");
    const entries = [join(folder, "bin/main.js"), join(folder, "engines/linux/worker/worker.js")];
    await command("bun build", [bun, "build", "--compile", ...entries, "--outfile", program], BUILD_TIMEOUT_MS);
    assertComplete(await results(program));
  });
});
