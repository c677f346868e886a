import type { PoolTarget, PoolView } from "../app/views.ts";
import { formatAddress } from "../util/address.ts";
import { type Line, lineText } from "./terminal/line.ts";
import { ENDLESS } from "./terminal/paper.ts";
import { type Column, table } from "./terminal/table.ts";

const COLUMNS: readonly Column<PoolTarget>[] = [
  { title: "target", value: ({ identity }) => identity },
  { title: "address", value: ({ address }) => formatAddress(address) },
  { title: "state", value: stateText },
  number("weight", ({ weight }) => weight),
  number("active", ({ active }) => active),
  number("total", ({ total }) => total),
  number("failures", ({ failures }) => failures),
  number("bytes in", ({ bytesIn }) => bytesIn),
  number("bytes out", ({ bytesOut }) => bytesOut),
  {
    title: "connect",
    value: ({ connectMs }) => (connectMs === null ? "-" : `${connectMs.toFixed(1)} ms`),
    right: true,
  },
];

type ShownPool = Pick<PoolView, "name" | "origin" | "active" | "waiting">;

const POOL_COLUMNS: readonly Column<ShownPool>[] = [
  { title: "pool", value: ({ name }) => name },
  { title: "origin", value: ({ origin }) => origin },
  number("active", ({ active }) => active),
  number("waiting", ({ waiting }) => waiting),
];

/** An aligned table with a line per target, each line preceded by a line feed. Empty if there is no target. */
export function targetTable(targets: readonly PoolTarget[]): string {
  return inLog(table(COLUMNS, targets, ENDLESS));
}

/** As targetTable(), with a line per pool. Empty if there is one pool alone. */
export function poolTable(pools: readonly ShownPool[]): string {
  return pools.length < 2 ? "" : inLog(table(POOL_COLUMNS, pools, ENDLESS));
}

function number<T>(title: string, of: (row: T) => number): Column<T> {
  return { title, value: (row) => String(of(row)), right: true };
}

function inLog(lines: readonly Line[]): string {
  return lines.map((line) => `\n  ${lineText(line, false)}`).join("");
}

function stateText({ state, failure, panic, priority, backup, sources }: PoolTarget): string {
  // Most have registered themselves, and are no news.
  const others = sources.some((source) => source !== "registered") ? sources : [];
  const marks = [
    failure,
    panic ? "panic" : null,
    backup ? "backup" : null,
    priority > 0 ? `priority ${priority}` : null,
    ...others,
  ].filter((mark) => mark !== null);
  return marks.length === 0 ? state : `${state} (${marks.join(", ")})`;
}
