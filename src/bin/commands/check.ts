/** `harmony-balancer check FILE`: whether a balancer could be started with a file, without starting it. */
import { balancerOptions } from "../../config/balancer-options.ts";
import type { Completed } from "../../config/document/complete.ts";
import { effectiveText } from "../../config/document/effective.ts";
import { onOff } from "../../config/kinds.ts";
import { completeBalancer } from "../../config/load.ts";
import { option } from "../../config/option.ts";
import { command, note, print } from "../command.ts";
import { EXIT_OPTIONS } from "../exit-codes.ts";
import { counted } from "../log.ts";

const FLAG = ["flag"] as const;

export const check = command({
  name: "check",
  usage: "[FILE] [options]",
  summary:
    "Checks a configuration file, and those that it includes, with the options of the environment and of flags: names every fault with " +
    "its file, line and column. Nothing is started, and no running balancer is asked.",
  operands: [{ name: "FILE", help: "the file, which otherwise --config or HARMONY_CONFIG names", optional: true }],
  table: {
    effective: option({
      kind: onOff,
      default: false,
      doc: "Print the whole document as it would be in effect, as TOML, with what gave each value: the default, a line of a file, the environment or a flag.",
      places: FLAG,
    }),
  },
  passes: balancerOptions,
  footer: [
    "\nAny option of harmony-balancer may be given as well, and counts as it would there.",
    "\nExit codes: 0 there is no fault, 2 there are some.\n",
  ].join("\n"),
  run({ effective }, [file], said) {
    const problems: string[] = [];
    const document = completeBalancer({ ...said, config: file ?? said.config }, problems);
    for (const problem of problems) note(problem);
    if (problems.length > 0) return Promise.resolve(EXIT_OPTIONS);
    print(effective ? effectiveText(document).trimEnd() : `no fault: ${sizeText(document)}`);
    return Promise.resolve(0);
  },
});

function sizeText({ settings: { pools, listeners } }: Completed): string {
  const targets = [...pools.values()].reduce((sum, pool) => sum + pool.targets.length, 0);
  const named = targets === 0 ? [] : [`${counted(targets, "target")} named`];
  return [counted(pools.size, "pool"), counted(listeners.size, "listener"), ...named].join(", ");
}
