/** The commands of harmony-reporter, in the order in which its `--help` shows them. */
import type { Command } from "./command.ts";

export const reporterCommands: readonly Command[] = [];
