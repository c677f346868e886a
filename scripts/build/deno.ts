/**
 * The Deno form: bundled to one ES module first (`deno compile` would otherwise embed all of node_modules), then put behind
 * Deno's runtime base by `deno compile`. DENO_COMPILE names another deno to compile with; DENORT_BIN its base.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { deno } from "../runtimes.ts";
import { run } from "../test/process.ts";
import { bundle } from "./bundle.ts";
import { type Program, removeFolder } from "./programs.ts";

// Downloads the base (about 100 MB) at its first use.
const TIMEOUT_MS = 600_000;

/** Writes `outfile`; or returns why this form cannot be had here; or throws where the program itself is at fault. */
export async function compileWithDeno(program: Program, outfile: string): Promise<string | null> {
  mkdirSync(dirname(outfile), { recursive: true });
  const folder = mkdtempSync(join(dirname(outfile), ".build-"));
  try {
    const bundles = program.entries.map((entry) => join(folder, `${basename(entry, ".ts")}.mjs`));
    for (const [index, entry] of program.entries.entries()) await bundle(entry, bundles[index]!, { condition: "deno" });
    const [main, ...workers] = bundles;
    const include = workers.flatMap((worker) => ["--include", worker]);
    // --no-prompt: what is not granted fails, rather than asking a terminal.
    const options = ["--no-config", "--no-prompt", "--no-check", ...program.denoPermissions, ...include];
    const compiler = process.env.DENO_COMPILE || deno;
    const command = [compiler, "compile", ...options, "--output", outfile, main!];
    const { code, output } = await run(command, { timeout: TIMEOUT_MS, env: { ...process.env, NO_COLOR: "1" } });
    if (code === 0) return null;
    if (/Download|base binary|denort/i.test(output)) return whyNoBase(output);
    throw new Error(`deno compile ${program.name} failed:\n${output.trim()}`);
  } finally {
    removeFolder(folder);
  }
}

function whyNoBase(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const problem = lines.find((line) => /error sending/i.test(line)) ?? lines.find((line) => /^error/i.test(line)) ?? "";
  return (
    `deno compile could not get its base, denort (${problem.replace(/^\d+: /, "")}). Let this machine reach dl.deno.land ` +
    "once, or set DENORT_BIN to the denort of the same version (DENO_COMPILE names another deno to compile with)"
  );
}
