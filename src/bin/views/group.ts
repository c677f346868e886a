/** The group that a balancer is in, and its balancers as a table. */
import type { Group, GroupInShort, Member } from "../../admin/api/schemas/group.ts";
import { counted } from "../../util/counted.ts";
import { type Line, line, type Manner, part } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { AMOUNT, amountText, SPAN, sinceText, spanText } from "../terminal/units.ts";

/** That it is not reached yet is as it should be at the start, and for a moment. */
const STATE_MANNER: Readonly<Record<Group["state"], Manner>> = {
  connecting: "doubtful",
  connected: "good",
  lost: "bad",
};
const STATE_OF_MEMBER: Readonly<Record<Member["state"], Manner>> = { present: "good", left: "quiet", gone: "bad" };

export function groupLines(group: Group, paper: Paper, now: number): Line[] {
  const { name, place, state, since, sharedTargets, members } = group;
  return [
    line(
      part(`group ${name}`, "strong"),
      ` at ${place}, `,
      part(state, STATE_MANNER[state]),
      ` for ${sinceText(since, now)}; ${sharedText(sharedTargets)}`,
    ),
    ...unreached(group, now).map((text) => line(part(`! ${text}`, "bad"))),
    [],
    ...table(columnsAt(now), members, paper),
  ];
}

function columnsAt(now: number): readonly Column<Member>[] {
  return [
    { title: "BALANCER", value: ({ name }) => name, least: 12, cut: "middle" },
    { title: "VERSION", value: ({ version }) => version, least: 7, worth: 2 },
    {
      title: "STATE",
      value: ({ state, isSelf }) => part(isSelf ? `${state}*` : state, STATE_OF_MEMBER[state]),
    },
    {
      title: "HEARD",
      value: ({ heardMs, isSelf }) => (isSelf ? "-" : `${spanText(heardMs)} ago`),
      right: true,
      room: SPAN,
      worth: 6,
    },
    { title: "UP FOR", value: ({ startedAt }) => sinceText(startedAt, now), right: true, room: SPAN, worth: 1 },
    number("TARGETS", 5, ({ targets }) => targets),
    number("REPORTERS", 3, ({ reporters }) => reporters),
    number("ACTIVE", 7, ({ active }) => active),
    number("QUEUE", 4, ({ waiting }) => waiting),
  ];
}

function number(title: string, worth: number, of: (member: Member) => number): Column<Member> {
  return { title, worth, right: true, room: AMOUNT, value: (member) => amountText(of(member)) };
}

/** In the status: `harmony at redis://10.0.0.5:6379/0, connected; 3 balancers, 1 of them gone; 12 targets known …`. */
export function groupText({ name, place, state, members, sharedTargets }: GroupInShort): string {
  return `${name} at ${place}, ${state}; ${membersText(members)}; ${sharedText(sharedTargets)}`;
}

function membersText({ present, gone }: GroupInShort["members"]): string {
  return `${counted(present + gone, "balancer")}${gone === 0 ? "" : `, ${gone} of them gone`}`;
}

function sharedText(targets: number): string {
  return `${counted(targets, "target")} known from others alone`;
}

/** What is not as it should be with it, a sentence each. */
export function groupWarnings(group: GroupInShort, now: number): string[] {
  const { gone } = group.members;
  const missing = `${counted(gone, "balancer")} of the group gone: harmony-balancer group says which`;
  return [...unreached(group, now), ...(gone === 0 ? [] : [missing])];
}

function unreached({ state, since, reason }: Pick<Group, "state" | "since" | "reason">, now: number): string[] {
  const why = reason === null ? "" : `: ${reason}`;
  if (state === "connecting") return [`the group has not been reached yet${why}`];
  if (state !== "lost") return [];
  return [`the group is lost for ${sinceText(since, now)}${why}; what was known of others stays in force`];
}
