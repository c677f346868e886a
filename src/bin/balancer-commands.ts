/** The commands of harmony-balancer, in the order in which its `--help` shows them. */
import type { Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { invite } from "./commands/invite.ts";
import { reload } from "./commands/reload.ts";
import { reporters } from "./commands/reporters.ts";

export const balancerCommands: readonly Command[] = [invite, reporters, check, reload];
