/**
 * Two reporters of one target: the newest speaks for it, and those that it has displaced wait until it is gone. Otherwise they
 * would take the target from each other for ever.
 */
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Report, TargetOwner } from "./report.ts";

/** What is known of a target's reporters. */
export interface Claim {
  /** Who speaks for it; null once that session is gone. */
  readonly owner: TargetOwner | null;
  /** The last report. */
  readonly report: Report;
  /** Instances of reporters that have been displaced, the newest last. */
  readonly displaced: readonly string[];
}

/** Displaced reporters that are remembered: more of them at a time than anybody starts by mistake. */
const MAX_DISPLACED = 8;

/** Whether the target is taken from a reporter that is still there, by another one. */
export function isTakeover(before: Claim | undefined, owner: TargetOwner, { instance }: Report): boolean {
  if (!before?.owner || before.owner === owner) return false;
  return instance === undefined || instance !== before.report.instance;
}

/** Who is displaced once this owner speaks for the target. */
export function displacedAfter(before: Claim | undefined, owner: TargetOwner, report: Report): readonly string[] {
  if (!before) return [];
  const others = before.displaced.filter((instance) => instance !== report.instance);
  const { instance } = before.report;
  if (instance === undefined || !isTakeover(before, owner, report)) return others;
  return [...others, instance].slice(-MAX_DISPLACED);
}

/** Whether the report comes from a reporter that was displaced by the one that speaks for the target now. */
export function isDisplaced({ owner, displaced }: Claim, { instance }: Report): boolean {
  return owner !== null && instance !== undefined && displaced.includes(instance);
}

export function takenOverBy(by: TcpAddress): string {
  return `another reporter has taken this target over, the one at ${formatAddress(by)}`;
}
