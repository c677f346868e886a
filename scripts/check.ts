/** `make check`: everything that can be said about the source without running it. Runs all checks, then says which failed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { deno, node, root, script } from "./runtimes.ts";
import { type Job, runAll } from "./test/jobs.ts";
import type { TestResult } from "./test/junit.ts";
import { run } from "./test/process.ts";

const TIMEOUT_MS = 300_000;
const npmBin = (path: string): string[] => [node, join(root, "node_modules", path)];

const checks: Readonly<Record<string, readonly string[]>> = {
  "types (tsc)": [...npmBin("typescript/bin/tsc"), "-p", "."],
  "types (dashboard)": [...npmBin("typescript/bin/tsc"), "-p", "src/admin/dashboard/page"],
  "types (deno)": [deno, "check", ...denoFiles()],
  "lint and format (biome)": [...npmBin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."],
  "import directions": script("scripts/check-imports.ts"),
  "tables in docs": script("scripts/reference.ts", "--check"),
  "folder listing": script("scripts/check-listing.ts"),
};

/** Each prints what came of it, and before that what a failed one printed. */
export function checkJobs(): Job<TestResult>[] {
  return Object.entries(checks).map(([name, command]) => async () => {
    const { code, output, seconds } = await run(command, { timeout: TIMEOUT_MS });
    if (code !== 0) console.log(output.trimEnd());
    console.log(`${code === 0 ? "✔" : "✖"} ${name} (${seconds.toFixed(1)} s)`);
    return { name, outcome: code === 0 ? "passed" : "failed", reason: "" };
  });
}

/** The files that are for Deno alone: its own checker sees its real types. */
function denoFiles(): string[] {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => /(^|[\\/])deno\.ts$/.test(file)).map((file) => join("src", file));
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const failed = (await runAll(checkJobs())).filter(({ outcome }) => outcome === "failed");
  if (failed.length > 0) console.log(`\nfailed: ${failed.map(({ name }) => name).join(", ")}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
