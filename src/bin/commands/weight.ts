/** `harmony-balancer weight`: a target's weight is multiplied. */
import type { Target } from "../../admin/api/schemas/targets.ts";
import { HarmonyError } from "../../util/errors.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { LASTING, order, orderOptions, report } from "../orders.ts";
import { ONE_TARGET } from "../target-names.ts";
import { partText } from "../terminal/units.ts";

const LARGEST = 100;
const OWN = "own";

export const weight = command({
  name: "weight",
  usage: "TARGET… FACTOR [options]",
  summary:
    "Multiplies the weight of targets, whatever their reporters say it is: 0.5 or 50% halves it, 0 gives them no new connections, " +
    `${OWN} takes the order back.`,
  operands: [
    ONE_TARGET,
    { name: "FACTOR", help: `a number from 0 to ${LARGEST}, a percentage, or ${OWN}`, several: true },
  ],
  table: orderOptions,
  footer:
    LASTING.replace("harmony-balancer ready", `harmony-balancer weight TARGET ${OWN}`) +
    exitCodes({ 0: "it is ordered", 3: "there is no such target" }),
  async run(values, words) {
    const factor = factorOf(words.at(-1)!);
    const { targets } = await order(values, words.slice(0, -1), { verb: "weight", body: { factor } });
    report(targets, values.json, weightText);
    return 0;
  },
});

function factorOf(word: string): number | null {
  if (word === OWN) return null;
  const [, number = "", percent] = /^(\d{1,6}(?:\.\d{1,6})?)(%?)$/.exec(word) ?? [];
  const factor = Number(number) / (percent ? 100 : 1);
  if (number !== "" && factor <= LARGEST) return factor;
  throw new HarmonyError(
    "BAD_FACTOR",
    `${JSON.stringify(word)} is no factor: give a number from 0 to ${LARGEST}, a percentage, or ${OWN}`,
    {
      fault: "config",
    },
  );
}

function weightText({ weight, ownWeight, weightShare, order }: Target): string {
  const factor = order?.factor ?? null;
  const by = factor === null ? "its own" : `its own ${ownWeight} ×${factor}`;
  return `weight ${weight} (${by}), ${partText(weightShare)} of its pool's`;
}
