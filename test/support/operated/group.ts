/** A group of three balancers, of which one is gone. */
import type { GroupView, MemberView } from "../../../src/group/view.ts";

/** `at`: ms since 1970, when its balancers were started. */
export function fakeGroup(at: number): GroupView {
  return {
    name: "harmony",
    place: "redis://10.0.0.5:6379/0",
    state: "connected",
    since: at,
    reason: null,
    members: [
      fakeMember({ id: "a1", name: "lb-1:1666", isSelf: true, startedAt: at, heardMs: 0 }),
      fakeMember({ id: "c3", name: "lb-2:1666", startedAt: at + 60_000, heardMs: 420, targets: 12, active: 7_654 }),
      fakeMember({ id: "b2", name: "lb-3:1666", startedAt: at, version: "2.1.0", state: "gone", heardMs: 75_000 }),
    ],
    sharedTargets: 12,
  };
}

function fakeMember(own: Partial<MemberView> & Pick<MemberView, "id" | "name" | "startedAt">): MemberView {
  return {
    version: "2.0.0",
    isSelf: false,
    state: "present",
    heardMs: 0,
    targets: 6,
    reporters: 5,
    active: 31,
    waiting: 0,
    ...own,
  };
}
