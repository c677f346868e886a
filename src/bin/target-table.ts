import type { PoolTarget, PoolView } from "../app/views.ts";
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

const POOL_HEAD = ["pool", "origin", "active", "waiting"];

/** An aligned table with a line per target, each line preceded by a line feed. Empty if there is no target. */
export function targetTable(targets: readonly PoolTarget[]): string {
  return aligned(HEAD, targets.map(row), 3);
}

/** As targetTable(), with a line per pool. Empty if there is one pool alone. */
export function poolTable(pools: readonly Pick<PoolView, "name" | "origin" | "active" | "waiting">[]): string {
  if (pools.length < 2) return "";
  const rows = pools.map(({ name, origin, active, waiting }) => [name, origin, String(active), String(waiting)]);
  return aligned(POOL_HEAD, rows, 2);
}

/** `words`: so many columns are words, which are to the left; numbers are to the right. */
function aligned(head: readonly string[], rows: readonly (readonly string[])[], words: number): string {
  if (rows.length === 0) return "";
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  const align = (cell: string, column: number) =>
    column < words ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return all.map((cells) => `\n  ${cells.map(align).join("  ")}`).join("");
}

function row(target: PoolTarget): string[] {
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

function stateText({ state, failure, panic, backup, sources }: PoolTarget): string {
  // Most have registered themselves, and are no news.
  const others = sources.some((source) => source !== "registered") ? sources : [];
  const marks = [failure, panic ? "panic" : null, backup ? "backup" : null, ...others].filter((mark) => mark !== null);
  return marks.length === 0 ? state : `${state} (${marks.join(", ")})`;
}
