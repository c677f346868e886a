/** `harmony-balancer drain`: no new connections for a target; open ones finish. */
import type { Target } from "../../admin/api/schemas/targets.ts";
import { duration, onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { counted } from "../../util/counted.ts";
import { formatDuration } from "../../util/durations.ts";
import { HarmonyError } from "../../util/errors.ts";
import { command, note, print } from "../command.ts";
import { EXIT_TIMEOUT, exitCodes } from "../exit-codes.ts";
import { LASTING, order, orderOptions, report } from "../orders.ts";
import { TARGET } from "../target-names.ts";
import { spanText } from "../terminal/units.ts";
import { Waiting } from "../waiting.ts";

const FLAG = ["flag"] as const;

export const drain = command({
  name: "drain",
  usage: "TARGET… [options]",
  summary: "Gives targets no new connections, those of sticky clients included; open ones finish.",
  operands: [TARGET],
  table: {
    wait: option({
      kind: onOff,
      default: false,
      doc: "Return when the last connection has gone, and show on a terminal how many are left.",
      short: "w",
      places: FLAG,
    }),
    timeout: option({
      kind: duration(0),
      default: 0,
      doc: "Wait no longer than this; the order stays. 0 waits for ever.",
      places: FLAG,
    }),
    ...orderOptions,
  },
  footer:
    LASTING +
    exitCodes({
      0: "it is ordered, and with --wait the last connection has gone",
      3: "there is no such target",
      4: "connections were left when --timeout was over",
      130: "it was interrupted while it waited; the order stays",
    }),
  async run(values, words) {
    if (values.timeout > 0 && !values.wait)
      throw new HarmonyError("BAD_OPTIONS", "--timeout is how long --wait waits: give both", { fault: "config" });
    const { client, targets } = await order(values, words, { verb: "drain", body: {} });
    if (!values.wait) {
      report(targets, values.json, drainText);
      return 0;
    }
    const { targets: last, left, ms } = await new Waiting(client, targets, values.timeout).end();
    if (values.json) print(JSON.stringify(last, null, 2));
    if (left > 0) {
      note(`${counted(left, "connection")} did not finish within ${formatDuration(values.timeout)}; the order stays`);
      return EXIT_TIMEOUT;
    }
    if (!values.json) print(`${targets.map(({ id }) => id).join(", ")}: drained, ${goneText(targets, ms)}`);
    return 0;
  },
});

function goneText(targets: readonly Target[], ms: number): string {
  return targets.every(({ active }) => active === 0)
    ? "no connection was open"
    : `the last connection has gone after ${spanText(ms)}`;
}

function drainText({ active, state }: Target): string {
  const rest = active === 0 ? "no connection is open" : `${counted(active, "connection")} may finish`;
  return state === "down" ? `drained, and down; ${rest}` : `drains, ${rest}`;
}
