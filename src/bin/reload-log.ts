/** What the balancer's program logs about documents that it went over to, or has not taken. */
import type { Balancer } from "../app/balancer.ts";
import { stepText } from "../config/document/step-text.ts";
import { OptionError } from "../config/values.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import { counted, type Log } from "./log.ts";

/** Steps and problems that are logged one by one: more than a person reads, of a first document of a thousand pools. */
const MOST_LINES = 100;

export function logReloads(balancer: Balancer, log: Log): void {
  balancer.on("reloaded", (steps) => {
    if (steps.length === 0) return log.info("reloaded: nothing has changed", { steps: 0 });
    const waiting = steps.filter(({ kind }) => kind === "restart").length;
    const rest = waiting === 0 ? "" : `, ${waiting} of which ${waiting === 1 ? "waits" : "wait"} for a restart`;
    log.info(`reloaded: ${counted(steps.length, "change")}${rest}`, { steps: steps.length });
    for (const step of steps.slice(0, MOST_LINES)) {
      const say = step.kind === "restart" ? log.warning : log.info;
      say(`reloaded: ${stepText(step)}`, { step });
    }
    if (steps.length > MOST_LINES) log.info(`reloaded: and ${steps.length - MOST_LINES} more`);
  });
  balancer.on("reloadFailed", (error) => {
    const problems = error instanceof OptionError ? error.problems : [messageOf(error)];
    for (const problem of problems.slice(0, MOST_LINES)) log.error(`not reloaded: ${problem}`, { code: codeOf(error) });
    const more = problems.length > MOST_LINES ? `, of which ${problems.length - MOST_LINES} are not shown` : "";
    log.error(`not reloaded, and nothing has changed: ${counted(problems.length, "problem")}${more}`, {
      problems: problems.length,
    });
  });
}
