/** `harmony-balancer reporters`: who has joined, what they may do, and when the balancer has last seen them. */
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { trustOptions } from "../../config/trust-options.ts";
import { balancerFiles } from "../../control/keys/find-keys.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { formatLimits } from "../../control/keys/limits.ts";
import { type ListedReporter, listReporters } from "../../control/keys/reporter-list.ts";
import { command, print } from "../command.ts";
import { printLines } from "../shown.ts";
import { line } from "../terminal/line.ts";
import { paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { agoText } from "../terminal/units.ts";

const COLUMNS: readonly Column<ListedReporter>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "FINGERPRINT", value: ({ fingerprint }) => fingerprint, worth: 1 },
  { title: "LAST SEEN", value: ({ seen }) => (seen === null ? "never" : agoText(Date.now() - Date.parse(seen))) },
  { title: "ADDRESS", value: ({ address }) => address ?? "-", worth: 4 },
  { title: "TARGETS", value: ({ targets }) => targets.join(",") || "-", least: 12, worth: 3 },
  { title: "LIMITS", value: ({ limits }) => limits.join(" ") || "-", least: 12, worth: 2 },
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
      const nobody = `Nobody has joined yet: there is no reporter in ${files.reporters}.`;
      printLines(listed.length === 0 ? [line(nobody)] : table(COLUMNS, listed, paper()));
      for (const { name, usesLeft, until, id, limits } of open)
        print(`Open invitation ${id} for ${name}: ${[`${usesLeft} left`, `until ${until}`, ...limits].join(", ")}`);
    }
    return Promise.resolve(0);
  },
});
