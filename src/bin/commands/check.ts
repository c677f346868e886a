/** `harmony-balancer check FILE`: whether a balancer could be started with a file, without starting it. */
import { resolve } from "node:path";
import type { Steps } from "../../admin/api/schemas/acts.ts";
import { balancerOptions } from "../../config/balancer-options.ts";
import type { Completed } from "../../config/document/complete.ts";
import { effectiveText } from "../../config/document/effective.ts";
import { onOff } from "../../config/kinds.ts";
import { completeBalancer } from "../../config/load.ts";
import { option } from "../../config/option.ts";
import type { BalancerSettings } from "../../config/settings.ts";
import { counted } from "../../util/counted.ts";
import { ownApiClient } from "../api-options.ts";
import { command, note, print } from "../command.ts";
import { EXIT_OPTIONS } from "../exit-codes.ts";
import { fileText, printSteps } from "../steps.ts";

const FLAG = ["flag"] as const;

export const check = command({
  name: "check",
  usage: "[FILE] [options]",
  summary:
    "Checks a configuration file, and those that it includes, with the options of the environment and of flags: names every fault with " +
    "its file, line and column. Nothing is started, and nothing is changed.",
  operands: [
    { name: "FILE", help: "the file, which otherwise --config or HARMONY_CONFIG names", optional: true, names: "file" },
  ],
  table: {
    effective: option({
      kind: onOff,
      default: false,
      doc: "Print the whole document as it would be in effect, as TOML, with what gave each value: the default, a line of a file, the environment or a flag.",
      places: FLAG,
    }),
    againstRunning: option({
      kind: onOff,
      default: false,
      doc: "Ask the balancer that runs on this machine what a reload with this file would do, and print it, a line a step. Whether ports can be had, only a reload shows.",
      places: FLAG,
    }),
  },
  passes: balancerOptions,
  footer: [
    "\nAny option of harmony-balancer may be given as well, and counts as it would there.",
    "\nThe running balancer is asked over its socket (--api). Its flags and environment count there, not those of this command.",
    "\nWhether ports can be had, and whether sockets are inherited by a name (fd:NAME), only the balancer itself sees.",
    "\nExit codes: 0 there is no fault, 1 no balancer was found that runs, 2 there are faults.\n",
  ].join("\n"),
  async run({ effective, againstRunning }, [file], said) {
    const problems: string[] = [];
    const config = file ?? said.config;
    const document = completeBalancer({ ...said, config }, problems, true);
    for (const problem of problems) note(problem);
    if (problems.length > 0) return EXIT_OPTIONS;
    if (effective) print(effectiveText(document).trimEnd());
    else if (!againstRunning) print(`no fault: ${sizeText(document)}`);
    if (againstRunning) {
      const would = await stepsOfRunning(document.settings, config);
      printSteps(would, "nothing would change");
      if (config !== null && would.file !== resolve(config))
        note(`The balancer that runs does not read ${config}: ${fileText(would)}`);
    }
    return 0;
  },
});

function stepsOfRunning(settings: BalancerSettings, config: string | null): Promise<Steps> {
  const body = config === null ? undefined : { file: resolve(config) };
  return ownApiClient(settings).ask<Steps>({ method: "POST", path: "/v1/compare", body });
}

function sizeText({ settings: { pools, listeners } }: Completed): string {
  const targets = [...pools.values()].reduce((sum, pool) => sum + pool.targets.length, 0);
  const named = targets === 0 ? [] : [`${counted(targets, "target")} named`];
  return [counted(pools.size, "pool"), counted(listeners.size, "listener"), ...named].join(", ");
}
