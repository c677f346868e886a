/** The commands of harmony-reporter, in the order in which its `--help` shows them. */
import type { Command } from "./command.ts";
import { join } from "./commands/join.ts";
import { rotate } from "./commands/rotate.ts";

export const reporterCommands: readonly Command[] = [join, rotate];
