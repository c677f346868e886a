/** `make build`: the programs as single files, compiled with Bun (dist/) and with Deno (dist/deno/). */
import { rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { compileWithBun } from "./build/bun.ts";
import { compileWithDeno } from "./build/deno.ts";
import { type Program, programs } from "./build/programs.ts";
import { makeDashboard } from "./dashboard.mjs";
import { root } from "./runtimes.ts";
import { type Job, runAll } from "./test/jobs.ts";
import type { TestResult } from "./test/junit.ts";

const compile = { bun: compileWithBun, deno: compileWithDeno };
const exe = process.platform === "win32" ? ".exe" : "";

/** One per program and form. A form that cannot be had on this machine is skipped with the reason. */
export function buildJobs(): Job<TestResult>[] {
  makeDashboard();
  return [
    ...programs.map((program) => () => attempt(program, "bun", join(root, "dist"))),
    ...programs.map((program) => () => attempt(program, "deno", join(root, "dist/deno"))),
  ];
}

async function attempt(program: Program, form: keyof typeof compile, folder: string): Promise<TestResult> {
  const outfile = join(folder, program.name + exe);
  const name = `${form}: ${program.name}`;
  try {
    rmSync(outfile, { force: true }); // nobody tests or ships what an earlier build left
    const missing = await compile[form](program, outfile);
    if (missing !== null) {
      console.log(`- ${program.name}, compiled with Deno, was not built: ${missing}`);
      return { name, outcome: "skipped", reason: missing };
    }
    console.log(`✔ ${relative(root, outfile)} (${Math.round(statSync(outfile).size / 1e6)} MB)`);
    return { name, outcome: "passed", reason: "" };
  } catch (error) {
    console.log(`✖ ${name}\n${(error as Error).message}`);
    return { name, outcome: "failed", reason: "" };
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  process.exitCode = (await runAll(buildJobs())).some(({ outcome }) => outcome === "failed") ? 1 : 0;
}
