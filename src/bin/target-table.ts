import type { TargetView } from "../pool/pool.ts";
import { formatAddress } from "../util/address.ts";

const HEAD = [
  "target",
  "address",
  "state",
  "weight",
  "active",
  "total",
  "failures",
  "bytes in",
  "bytes out",
  "connect",
];

/** An aligned table with a line per target, each line preceded by a line feed. Empty if there is no target. */
export function targetTable(targets: readonly TargetView[]): string {
  if (targets.length === 0) return "";
  const rows = [HEAD, ...targets.map(row)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows.map((cells) => `\n  ${cells.map((cell, i) => align(cell, widths[i]!, i)).join("  ")}`).join("");
}

/** Words to the left, numbers to the right. */
function align(cell: string, width: number, column: number): string {
  return column < 3 ? cell.padEnd(width) : cell.padStart(width);
}

function row(target: TargetView): string[] {
  const { address, connectMs } = target;
  const where = formatAddress(address);
  const numbers = [target.weight, target.active, target.total, target.failures, target.bytesIn, target.bytesOut];
  return [
    target.identity,
    where,
    stateText(target),
    ...numbers.map(String),
    connectMs === null ? "-" : `${connectMs.toFixed(1)} ms`,
  ];
}

function stateText({ state, failure, panic }: TargetView): string {
  const marks = [failure, panic ? "panic" : null].filter((mark) => mark !== null);
  return marks.length === 0 ? state : `${state} (${marks.join(", ")})`;
}
