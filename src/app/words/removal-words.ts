/** What is told of connections that the balancer has taken off their targets. */
import type { Absence } from "../../targets/removal/departures.ts";
import { info, type Words } from "../../telemetry/line.ts";
import { counted, firstOf } from "../../util/counted.ts";
import { inSeconds } from "../../util/durations.ts";
import type { BalancerEvents } from "../events.ts";

const WHY: Readonly<Record<Absence, string>> = {
  draining: "it drains",
  down: "it is down",
  silent: "it answers nobody",
  left: "it has left",
};
/** Targets that are named in a line. */
const NAMED = 3;

export const removalWords: Words<Pick<BalancerEvents, "connectionsRemoved" | "rebalancing" | "rebalanced">> = {
  connectionsRemoved: ({ pool, target, why, connections, afterMs }) => {
    const time = afterMs < 1_000 ? "" : `, for ${inSeconds(afterMs)}`;
    const text = `${counted(connections, "connection")} of target ${target} ended, as ${WHY[why]}${time} (on-down of pool ${pool})`;
    return info(text, { target, pool, why, connections, afterMs });
  },
  rebalancing: (pool, run) =>
    info(
      `pool ${pool} is rebalanced: connections are ended, so that ${firstOf(run.targets, NAMED)} get their share (rebalance)`,
      {
        pool,
        targets: run.targets,
      },
    ),
  rebalanced: (pool, run) => {
    const { ended, ms, targets } = run;
    const text = `pool ${pool} is rebalanced no more: ${counted(ended, "connection")} ended in ${inSeconds(ms)} for ${firstOf(targets, NAMED)}`;
    return info(text, { pool, targets, connections: ended, ms });
  },
};
