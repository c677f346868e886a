/** The commands of harmony-balancer, in the order in which its `--help` shows them. */
import { balancerOptions } from "../config/balancer-options.ts";
import type { Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { completion } from "./commands/completion.ts";
import { connections } from "./commands/connections.ts";
import { dashboard } from "./commands/dashboard.ts";
import { drain } from "./commands/drain.ts";
import { events } from "./commands/events.ts";
import { group } from "./commands/group.ts";
import { invite } from "./commands/invite.ts";
import { key } from "./commands/key.ts";
import { kill } from "./commands/kill.ts";
import { listeners } from "./commands/listeners.ts";
import { maintain } from "./commands/maintain.ts";
import { ready } from "./commands/ready.ts";
import { reload } from "./commands/reload.ts";
import { reporters } from "./commands/reporters.ts";
import { status } from "./commands/status.ts";
import { targets } from "./commands/targets.ts";
import { top } from "./commands/top.ts";
import { weight } from "./commands/weight.ts";

const seeing: readonly Command[] = [status, targets, listeners, connections, events, group, top, dashboard];
const ordering: readonly Command[] = [drain, maintain, ready, weight, kill];
const configuring: readonly Command[] = [check, reload];
const trusting: readonly Command[] = [invite, reporters, key];

const all = [...seeing, ...ordering, ...configuring, ...trusting];

export const balancerCommands: readonly Command[] = [...all, completion("harmony-balancer", balancerOptions, all)];
