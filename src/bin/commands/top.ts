/** `harmony-balancer top`: targets or connections, live and sorted. */

import { option } from "../../config/option.ts";
import { HarmonyError } from "../../util/errors.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { poolOption } from "../pool-option.ts";
import { every } from "../shown.ts";
import { live } from "../terminal/live.ts";
import { paper } from "../terminal/paper.ts";
import { TopView } from "../views/top.ts";

export const top = command({
  name: "top",
  usage: "[options]",
  summary:
    "Shows targets or connections as they are now, sorted as you like. Only what changes is written, so that a slow line will do.",
  operands: [],
  table: {
    every: option({ kind: every, default: 2_000, doc: "How often it looks.", places: ["flag"] }),
    pool: poolOption,
    ...apiOptions,
  },
  footer:
    "\nKeys: Tab goes from targets to connections and back; left and right choose the column to sort by, r turns the order round; up, down, " +
    "page up and page down move along the list; space holds what is shown; q ends." +
    exitCodes({ 0: "you have ended it" }),
  async run(values) {
    if (!paper().isTerminal)
      throw new HarmonyError(
        "NO_TERMINAL",
        "top takes a terminal: harmony-balancer targets --watch prints the same one below the other",
        {
          fault: "config",
        },
      );
    await live(new TopView(apiClient(values), values.pool), values.every);
    return 0;
  },
});
