/** The group that the balancer is in, as the API shows it. */
import type { Group, GroupInShort } from "../../admin/api/schemas/group.ts";
import type { GroupView } from "../../group/view.ts";
import { timeText } from "./targets.ts";

export function shownGroup(view: GroupView): Group {
  return {
    ...wholeOf(view),
    members: view.members.map((member) => ({ ...member, startedAt: timeText(member.startedAt) })),
  };
}

export function groupInShort(view: GroupView): GroupInShort {
  const present = view.members.filter(({ state }) => state === "present").length;
  return { ...wholeOf(view), members: { present, gone: view.members.length - present } };
}

function wholeOf({ name, place, state, since, reason, sharedTargets }: GroupView): Omit<GroupInShort, "members"> {
  return { name, place, state, since: timeText(since), reason, sharedTargets };
}
