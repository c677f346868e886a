/** The group that the balancer is in, as the API shows it. */
import type { Group, GroupInShort } from "../../admin/api/schemas/group.ts";
import type { GroupView, MemberView } from "../../group/view.ts";
import { timeText } from "./targets.ts";

export function shownGroup(view: GroupView): Group {
  return {
    ...wholeOf(view),
    members: view.members.map((member) => ({ ...member, startedAt: timeText(member.startedAt) })),
  };
}

export function groupInShort(view: GroupView): GroupInShort {
  const count = (wanted: MemberView["state"]) => view.members.filter(({ state }) => state === wanted).length;
  return { ...wholeOf(view), members: { present: count("present"), gone: count("gone") } };
}

function wholeOf({ name, place, state, since, reason, sharedTargets }: GroupView): Omit<GroupInShort, "members"> {
  return { name, place, state, since: timeText(since), reason, sharedTargets };
}
