/** What goes with keys that are accepted no more. */
import { counting } from "../../util/counted.ts";

/** Of the keys of one name. */
export interface KeyGone {
  readonly key: string;
  /** Sessions that were ended. */
  readonly reporters: number;
  /** Targets that have left. */
  readonly targets: number;
}

/** Each of the keys, by their names once for each session, and for each target. */
export function goneWith(sessions: readonly string[], targets: readonly string[]): KeyGone[] {
  const [ofSessions, ofTargets] = [counting(sessions), counting(targets)];
  const keys = new Set([...ofSessions.keys(), ...ofTargets.keys()]);
  return [...keys].map((key) => ({ key, reporters: ofSessions.get(key) ?? 0, targets: ofTargets.get(key) ?? 0 }));
}
