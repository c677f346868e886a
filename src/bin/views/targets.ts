/** Targets as a table, and one of them in full. What has a default here, a balancer of an earlier release does not say. */
import type { Quantiles } from "../../admin/api/schemas/common.ts";
import type { Check, Target } from "../../admin/api/schemas/targets.ts";
import { type Line, line, part } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import {
  AMOUNT,
  amountText,
  BYTES,
  bytesText,
  MS,
  msText,
  partText,
  SPAN,
  sinceText,
  spanText,
} from "../terminal/units.ts";
import { orderText, STATE_MANNER, stateText } from "./states.ts";

/** Columns of a name that tell targets apart, cut in its middle. */
const LEAST_NAME = 24;

/** `order` is what `top` compares where it sorts by this column. */
export interface TargetColumn extends Column<Target> {
  readonly order: (target: Target) => number | string;
}

export function targetColumns(now: number): readonly TargetColumn[] {
  return [
    { title: "TARGET", value: ({ id }) => id, order: ({ id }) => id, least: LEAST_NAME, cut: "middle" },
    {
      title: "STATE",
      value: (target) => part(stateText(target), STATE_MANNER[target.state]),
      order: ({ state }) => state,
    },
    {
      title: "FOR",
      value: ({ since }) => sinceText(since, now),
      order: ({ since }) => Date.parse(since),
      right: true,
      room: SPAN,
      worth: 5,
    },
    { title: "WEIGHT", value: ({ weight }) => String(weight), order: ({ weight }) => weight, right: true, worth: 7 },
    {
      title: "DUE",
      value: ({ weightShare }) => partText(weightShare),
      order: ({ weightShare }) => weightShare,
      right: true,
      worth: 6.5,
    },
    { title: "SHARE", value: ({ share }) => partText(share), order: ({ share }) => share ?? -1, right: true, worth: 8 },
    { title: "ACTIVE", value: ({ active }) => String(active), order: ({ active }) => active, right: true },
    number("CONN/S", 9, ({ rates }) => rates.connections),
    number("FAIL/S", 6, ({ rates }) => rates.failures),
    number("TOTAL", 2, ({ connections }) => connections),
    number("FAILED", 4, ({ failures }) => failures),
    bytes("IN/S", 6.2, ({ rates }) => rates.bytesIn),
    bytes("OUT/S", 6.1, ({ rates }) => rates.bytesOut),
    ms("CONNECT P50", 5.5, ({ connectMs }) => connectMs?.p50 ?? null),
    ms("P99", 5.6, ({ connectMs }) => connectMs?.p99 ?? null),
    { title: "SOURCES", value: sourcesText, order: sourcesText, least: 7, worth: 1.5 },
    { title: "WHY", value: ({ reason }) => reason, order: ({ reason }) => reason, least: 12, worth: 1 },
  ];
}

/** Who says that it exists; `-`: nobody any more, it is about to leave. */
function sourcesText({ sources }: Target): string {
  return sources.join(",") || "-";
}

function number(title: string, worth: number, of: (target: Target) => number): TargetColumn {
  return { title, worth, right: true, room: AMOUNT, order: of, value: (target) => amountText(of(target)) };
}

function bytes(title: string, worth: number, of: (target: Target) => number): TargetColumn {
  return { title, worth, right: true, room: BYTES, order: of, value: (target) => bytesText(of(target)) };
}

function ms(title: string, worth: number, of: (target: Target) => number | null): TargetColumn {
  return {
    title,
    worth,
    right: true,
    room: MS,
    order: (target) => of(target) ?? -1,
    value: (target) => msText(of(target)),
  };
}

export function targetLines(targets: readonly Target[], paper: Paper, now: number): Line[] {
  if (targets.length === 0) return [line("no targets")];
  return [...table(targetColumns(now), targets, paper), ...legend(targets)];
}

/** What the mark of an order means, and what takes back those that there are. */
function legend(targets: readonly Target[]): Line[] {
  const orders = targets.flatMap(({ order }) => order ?? []);
  if (orders.length === 0) return [];
  const ways = [
    ...(orders.some(({ state }) => state !== null) ? ["harmony-balancer ready TARGET"] : []),
    ...(orders.some(({ factor }) => factor !== null) ? ["harmony-balancer weight TARGET own"] : []),
  ];
  return [line(part(`* by an operator's order, taken back by ${ways.join(" and ")}`, "quiet"))];
}

