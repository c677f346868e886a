/** `harmony-balancer targets`: which targets there are, in which state and why. */
import type { Target } from "../../admin/api/schemas/targets.ts";
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { poolOption } from "../pool-option.ts";
import { printLines, show, showOptions } from "../shown.ts";
import { allCalled, TARGET } from "../target-names.ts";
import { line } from "../terminal/line.ts";
import { targetInFull, targetLines } from "../views/targets.ts";

export const targets = command({
  name: "targets",
  usage: "[TARGET…] [options]",
  summary:
    "Lists the targets, with their state and the reason for it, weight against share, rates and connect times. Of targets that are " +
    "named it shows all there is: every verdict, since when, and what an operator has ordered.",
  operands: [{ ...TARGET, optional: true }],
  table: {
    pool: poolOption,
    names: option({ kind: onOff, default: false, doc: "Print their names alone, a line each.", places: ["flag"] }),
    ...showOptions,
    ...apiOptions,
  },
  footer:
    "\nDUE is a target's part of its pool's weight, SHARE its part of the connections of the last minute; times are in ms." +
    exitCodes({ 0: "they are listed", 3: "there is no such target" }),
  async run(values, words) {
    const client = apiClient(values);
    const look = async () => {
      const { items } = await client.get<{ items: Target[] }>("/v1/targets", { pool: values.pool });
      return words.length === 0 ? items : allCalled(words, items);
    };
    if (values.names) {
      printLines((await look()).map(({ id }) => line(id)));
      return 0;
    }
    return show(values, look, (seen, paper, now) => {
      if (words.length === 0) return targetLines(seen, paper, now);
      return seen.flatMap((target, index) => [...(index === 0 ? [] : [[]]), ...targetInFull(target, paper, now)]);
    });
  },
});
