/**
 * The test runner behind `make test`: `test.ts [FORM…] [-- FILE…]`. It runs every test file in a process of its own, in every
 * form (scripts/test/forms.ts), and closes with one line of totals. With no form named it runs the checks, builds the compiled
 * programs and tests all forms. Environment: JOBS (files at a time), FILE_TIMEOUT (seconds).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.ts";
import { runChecks } from "./check.ts";
import { type Form, forms } from "./test/forms.ts";
import { readJunit, type TestResult } from "./test/junit.ts";
import { run } from "./test/process.ts";
import { type FileResult, printSummary } from "./test/summary.ts";

// A test file is to take under 20 s; this is far above, for a loaded machine, and only ends what hangs.
const FILE_TIMEOUT_MS = Number(process.env.FILE_TIMEOUT ?? 180) * 1000;
// Some tests look at deadlines: on two cores, one file at a time keeps them honest.
const JOBS = Number(process.env.JOBS ?? 1);

const separator = process.argv.indexOf("--");
const names = process.argv.slice(2, separator < 0 ? undefined : separator);
const only = separator < 0 ? [] : process.argv.slice(separator + 1).map((file) => file.replace(/^\.\//, ""));

const unknown = names.find((name) => !forms.some((form) => form.name === name));
if (unknown) {
  console.error(`No form is called ${unknown}: choose from ${forms.map((form) => form.name).join(", ")}.`);
  process.exit(2);
}

const results: FileResult[] = [];
if (names.length === 0 && only.length === 0) {
  await runStep("check", runChecks);
  await runStep("build", build);
}
for (const form of forms) {
  if (names.length === 0 || names.includes(form.name)) await runForm(form);
}
process.exitCode = printSummary(results) ? 0 : 1;

async function runStep(name: string, step: () => Promise<TestResult[]>): Promise<void> {
  console.log(`\n${name}:`);
  const started = performance.now();
  const stepResults = await step();
  results.push({ form: name, file: "", seconds: (performance.now() - started) / 1000, results: stepResults });
}

async function runForm(form: Form): Promise<void> {
  const files = form.files().filter((file) => only.length === 0 || only.some((wanted) => file.startsWith(wanted)));
  if (files.length === 0) return;
  const prepared = form.prepare();
  if ("missing" in prepared) {
    console.log(`\n${form.name}: skipped, ${prepared.missing}`);
    const skipped: TestResult = { name: "all of its tests", outcome: "skipped", reason: prepared.missing };
    results.push({ form: form.name, file: "", seconds: 0, results: [skipped] });
    return;
  }
  console.log(`\n${form.name}: ${prepared.label}, ${files.length} files`);
  const queue = [...files];
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      results.push(await runFile(form, prepared.command, file));
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
}

async function runFile(
  form: Form,
  command: (file: string, report: string) => string[],
  file: string,
): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), "harmony-test-"));
  const report = join(folder, "junit.xml");
  const notes = join(folder, "skips.jsonl");
  const env = { ...process.env, ...form.env, HARMONY_SKIP_NOTES: notes };
  const finished = await run(command(file, report), { env, timeout: FILE_TIMEOUT_MS });
  const tests = withNotes(existsSync(report) ? readJunit(readFileSync(report, "utf8")) : [], notes);
  rmSync(folder, { recursive: true });

  const trouble = fileTrouble(finished, tests);
  if (trouble) tests.push({ name: trouble, outcome: "failed", reason: "" });
  const count = (outcome: string): number => tests.filter((test) => test.outcome === outcome).length;
  const failed = count("failed");
  if (failed > 0) console.log(`${finished.output.trimEnd()}\n`);
  const counts = `${count("passed")} passed${failed ? `, ${failed} FAILED` : ""}${count("skipped") ? `, ${count("skipped")} skipped` : ""}`;
  console.log(`  ${failed ? "✖" : "✔"} ${file}: ${counts} (${finished.seconds.toFixed(1)} s)`);
  if (trouble) console.log(`    ${trouble}`);
  return { form: form.name, file, seconds: finished.seconds, results: tests };
}

/** What is wrong with the run of a file though no test says so; "" if nothing is. */
function fileTrouble(finished: Awaited<ReturnType<typeof run>>, tests: readonly TestResult[]): string {
  if (finished.timedOut) return `the file did not end within ${FILE_TIMEOUT_MS / 1000} s`;
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
