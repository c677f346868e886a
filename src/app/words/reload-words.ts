/** What is told of documents that the balancer went over to, or has not taken. */
import type { Step } from "../../config/document/difference.ts";
import { stepText } from "../../config/document/step-text.ts";
import { OptionError } from "../../config/values.ts";
import { error, info, type Line, type Words, warning } from "../../telemetry/line.ts";
import { counted } from "../../util/counted.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import type { BalancerEvents } from "../events.ts";

/** Steps and problems that have a line each: more than a person reads, of a first document of a thousand pools. */
const MOST_LINES = 100;

export const reloadWords: Words<Pick<BalancerEvents, "reloaded" | "reloadFailed">> = {
  reloaded: (steps) => {
    if (steps.length === 0) return info("reloaded: nothing has changed", { steps: 0 });
    const waiting = steps.filter(({ kind }) => kind === "restart").length;
    const rest = waiting === 0 ? "" : `, ${waiting} of which ${waiting === 1 ? "waits" : "wait"} for a restart`;
    const unsaid = steps.length - MOST_LINES;
    return [
      info(`reloaded: ${counted(steps.length, "change")}${rest}`, { steps: steps.length }),
      ...steps.slice(0, MOST_LINES).map(stepLine),
      ...(unsaid > 0 ? [info(`reloaded: and ${unsaid} more`)] : []),
    ];
  },
  reloadFailed: (failure) => {
    const problems = failure instanceof OptionError ? failure.problems : [messageOf(failure)];
    const more = problems.length > MOST_LINES ? `, of which ${problems.length - MOST_LINES} are not shown` : "";
    return [
      ...problems.slice(0, MOST_LINES).map((problem) => error(`not reloaded: ${problem}`, { code: codeOf(failure) })),
      error(`not reloaded, and nothing has changed: ${counted(problems.length, "problem")}${more}`, {
        problems: problems.length,
      }),
    ];
  },
};

function stepLine(step: Step): Line {
  const say = step.kind === "restart" ? warning : info;
  return say(`reloaded: ${stepText(step)}`, { step });
}
