/** Pools as a table. What has a default here, a balancer of an earlier release does not say: it may run still while the command is new. */
import type { Pool } from "../../admin/api/schemas/pools.ts";
import { type Line, type Part, part } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { amountText, BYTES, bytesText, msText } from "../terminal/units.ts";

const COLUMNS: readonly Column<Pool>[] = [
  { title: "POOL", value: ({ name }) => name, least: 8, cut: "middle" },
  {
    title: "LISTENS AT",
    value: ({ listeners }) => listeners.flatMap(({ addresses }) => addresses).join(" ") || "-",
    least: 8,
    worth: 3,
  },
  { title: "UP", value: upPart, right: true },
  {
    title: "NOT UP",
    value: ({ targets: { suspect, draining, down }, asleep = 0 }) =>
      others({ suspect, draining, down: Math.max(0, down - asleep), asleep }),
    worth: 8,
  },
  { title: "ACTIVE", value: activeText, right: true },
  {
    title: "QUEUE",
    value: ({ waiting }) => part(String(waiting), waiting > 0 ? "doubtful" : "plain"),
    right: true,
    worth: 9,
  },
  { title: "CONN/S", value: ({ rates }) => amountText(rates.connections), right: true, worth: 7 },
  { title: "FAIL/S", value: ({ rates }) => amountText(rates.failures), right: true, worth: 6 },
  { title: "IN/S", value: ({ rates }) => bytesText(rates.bytesIn), right: true, room: BYTES, worth: 4 },
  { title: "OUT/S", value: ({ rates }) => bytesText(rates.bytesOut), right: true, room: BYTES, worth: 4 },
  { title: "CONNECT P99", value: ({ connectMs }) => msText(connectMs?.p99 ?? null), right: true, worth: 2 },
  { title: "NO TARGET", value: ({ unavailable }) => amountText(sum(unavailable)), right: true, worth: 5 },
];

export function poolLines(pools: readonly Pool[], paper: Paper): Line[] {
  return table(COLUMNS, pools, paper);
}

/** With what this balancer may serve of what all may together, where that is shared. */
function activeText({ active, concurrency = null, groupConcurrency = null, permits = null }: Pool): string {
  return permits === null ? String(active) : `${active} (limit ${permits} of ${groupConcurrency ?? concurrency})`;
}

function upPart({ targets: { up, suspect, draining, down }, asleep = 0, panic, rebalancing = null }: Pool): Part {
  const text = `${up}/${up + suspect + draining + down}`;
  if (panic) return part(`${text} panic`, "bad");
  if (rebalancing !== null) return part(`${text} rebalanced`, "doubtful");
  return part(text, up + asleep === 0 ? "bad" : suspect > 0 || down > asleep ? "doubtful" : "good");
}

function others(counts: Readonly<Record<string, number>>): string {
  return (
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([state, count]) => `${count} ${state}`)
      .join(", ") || "-"
  );
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
