/** What the test runner says at its end: a row per form, every skip's reason, every failure, one line of totals. */
import type { Outcome, TestResult } from "./junit.ts";

export interface FileResult {
  readonly form: string;
  readonly file: string;
  readonly seconds: number;
  readonly results: readonly TestResult[];
}

/** True when tests ran and none failed. What failed stands last: those who see only the end of a long output see its names. */
export function printSummary(files: readonly FileResult[]): boolean {
  const total = (outcome: Outcome, form?: string): number =>
    files
      .filter((file) => form === undefined || file.form === form)
      .reduce((sum, file) => sum + file.results.filter((test) => test.outcome === outcome).length, 0);

  printSkips(files);
  console.log("\nform            passed  failed skipped       s");
  for (const form of new Set(files.map((file) => file.form))) {
    const seconds = files.filter((file) => file.form === form).reduce((sum, file) => sum + file.seconds, 0);
    const columns = [total("passed", form), total("failed", form), total("skipped", form), Math.round(seconds)];
    console.log(form.padEnd(14) + columns.map((value) => String(value).padStart(8)).join(""));
  }
  const failures = files.flatMap((file) =>
    file.results.filter((test) => test.outcome === "failed").map((test) => `  ${file.form} ${file.file}: ${test.name}`),
  );
  if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}`);
  const passed = total("passed");
  const failed = total("failed");
  if (passed + failed === 0) console.log("\nNo test ran.");
  console.log(`\n${passed} passed, ${failed} failed, ${total("skipped")} skipped`);
  return passed > 0 && failed === 0;
}

/** Equal reasons together, since a missing program or capability skips many tests. */
function printSkips(files: readonly FileResult[]): void {
  const tests = new Map<string, string[]>();
  for (const { form, file, results } of files) {
    for (const { name, outcome, reason } of results) {
      if (outcome !== "skipped") continue;
      const why = `${form}: ${reason || "no reason given"}`;
      tests.set(why, [...(tests.get(why) ?? []), `${file} ${name}`.trim()]);
    }
  }
  if (tests.size > 0) console.log("\nSkipped:");
  for (const [why, names] of tests) {
    console.log(
      `  ${why}\n    ${names.length > 3 ? `${names.length} tests, the first: ${names[0]}` : names.join("\n    ")}`,
    );
  }
}
