/**
 * The test runner behind `make test`: `test.ts [FORM…] [-- FILE…]`. It runs the test files in the forms (scripts/test/forms.ts) that
 * scripts/test/rules.ts gives them, each in a process of its own or with those of its unit (scripts/test/units.ts), those that measure times
 * by themselves in the end, and closes with one line of totals. With no form named it also runs the checks, and builds the
 * compiled programs before it tests them. Environment: JOBS (files at a time), FILE_TIMEOUT (seconds).
 */
import { buildJobs } from "./build.ts";
import { checkJobs } from "./check.ts";
import { makeDashboard } from "./dashboard.mjs";
import { testFiles } from "./runtimes.ts";
import { lastDuration, rememberDurations } from "./test/durations.ts";
import { runBatch } from "./test/file.ts";
import { belongsTo, type Form, forms, unit } from "./test/forms.ts";
import { type Job, runAll } from "./test/jobs.ts";
import type { TestResult } from "./test/junit.ts";
import { runsAlone } from "./test/rules.ts";
import { type FileResult, printSummary } from "./test/summary.ts";
import { type Batch, batchesOf } from "./test/units.ts";

const separator = process.argv.indexOf("--");
const names = process.argv.slice(2, separator < 0 ? undefined : separator);
const only = separator < 0 ? [] : process.argv.slice(separator + 1).map((file) => file.replace(/^\.\//, ""));

const unknown = names.find((name) => ![...forms, unit].some((form) => form.name === name));
if (unknown) {
  console.error(`No form is called ${unknown}: choose from ${[...forms, unit].map((form) => form.name).join(", ")}.`);
  process.exit(2);
}

makeDashboard(); // what is tested has it in it
const everything = names.length === 0 && only.length === 0;
const builds = everything ? steps("build", buildJobs()) : [];
const checks = everything ? steps("check", checkJobs()) : [];
const chosen = names.length === 0 ? forms : [...forms, unit].filter(({ name }) => names.includes(name));
const [fromSource, compiled] = [chosen.filter(({ built }) => !built), chosen.filter(({ built }) => built)];

const inTheEnd: Job<FileResult>[] = [];
const results = [
  // The programs are there long before their turn comes, but for a machine of many processors.
  ...(await runAll([...builds, ...checks, ...(await jobsOf(fromSource))])),
  ...(await runAll(await jobsOf(compiled))),
  ...(await runAll(inTheEnd, 1)),
];
rememberDurations(results);
process.exitCode = printSummary(results) ? 0 : 1;

function steps(name: string, jobs: readonly Job<TestResult>[]): Job<FileResult>[] {
  return jobs.map((job) => async (place) => {
    const started = performance.now();
    const result = await job(place);
    return { form: name, file: result.name, seconds: (performance.now() - started) / 1000, results: [result] };
  });
}

/** Those that run beside others; the rest goes to `inTheEnd`. */
async function jobsOf(some: readonly Form[]): Promise<Job<FileResult>[]> {
  const jobs: Job<FileResult>[] = [];
  for (const form of some) jobs.push(...(await fileJobs(form)));
  return jobs;
}

/** Whether it was asked for: by the beginning of its path where it belongs to the form, by its whole path wherever a form is named. */
function isWanted(file: string, belongs: boolean): boolean {
  if (names.length > 0 && only.includes(file)) return true;
  return belongs && (only.length === 0 || only.some((beginning) => file.startsWith(beginning)));
}

/** Those of one form, the long ones first. */
async function fileJobs(form: Form): Promise<Job<FileResult>[]> {
  const files = testFiles().filter((file) => isWanted(file, belongsTo(form, file)));
  if (files.length === 0) return [];
  const prepared = await form.prepare();
  if ("missing" in prepared) {
    const skipped: TestResult = { name: "all of its tests", outcome: "skipped", reason: prepared.missing };
    return [async () => ({ form: form.name, file: "", seconds: 0, results: [skipped] })];
  }
  console.log(`${form.name}: ${prepared.label}, ${files.length} files`);
  const batches = batchesOf(files);
  batches.sort((a, b) => lastDuration(form.name, b.name) - lastDuration(form.name, a.name) || 0);
  const jobOf =
    (batch: Batch): Job<FileResult> =>
    (place) =>
      runBatch(form, prepared.command, batch, place);
  inTheEnd.push(...batches.filter(({ name }) => runsAlone(name)).map(jobOf));
  return batches.filter(({ name }) => !runsAlone(name)).map(jobOf);
}
