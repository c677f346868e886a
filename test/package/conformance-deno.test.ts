/** The engines' conformance suite, unchanged, inside a program compiled with Deno. */
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { deno } from "../../scripts/runtimes.ts";
import {
  assertComplete,
  BUILD_TIMEOUT_MS,
  bundleSuite,
  command,
  folder,
  RUN_TIMEOUT_MS,
  results,
} from "./compiled-suite.ts";

const noBase = process.env.DENORT_BIN
  ? false
  : "DENORT_BIN names no base for deno compile, and nothing is downloaded here";

describe("conformance, compiled with Deno", { skip: noBase }, () => {
  before(() => bundleSuite("deno", join(folder, "main.mjs"), join(folder, "worker.mjs")));

  it("both engines pass", { timeout: RUN_TIMEOUT_MS }, async () => {
    const program = join(folder, "suite");
    const compiler = process.env.DENO_COMPILE || deno;
    const options = ["--no-config", "--no-check", "-A", "--include", join(folder, "worker.mjs"), "--output", program];
    await command("deno compile", [compiler, "compile", ...options, join(folder, "main.mjs")], BUILD_TIMEOUT_MS);
    assertComplete(await results(program));
  });
});
