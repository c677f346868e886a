/** Runs one test file in one form. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, Form } from "./forms.ts";
import { readJunit, type TestResult } from "./junit.ts";
import { type Finished, run } from "./process.ts";
import type { FileResult } from "./summary.ts";

// A test file is to take under 20 s; this is far above, for a loaded machine, and only ends what hangs.
const FILE_TIMEOUT_MS = Number(process.env.FILE_TIMEOUT || 180) * 1000;

/** Prints a line when it has ended, and before it all that the file printed if something is wrong with it. */
export async function runFile(form: Form, command: Command, file: string, place: number): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), "harmony-test-"));
  const report = join(folder, "junit.xml");
  const notes = join(folder, "skips.jsonl");
  const env = { ...process.env, ...form.env, HARMONY_SKIP_NOTES: notes, HARMONY_TEST_PLACE: String(place) };
  const finished = await run(command(file, report), { env, timeout: FILE_TIMEOUT_MS });
  const tests = withNotes(existsSync(report) ? readJunit(readFileSync(report, "utf8")) : [], notes);
  rmSync(folder, { recursive: true });

  const trouble = fileTrouble(finished, tests);
  if (trouble) tests.push({ name: trouble, outcome: "failed", reason: "" });
  const count = (outcome: string): number => tests.filter((test) => test.outcome === outcome).length;
  const failed = count("failed");
  if (failed > 0) console.log(`\n${form.name} ${file} said:\n${finished.output.trimEnd()}\n`);
  const counts = `${count("passed")} passed${failed ? `, ${failed} FAILED` : ""}${count("skipped") ? `, ${count("skipped")} skipped` : ""}`;
  console.log(`${failed ? "✖" : "✔"} ${form.name} ${file}: ${counts} (${finished.seconds.toFixed(1)} s)`);
  if (trouble) console.log(`  ${trouble}`);
  return { form: form.name, file, seconds: finished.seconds, results: tests };
}

/** What is wrong with the run of a file though no test says so; "" if nothing is. */
function fileTrouble(finished: Finished, tests: readonly TestResult[]): string {
  if (finished.timedOut)
    return `the file did not end within ${FILE_TIMEOUT_MS / 1000} s; above is what it said until then`;
  if (finished.leftovers) return "the file left processes behind";
  if (tests.some((test) => test.outcome === "failed")) return "";
  if (finished.code !== 0) return `the file exited with code ${finished.code} though no test failed`;
  return tests.length === 0 ? "the file holds no test" : "";
}

/**
 * Fills in what a runtime's report leaves out and scripts/test/node-test.ts writes down: the reason of a skip, and on Bun the
 * skip of a whole suite.
 */
function withNotes(tests: readonly TestResult[], notes: string): TestResult[] {
  const reasons = new Map<string, string>();
  for (const line of existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []) {
    const { name, reason } = JSON.parse(line) as { name: string; reason: string };
    reasons.set(name, reason);
  }
  const reported = new Set(tests.flatMap((test) => test.name.split(" > ")));
  const unreported = [...reasons].filter(([name]) => !reported.has(name));
  return [
    ...tests.map((test) => {
      if (test.outcome !== "skipped" || test.reason !== "") return test;
      const part = test.name.split(" > ").findLast((name) => reasons.has(name));
      return part === undefined ? test : { ...test, reason: reasons.get(part)! };
    }),
    ...unreported.map(([name, reason]): TestResult => ({ name, outcome: "skipped", reason })),
  ];
}
