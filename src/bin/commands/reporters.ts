/** `harmony-balancer reporters`: who has joined, what they may do, and when the balancer has last seen them. */
import { balancerOptions } from "../../config/balancer-options.ts";
import { onOff } from "../../config/kinds.ts";
import { option, optional } from "../../config/option.ts";
import { balancerFiles } from "../../control/keys/find-keys.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { type ListedReporter, listReporters } from "../../control/keys/reporter-list.ts";
import { formatDuration } from "../../util/durations.ts";
import { command, print } from "../command.ts";

const FROM = { places: ["flag", "env", "file"] } as const;

export const reporters = command({
  name: "reporters",
  usage: "[options]",
  summary: "Lists the reporters that have joined by invitation, and the invitations that are open.",
  operands: [],
  table: {
    json: option({ kind: onOff, default: false, doc: "One JSON object, for programs.", places: ["flag"] }),
    reporters: optional({ ...balancerOptions.reporters, ...FROM }),
    keyFile: optional({ ...balancerOptions.keyFile, ...FROM }),
    config: balancerOptions.config,
  },
  footer: [
    "\nA reporter is taken out by taking its line out of the reporters file: within a second its targets are out.",
    "\nThe balancer need not run. What it has last seen it writes beside the reporters file, every few seconds.",
    "\nExit codes: 0 they are listed, 1 the files cannot be read, 2 the options or the files are wrong.\n",
  ].join("\n"),
  run(values) {
    const { invitations, files } = balancerFiles(
      { keyFile: values.keyFile, reporters: values.reporters },
      hostEnvironment(),
    );
    const listed = listReporters(files);
    const open = invitations.open().map(({ id, name, uses, used, until }) => {
      return { id, name, usesLeft: uses - used.length, until: new Date(until).toISOString() };
    });
    if (values.json) print(JSON.stringify({ reporters: listed, invitations: open }, null, 2));
    else {
      print(
        table(["NAME", "FINGERPRINT", "LAST SEEN", "ADDRESS", "TARGETS", "LIMITS"], listed.map(row)) ||
          "Nobody has joined yet.",
      );
      for (const { name, usesLeft, until, id } of open)
        print(`Open invitation ${id} for ${name}: ${usesLeft} left, until ${until}`);
    }
    return Promise.resolve(0);
  },
});

function row({ name, fingerprint, limits, seen, address, targets }: ListedReporter): string[] {
  const ago =
    seen === null
      ? "never"
      : `${formatDuration(Math.max(0, Math.round((Date.now() - Date.parse(seen)) / 1000)) * 1000)} ago`;
  return [name, fingerprint, ago, address ?? "-", targets.join(",") || "-", limits.join(" ") || "-"];
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
