/** `harmony-balancer maintain`: a target is down, whatever anybody else says of it. */

import { counted } from "../../util/counted.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { LASTING, order, orderOptions, report } from "../orders.ts";
import { TARGET } from "../target-names.ts";

export const maintain = command({
  name: "maintain",
  usage: "TARGET… [options]",
  summary:
    "Takes targets out of service, as drain does, and they count as down, whatever their reporters and probes say. Open connections " +
    "finish; harmony-balancer kill ends them.",
  operands: [TARGET],
  table: orderOptions,
  footer: LASTING + exitCodes({ 0: "it is ordered", 3: "there is no such target" }),
  async run(values, words) {
    const { targets } = await order(values, words, { verb: "maintain", body: {} });
    report(
      targets,
      values.json,
      ({ active }) => `out of service${active === 0 ? "" : `, ${counted(active, "connection")} may finish`}`,
    );
    return 0;
  },
});
