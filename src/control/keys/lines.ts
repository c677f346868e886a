/** What the files about keys have in common: one thing a line, and between them blank lines and remarks, which begin with #. */
import { HarmonyError } from "../../util/errors.ts";

/** The lines that say something, each with where it stands, as FILE:LINE. */
export function* linesOf(text: string, file: string): Generator<{ readonly line: string; readonly where: string }> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (!isRemark(line)) yield { line, where: `${file}:${index + 1}` };
  }
}

export function isRemark(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

/** `BAD_KEY`. In the problem there must be no more of the line than its name: the rest may be secret. */
export function badLine(where: string, problem: string): HarmonyError {
  return new HarmonyError("BAD_KEY", `${where}: ${problem}`, { fault: "config" });
}
