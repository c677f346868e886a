/** Programs of the suite started with few descriptors. */
import { scriptCommand } from "../support/form.ts";
import { withDescriptors } from "../support/program.ts";

/** Enough for each runtime to start, and for some connections. */
const DESCRIPTORS = 100;

/** Why these tests are skipped, or false. */
export const skip = process.platform === "linux" ? false : "limits descriptors with the shell of Linux";

/** The command line that runs a TypeScript file of this folder on the runtime of the tests. */
export function withFewDescriptors(script: string): [string, ...string[]] {
  return withDescriptors(DESCRIPTORS, scriptCommand(`test/net/${script}`));
}
