/** What the process of a test file writes down for the runner as it happens: a JSON line each, in the file that HARMONY_TEST_NOTES names. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

export type Note =
  | { readonly skipped: string; readonly reason: string }
  | { readonly begun: string }
  | { readonly ended: string };

export function note(what: Note): void {
  const file = process.env.HARMONY_TEST_NOTES;
  if (file) appendFileSync(file, `${JSON.stringify(what)}\n`);
}

/** The last line may be cut off, if the process was ended. */
export function readNotes(file: string): Note[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  return lines.map((line) => JSON.parse(line) as Note);
}

/** What the process was at when it was ended. */
export function lastDoings(notes: readonly Note[]): string {
  const running: string[] = [];
  let ended = 0;
  for (const each of notes) {
    if ("begun" in each) running.push(each.begun);
    if (!("ended" in each)) continue;
    running.splice(running.indexOf(each.ended), 1);
    ended++;
  }
  const tests = `${ended} ${ended === 1 ? "test" : "tests"} had ended`;
  if (running.length > 0) return `${tests}, and running was "${running.join('", "')}"`;
  return `${tests}, and none was running: it was loading, or something kept it alive`;
}
