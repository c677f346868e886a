/** Runs one test file, or a unit of several, in one form. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, Form } from "./forms.ts";
import { readJunit, type TestResult } from "./junit.ts";
import { lastDoings, type Note, readNotes } from "./notes.ts";
import { type Finished, run } from "./process.ts";
import type { FileResult } from "./summary.ts";
import type { Batch } from "./units.ts";

// A test file is to take under 20 s; this is far above, for a loaded machine, and only ends what hangs.
const FILE_TIMEOUT_MS = Number(process.env.FILE_TIMEOUT || 300) * 1000;

/** Prints a line when it has ended, and before it all that the file printed if something is wrong with it. */
export async function runBatch(form: Form, command: Command, batch: Batch, place: number): Promise<FileResult> {
  const { name: file, files } = batch;
  const folder = mkdtempSync(join(tmpdir(), "harmony-test-"));
  const report = join(folder, "junit.xml");
  const noted = join(folder, "notes.jsonl");
  const env = {
    ...process.env,
    ...form.env,
    HARMONY_TEST_NOTES: noted,
    HARMONY_TEST_PLACE: String(place),
    HARMONY_TEST_FILES: files.join(),
  };
  const line = command(files.length === 1 ? files[0]! : "scripts/test/unit.ts", report);
  const finished = await run(line, { env, timeout: FILE_TIMEOUT_MS });
  const notes = readNotes(noted);
  const tests = withReasons(existsSync(report) ? readJunit(readFileSync(report, "utf8")) : [], notes);
  rmSync(folder, { recursive: true });

  const trouble = fileTrouble(finished, tests, notes);
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
function fileTrouble(finished: Finished, tests: readonly TestResult[], notes: readonly Note[]): string {
  if (finished.timedOut) return `the file did not end within ${FILE_TIMEOUT_MS / 1000} s: ${lastDoings(notes)}`;
  if (finished.leftovers) return "the file left processes behind";
  if (tests.some((test) => test.outcome === "failed")) return "";
  if (finished.code !== 0) return `the file exited with code ${finished.code} though no test failed`;
  return tests.length === 0 ? "the file holds no test" : "";
}

/**
 * Fills in what a runtime's report leaves out and scripts/test/node-test.ts notes: the reason of a skip, and on Bun the skip of a
 * whole suite.
 */
function withReasons(tests: readonly TestResult[], notes: readonly Note[]): TestResult[] {
  const reasons = new Map(notes.flatMap((note) => ("skipped" in note ? [[note.skipped, note.reason]] : [])));
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
