/** `harmony-balancer ready`: takes back what drain or maintain have ordered. */
import type { Target } from "../../admin/api/schemas/targets.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { order, orderOptions, report } from "../orders.ts";
import { TARGET } from "../target-names.ts";

export const ready = command({
  name: "ready",
  usage: "TARGET… [options]",
  summary:
    "Takes back drain and maintain: what the targets' reporters and the probes say counts again. A weight that was ordered stays: " +
    "harmony-balancer weight TARGET own takes that back.",
  operands: [TARGET],
  table: orderOptions,
  footer: exitCodes({
    0: "it is taken back, which does not make a target up that others say is down",
    3: "there is no such target",
  }),
  async run(values, words) {
    const { targets } = await order(values, words, { verb: "ready", body: {} });
    report(targets, values.json, readyText);
    return 0;
  },
});

function readyText({ state, reason, order }: Target): string {
  const factor = order?.factor ?? null;
  const weight = factor === null ? "" : `; its weight is still ×${factor}`;
  if (state === "suspect") return `nothing is ordered of it any more; it is up once it accepts a connection${weight}`;
  return state === "up" ? `up${weight}` : `nothing is ordered of it any more, and it is ${state}: ${reason}${weight}`;
}
