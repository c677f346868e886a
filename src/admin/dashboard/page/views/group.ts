/** The group that the balancer is in: whether it is reached, and who is in it. */
import type { GroupInShort, Member } from "../../../api/schemas/group.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { ago, count, NONE, span } from "../format.ts";
import { badge, empty, facts, section, stateIcon } from "./parts.ts";
import { type Column, table } from "./table.ts";

/** Nothing of a balancer that is in none. Who sees one pool alone sees no other balancers. */
export function groupSection(app: App, group: GroupInShort | null): Child {
  if (group === null) return null;
  const { present, gone } = group.members;
  const aside = h("p", { class: "aside" }, gone === 0 ? count(present) : `${count(present)}, and ${count(gone)} gone`);
  return section("Group", "group", aside, groupFacts(app, group), app.known.me?.pool === null && members(app));
}

function groupFacts(app: App, { name, place, state, since, reason, sharedTargets }: GroupInShort): View {
  const why = reason === null ? "" : `: ${reason}`;
  return facts(
    ["Name", name],
    ["Meets at", place],
    ["State", `${state} for ${ago(since, app.now)}${why}`],
    ["Targets known from others alone", count(sharedTargets)],
  );
}

function members(app: App): View {
  const { group } = app.known;
  if (group === null) return empty("Asking the balancer …");
  return table(app, {
    name: "members",
    caption: "Balancers of the group",
    columns: columnsFor(app),
    rows: group.members,
    keyOf: ({ id }) => id,
  });
}

function columnsFor(app: App): readonly Column<Member>[] {
  return [
    {
      name: "name",
      label: "Balancer",
      kind: "main",
      show: ({ name, isSelf }) => [name, ...(isSelf ? [" ", badge("this one")] : [])],
      by: ({ name }) => name,
    },
    { name: "state", label: "State", kind: "name", show: ({ state }) => stateOf(state), by: ({ state }) => state },
    { name: "version", label: "Version", kind: "name", show: ({ version }) => version, by: ({ version }) => version },
    {
      name: "heard",
      label: "Last heard",
      kind: "num",
      show: ({ heardMs, isSelf }) => (isSelf ? NONE : `${span(Math.floor(heardMs / 1000) * 1000)} ago`),
      by: ({ heardMs }) => heardMs,
    },
    {
      name: "up",
      label: "Up for",
      kind: "num",
      show: ({ startedAt }) => ago(startedAt, app.now),
      by: ({ startedAt }) => startedAt,
    },
    number("targets", "Targets", ({ targets }) => targets),
    number("reporters", "Reporters", ({ reporters }) => reporters),
    number("active", "Active", ({ active }) => active),
    number("waiting", "Queue", ({ waiting }) => waiting),
  ];
}

function number(name: string, label: string, of: (member: Member) => number): Column<Member> {
  return { name, label, kind: "num", show: (member) => count(of(member)), by: of };
}

function stateOf(state: Member["state"]): View {
  const looks = ({ present: "up", left: "draining", gone: "down" } as const)[state];
  return h("span", { class: `state is-${looks}` }, stateIcon(looks), h("span", null, state));
}
