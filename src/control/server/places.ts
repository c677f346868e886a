/**
 * Which session ends so that a new one has a place. Those that speak for no target must not keep reporters out: of the key that has
 * all the sessions it may have, or else, where all places are taken, of the key that has most.
 */
import { overQuota } from "../../targets/quota.ts";
import type { TargetKey } from "../../targets/report.ts";
import { HarmonyError } from "../../util/errors.ts";

interface Seated {
  readonly key: TargetKey;
}

export interface Places<S extends Seated> {
  /** In the order in which they came. */
  readonly sessions: ReadonlySet<S>;
  readonly max: number;
  readonly maxOf: (key: TargetKey) => number;
  /** It speaks for no target. */
  readonly isIdle: (session: S) => boolean;
}

/** The session that is to end, with the reason that it is told; null: there is room. Throws where no session may be ended. */
export function placeFor<S extends Seated>(
  newcomer: S,
  places: Places<S>,
): { session: S; reason: HarmonyError } | null {
  const { sessions, max, maxOf, isIdle } = places;
  const { key } = newcomer;
  const own = ofKey(sessions, key);
  if (own.length >= maxOf(key)) return endOne(own.find(isIdle), overQuota(key, `${own.length} sessions`, "sessions"));
  if (sessions.size < max) return null;
  const busy = new HarmonyError("BUSY", "too many reporters are connected", { fault: "balancer", retry: true });
  return endOne(largestFirst(sessions).find(isIdle), busy);
}

function endOne<S>(session: S | undefined, reason: HarmonyError): { session: S; reason: HarmonyError } {
  if (session === undefined) throw reason;
  return { session, reason };
}

function ofKey<S extends Seated>(sessions: Iterable<S>, { id }: TargetKey): S[] {
  return [...sessions].filter(({ key }) => key.id === id);
}

/** Those of the key that has most, then of the others; the oldest of a key first. */
function largestFirst<S extends Seated>(sessions: Iterable<S>): S[] {
  const byKey = new Map<string, S[]>();
  for (const session of sessions) {
    const own = byKey.get(session.key.id);
    if (own) own.push(session);
    else byKey.set(session.key.id, [session]);
  }
  return [...byKey.values()].sort((a, b) => b.length - a.length).flat();
}
