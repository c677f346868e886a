/** A group of three balancers, of which one is gone. */
import type { Answering, GroupTarget, GroupTargets } from "../../../src/admin/api/schemas/group.ts";
import type { Target } from "../../../src/admin/api/schemas/targets.ts";
import type { GroupTargetFilter, Span } from "../../../src/admin/face.ts";
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

/** The second balancer has three connections more of each target than the first; the third does not answer. */
export function fakeGroupTargets(
  { state, reason, members }: GroupView,
  targets: readonly Target[],
  { pool, target }: GroupTargetFilter,
  { offset, limit }: Span,
): GroupTargets {
  const found = targets.filter((each) => (target ?? each.id) === each.id && (pool ?? each.pool) === each.pool);
  const balancers = members.map(({ id, name, isSelf, state }, n): Answering => {
    const isThere = state === "present";
    const active = isThere ? targets.reduce((sum, each) => sum + each.active + 3 * n, 0) : null;
    const ageMs = isThere ? 300 * n : null;
    return { id, name, isSelf, state: isThere ? "answered" : "silent", ageMs, active, notTold: 0 };
  });
  const items = found.slice(offset, offset + limit).map(({ id, pool, state, active: own }): GroupTarget => {
    const shares = balancers.map(({ id: balancer, active }, n) => ({
      balancer,
      active: active === null ? null : own + 3 * n,
      perSecond: active === null ? null : 0.5,
    }));
    const active = shares.reduce((sum, share) => sum + (share.active ?? 0), 0);
    return {
      id,
      pool,
      state,
      active,
      perSecond: 1,
      isWhole: members.every((each) => each.state === "present"),
      shares,
    };
  });
  const next = offset + limit < found.length ? offset + limit : null;
  return { state, reason, balancers, items, total: found.length, next };
}
