/** The commands of harmony-reporter, in the order in which its `--help` shows them. */
import { reporterOptions } from "../config/reporter-options.ts";
import type { Command } from "./command.ts";
import { completion } from "./commands/completion.ts";
import { join } from "./commands/join.ts";
import { reporterStatus } from "./commands/reporter-status.ts";
import { rotate } from "./commands/rotate.ts";

const all: readonly Command[] = [reporterStatus, join, rotate];

export const reporterCommands: readonly Command[] = [...all, completion("harmony-reporter", reporterOptions, all)];