/** All that is known of one. */
export function targetInFull(target: Target, paper: Paper, now: number): Line[] {
  const { id, address, sources, state, reason, since, verdicts, reporter, leaseUntil, rates, checks = [] } = target;
  const facts: (readonly [string, string])[] = [
    ["address", sources.length === 0 ? address : `${address} (${sources.join(", ")})`],
    ["why", `${reason}, for ${sinceText(since, now)}`],
    ["order", orderText(target) ?? "none"],
    ...checks.map((check) => [check.kind, checkText(check, now)] as const),
    [
      "weight",
      `${target.weight} (its own ${target.ownWeight}${rampText(target)}); due ${partText(target.weightShare)}, has ${partText(target.share)} of the last minute's connections`,
    ],
    [
      "connections",
      `${target.active} active${limitText(target)}, ${target.connections} in all, ${amountText(rates.connections)}/s`,
    ],
    ["failures", `${target.failures} in all, ${amountText(rates.failures)}/s`],
    [
      "bytes",
      `in ${bytesText(target.bytesIn)} (${bytesText(rates.bytesIn)}/s), out ${bytesText(target.bytesOut)} (${bytesText(rates.bytesOut)}/s)`,
    ],
    ["connect", quantilesText(target.connectMs)],
    ["first byte", quantilesText(target.firstByteMs)],
    ["duration", quantilesText(target.durationMs)],
    ["reporter", reporter === null ? "none" : reporterText(reporter, now)],
    ["lease", leaseUntil === null ? "none" : `ends in ${spanText(Date.parse(leaseUntil) - now)}`],
  ];
  const words = table(
    [
      { title: "VERDICT", value: ({ source }) => source },
      { title: "SAYS", value: ({ says }) => part(says, STATE_MANNER[says]) },
      { title: "FOR", value: ({ since }) => sinceText(since, now), right: true },
      { title: "WHY", value: ({ reason }) => reason, least: 12 },
    ],
    verdicts,
    paper,
  );
  return [
    line(part(id, "strong"), "  ", part(stateText(target), STATE_MANNER[state])),
    ...facts.map(([name, text]) => line(part(`  ${name.padEnd(12)}`, "quiet"), text)),
    ...words.map((each) => line("  ", ...each)),
  ];
}

function checkText({ name, says, last, lack, passes, failures }: Check, now: number): string {
  const said =
    last === null ? "no answer yet" : `${last.reason} in ${msText(last.ms)} ms, ${sinceText(last.at, now)} ago`;
  const unasked = lack === null ? "" : `; just now it could not be asked: ${lack}`;
  return `${name} says ${says}: ${said}${unasked} (${passes} passed, ${failures} failed)`;
}

function reporterText({ key, address, lastReport, isSilent }: NonNullable<Target["reporter"]>, now: number): string {
  const where = address === null ? "" : ` at ${address}`;
  return `key ${key}${where}, last report ${sinceText(lastReport, now)} ago${isSilent ? "; silent now, not even a sign of life comes" : ""}`;
}

function rampText({ ramp = null }: Target): string {
  return ramp === null ? "" : `, of which it has ${partText(ramp)} while it starts slowly`;
}

function quantilesText(of: Quantiles): string {
  if (of === null) return "none in the last minute";
  return `p50 ${msText(of.p50)}, p90 ${msText(of.p90)}, p99 ${msText(of.p99)}, most ${msText(of.max)} ms, of ${of.count} in the last minute`;
}

/** What the target may have here, and what others have there: both where several balancers share it. */
function limitText({ maxConnections, credits = null, elsewhere = 0 }: Target): string {
  const limit = maxConnections === 0 ? "" : ` (limit ${credits === null ? "" : `${credits} of `}${maxConnections})`;
  return `${limit}${elsewhere === 0 ? "" : `, ${elsewhere} at other balancers`}`;
}
