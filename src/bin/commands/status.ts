/** `harmony-balancer status`: the balancer that runs, at a glance. */
import type { Pool } from "../../admin/api/schemas/pools.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command, note } from "../command.ts";
import { EXIT_FAILURE, exitCodes } from "../exit-codes.ts";
import { show, showOptions } from "../shown.ts";
import { poolLines } from "../views/pools.ts";
import { statusLines } from "../views/status.ts";

export const status = command({
  name: "status",
  usage: "[options]",
  summary:
    "Shows the balancer that runs, at a glance: whether it serves, its pools, and what an operator should look at.",
  operands: [],
  table: {
    quiet: option({
      kind: onOff,
      default: false,
      doc: "Print nothing: the exit code says whether it serves. For health checks.",
      short: "q",
      places: ["flag"],
    }),
    ...showOptions,
    ...apiOptions,
  },
  footer: exitCodes({ 0: "it serves", 1: "it does not serve, or no balancer answers" }),
  async run(values) {
    const client = apiClient(values);
    let isServing = false;
    const status = async () => {
      const seen = await client.get<Status>("/v1/status");
      isServing = seen.state === "serving";
      return seen;
    };
    if (values.quiet) {
      const { state } = await status();
      if (!isServing) note(`it is ${state}`);
    } else {
      const look = async () => {
        const [whole, { items: pools }] = await Promise.all([status(), client.get<{ items: Pool[] }>("/v1/pools")]);
        return { status: whole, pools };
      };
      await show(values, look, ({ status: whole, pools }, paper, now) => {
        return [...statusLines(whole, now), ...(pools.length === 0 ? [] : [[], ...poolLines(pools, paper)])];
      });
    }
    return isServing ? 0 : EXIT_FAILURE;
  },
});
