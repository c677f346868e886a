/** `harmony-balancer group`: the balancers that are one service with this one. */
import type { Group } from "../../admin/api/schemas/group.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { EXIT_NOTHING, exitCodes } from "../exit-codes.ts";
import { inGroup } from "../in-group.ts";
import { show, showOptions } from "../shown.ts";
import { groupLines } from "../views/group.ts";

export const group = command({
  name: "group",
  usage: "[options]",
  summary:
    "Lists the balancers of its group, with their versions and load, when each was heard last, and for how many targets it vouches; and says whether the group is reached.",
  operands: [],
  table: { ...showOptions, ...apiOptions },
  footer:
    "\n* is the balancer that was asked. TARGETS are those that a balancer vouches for: their reporters are connected to it." +
    exitCodes({ 0: "they are listed", [EXIT_NOTHING]: "it is in no group" }),
  run(values) {
    const client = apiClient(values);
    return show(values, async () => inGroup(await client.get<Group | null>("/v1/group")), groupLines);
  },
});
