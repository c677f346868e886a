/** A command that says what is left. */
import { type ProgramEnd, runProgram } from "../util/bounded-program.ts";
import { formatDuration } from "../util/durations.ts";
import { HarmonyError, messageOf } from "../util/errors.ts";
import type { Headroom } from "./headroom.ts";

/** ms. It is to look, not to work. */
const TIMEOUT_MS = 5_000;
const MOST_QUOTED = 80;

/** Percent that are left, 0 to 100, as a command prints them on its first line. No shell reads the command. */
export function commandHeadroom(command: readonly string[], timeout: number = TIMEOUT_MS): Headroom {
  return async (_now, over) => {
    const late = AbortSignal.timeout(timeout);
    const end = await runProgram(command, { signal: AbortSignal.any([late, over]) }).catch((error: unknown) => {
      throw failure(`cannot be started: ${messageOf(error)}`, error);
    });
    if (late.aborted) throw failure(`has not ended within ${formatDuration(timeout)}`);
    return percentOf(end) / 100;
  };
}

export function percentOf({ code, by, stdout, output }: ProgramEnd): number {
  if (code !== 0) throw failure(`has ended with ${code === null ? by : `exit code ${code}`}${quoted(": ", output)}`);
  const [, number] = /^[ \t]*(\d{1,3}(?:\.\d{1,20})?)[ \t]*%?[ \t\r]*(?:\n|$)/.exec(stdout) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number);
  const said = quoted("", stdout) || "nothing";
  throw failure(`has printed ${said}: its first line is to be the percent that are left, a number from 0 to 100`);
}

function quoted(before: string, text: string): string {
  const line = text.split("\n").find((each) => each.trim() !== "");
  return line === undefined ? "" : before + JSON.stringify(line.slice(0, MOST_QUOTED));
}

function failure(what: string, cause?: unknown): HarmonyError {
  return new HarmonyError("NO_HEADROOM", `the command ${what}`, { fault: "config", cause });
}
