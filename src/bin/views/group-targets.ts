/** Targets with a column for each balancer of the group. */
import type { Answering, GroupTarget, GroupTargets } from "../../admin/api/schemas/group.ts";
import { counted } from "../../util/counted.ts";
import { type Line, line, part } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { AMOUNT, amountText } from "../terminal/units.ts";
import { STATE_MANNER } from "./states.ts";

/** Columns that names take at least, of targets and of balancers. */
const LEAST_TARGET = 24;
const LEAST_BALANCER = 9;
/** What stands before the balancers, at its narrowest, and the column of those that find no room; with their gaps. */
const BEFORE = LEAST_TARGET + 2 + "draining".length + 2 + "ACTIVE".length;
const FOLDED = 2 + "99 OTHERS".length;
/** What nobody has told. */
const UNKNOWN = "?";

export function groupTargetLines(seen: GroupTargets, paper: Paper): Line[] {
  const { items, balancers } = seen;
  const lines = table([...COLUMNS, ...balancerColumns(balancers, paper)], items, paper);
  const warnings = warningsOf(seen).map((text) => line(part(`! ${text}`, "bad")));
  return [...warnings, ...(items.length === 0 ? [line("no targets")] : lines), ...legend(seen)];
}

const COLUMNS: readonly Column<GroupTarget>[] = [
  { title: "TARGET", value: ({ id }) => id, least: LEAST_TARGET, cut: "middle" },
  { title: "STATE", value: ({ state }) => (state === null ? "-" : part(state, STATE_MANNER[state])) },
  { title: "CONN/S", value: ({ perSecond }) => amountText(perSecond), right: true, room: AMOUNT, worth: 1 },
  { title: "ACTIVE", value: ({ active, isWhole }) => sumText(active, isWhole), right: true },
];

/** One for each that has room, the asked one and the busiest before others; and one for the others. */
function balancerColumns(balancers: readonly Answering[], { columns: room }: Paper): Column<GroupTarget>[] {
  const widthOf = ({ name }: Answering) => 2 + Math.min(name.length + 1, LEAST_BALANCER);
  const total = (some: readonly Answering[]) => some.reduce((sum, each) => sum + widthOf(each), BEFORE);
  const byWorth = balancers.toSorted(
    (a, b) => Number(b.isSelf) - Number(a.isSelf) || (b.active ?? 0) - (a.active ?? 0),
  );
  let count = byWorth.length;
  while (count > 0 && total(byWorth.slice(0, count)) + (count < byWorth.length ? FOLDED : 0) > room) count--;
  const [shown, folded] = [new Set(byWorth.slice(0, count)), byWorth.slice(count)];
  const own = balancers.filter((each) => shown.has(each)).map(balancerColumn);
  return folded.length === 0 ? own : [...own, foldedColumn(folded)];
}

function balancerColumn({ id, name, isSelf }: Answering): Column<GroupTarget> {
  const value = (target: GroupTarget) => {
    const active = activeAt(target, id);
    return active === null ? part(UNKNOWN, "doubtful") : String(active);
  };
  return { title: isSelf ? `${name}*` : name, value, right: true, least: LEAST_BALANCER, cut: "middle" };
}

function foldedColumn(balancers: readonly Answering[]): Column<GroupTarget> {
  const value = (target: GroupTarget) => {
    const known = balancers.map(({ id }) => activeAt(target, id)).filter((active) => active !== null);
    const sum = known.reduce((total, active) => total + active, 0);
    return sumText(sum, known.length === balancers.length);
  };
  return { title: `${balancers.length} OTHERS`, value, right: true };
}

function activeAt({ shares }: GroupTarget, id: string): number | null {
  return shares.find(({ balancer }) => balancer === id)?.active ?? null;
}

/** `8+`: what some have is not known. */
function sumText(active: number, isWhole: boolean): string {
  return isWhole ? String(active) : `${active}+`;
}

function warningsOf({ state, reason, balancers }: GroupTargets): string[] {
  const why = reason === null ? "" : `: ${reason}`;
  if (state !== "connected") return [`the group is not reached${why}; what the other balancers have is not known`];
  const silent = balancers.filter((each) => each.state === "silent").map(({ name }) => name);
  if (silent.length === 0) return [];
  const verb = silent.length === 1 ? "does not answer: what it has" : "do not answer: what they have";
  return [`${silent.join(", ")} ${verb} is not known`];
}

function legend({ items, balancers }: GroupTargets): Line[] {
  if (items.length === 0) return [];
  const untold = balancers.reduce((sum, { notTold }) => sum + notTold, 0);
  const texts = [
    "* is the balancer that was asked",
    ...(items.every(({ isWhole }) => isWhole) ? [] : [`${UNKNOWN} is not known, and + says that a sum lacks it`]),
    ...(untold === 0 ? [] : [`of ${counted(untold, "target")} with few connections balancers do not tell one by one`]),
  ];
  return [line(part(texts.join("; "), "quiet"))];
}
