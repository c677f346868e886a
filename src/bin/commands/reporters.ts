/** `harmony-balancer reporters`: who has joined, what they may do, and when the balancer has last seen them. */
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { trustOptions } from "../../config/trust-options.ts";
import { balancerFiles } from "../../control/keys/find-keys.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { formatLimits } from "../../control/keys/limits.ts";
import { type ListedReporter, listReporters } from "../../control/keys/reporter-list.ts";
import { command, print } from "../command.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Below the first, a time is so many of the second ago. */
const AGES: readonly (readonly [below: number, size: number, unit: string])[] = [
  [MINUTE, 0, "now"],
  [2 * HOUR, MINUTE, "min"],
  [2 * DAY, HOUR, "h"],
  [Number.POSITIVE_INFINITY, DAY, "days"],
];

export const reporters = command({
  name: "reporters",
  usage: "[options]",
  summary: "Lists the reporters that have joined by invitation, and the invitations that are open.",
  operands: [],
  table: {
    json: option({ kind: onOff, default: false, doc: "One JSON object, for programs.", places: ["flag"] }),
    ...trustOptions,
  },
  footer: [
    "\nA reporter is taken out by taking its line out of the reporters file: within a second its targets are out.",
    "\nThe balancer need not run. What it has last seen it writes beside the reporters file, every few seconds. LAST SEEN is now for " +
      "whoever was connected within the last minute.",
    "\nExit codes: 0 they are listed, 1 something went wrong, 2 the options are wrong, or a file is or cannot be read.\n",
  ].join("\n"),
  run(values) {
    const { invitations, files } = balancerFiles(
      { keyFile: values.keyFile, reporters: values.reporters },
      hostEnvironment(),
    );
    const listed = listReporters(files);
    const open = invitations.open().map(({ id, name, uses, used, until, limits }) => {
      const usesLeft = uses - used.length;
      return { id, name, usesLeft, until: new Date(until).toISOString(), limits: formatLimits(limits) };
    });
    if (values.json) print(JSON.stringify({ reporters: listed, invitations: open }, null, 2));
    else {
      print(
        table(["NAME", "FINGERPRINT", "LAST SEEN", "ADDRESS", "TARGETS", "LIMITS"], listed.map(row)) ||
          `Nobody has joined yet: there is no reporter in ${files.reporters}.`,
      );
      for (const { name, usesLeft, until, id, limits } of open)
        print(`Open invitation ${id} for ${name}: ${[`${usesLeft} left`, `until ${until}`, ...limits].join(", ")}`);
    }
    return Promise.resolve(0);
  },
});

function row({ name, fingerprint, limits, seen, address, targets }: ListedReporter): string[] {
  const ago = seen === null ? "never" : agoText(Date.now() - Date.parse(seen));
  return [name, fingerprint, ago, address ?? "-", targets.join(",") || "-", limits.join(" ") || "-"];
}

/** No more exactly than the balancer writes it down: every half minute while a reporter is connected. */
export function agoText(ms: number): string {
  const [, size, unit] = AGES.find(([below]) => ms < below)!;
  return size === 0 ? unit : `${Math.floor(ms / size)} ${unit} ago`;
}

/** "" without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}
