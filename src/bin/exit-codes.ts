/** What exit codes mean, of both programs and all their commands. */

/** It could not start, or could not go on. */
export const EXIT_FAILURE = 1;
/** The options, keys or files that the operator gave are wrong: nothing was started. */
export const EXIT_OPTIONS = 2;
/** Nothing is there that the words mean. */
export const EXIT_NOTHING = 3;
/** What was waited for has not come in its time. */
export const EXIT_TIMEOUT = 4;
/** As shells have it of whatever SIGINT has ended. */
export const EXIT_INTERRUPTED = 130;

/** Of a command that asks a balancer; 3 and 4 only where it may end with them. */
const USUAL: Readonly<Record<number, string>> = {
  0: "it is done",
  [EXIT_FAILURE]: "no balancer answers, or it cannot do it",
  [EXIT_OPTIONS]: "the options are wrong, or it refuses",
};

/** The paragraph of a command's `--help`. */
export function exitCodes(own: Readonly<Record<number, string>>): string {
  const all = Object.entries({ ...USUAL, ...own }).map(([code, text]) => `${code} ${text}`);
  return `\nExit codes: ${all.join(", ")}.\n`;
}
