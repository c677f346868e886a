/** `harmony-balancer targets`: which targets there are, in which state and why. */
import type { GroupTargets } from "../../admin/api/schemas/group.ts";
import type { Target } from "../../admin/api/schemas/targets.ts";
import type { ApiClient } from "../../admin/client.ts";
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { inGroup } from "../in-group.ts";
import { upTo } from "../pages.ts";
import { poolOption } from "../pool-option.ts";
import { printLines, show, showOptions } from "../shown.ts";
import { allCalled, TARGET, targetsCalled } from "../target-names.ts";
import { line } from "../terminal/line.ts";
import { groupTargetLines } from "../views/group-targets.ts";
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
    group: option({
      kind: onOff,
      default: false,
      doc: "With the connections at each balancer of the group, and their sum.",
      places: ["flag"],
    }),
    ...showOptions,
    ...apiOptions,
  },
  footer:
    "\nDUE is a target's part of its pool's weight, SHARE its part of the connections of the last minute; times are in ms." +
    exitCodes({ 0: "they are listed", 3: "there is no such target; with --group: the balancer is in none" }),
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
    if (values.group) return show(values, () => overGroup(client, values.pool, words), groupTargetLines);
    return show(values, look, (seen, paper, now) => {
      if (words.length === 0) return targetLines(seen, paper, now);
      return seen.flatMap((target, index) => [...(index === 0 ? [] : [[]]), ...targetInFull(target, paper, now)]);
    });
  },
});

/** Of `words`, if there are any, these alone. */
async function overGroup(client: ApiClient, pool: string | null, words: readonly string[]): Promise<GroupTargets> {
  const wanted = words.length === 0 ? null : new Set((await targetsCalled(client, words)).map(({ id }) => id));
  const seen = await upTo(Number.POSITIVE_INFINITY, async (span) =>
    inGroup(await client.get<GroupTargets | null>("/v1/group/targets", { pool, ...span })),
  );
  return wanted === null ? seen : { ...seen, items: seen.items.filter(({ id }) => wanted.has(id)) };
}
