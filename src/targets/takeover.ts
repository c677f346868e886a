/**
 * Who may speak for a target that is registered already.
 *
 * It belongs to the key that it was registered with, by the key's id: what holders of other keys report never touches it. It is
 * theirs once it is no longer registered, or when it is dead and named by its address, and they are seen at that very address.
 *
 * Of two reporters with the same key the newest speaks for the target, and those that it has displaced wait until it is gone.
 * Otherwise they would take the target from each other for ever.
 */
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { HarmonyError } from "../util/errors.ts";
import { sameAddress } from "./location.ts";
import type { Registered } from "./panic.ts";
import { type Report, saidBy, type TargetOwner } from "./report.ts";

/** What is known of a registered target's reporters. Its key is the one that it was registered with. */
export interface Claim extends Pick<Registered, "identity" | "key" | "report" | "counts" | "until"> {
  /** Who speaks for it; null once that session is gone. */
  readonly owner: TargetOwner | null;
  /** What its owner calls it, or did. */
  readonly ref: number;
  /** See locationOf(). */
  readonly location: TcpAddress;
  /** Instances of reporters that have been displaced, the newest last. */
  readonly displaced: readonly string[];
}

/** A report of a target that may be registered already. */
export interface Claimant {
  readonly owner: TargetOwner;
  readonly ref: number;
  readonly report: Report;
  readonly location: TcpAddress;
  /** Until when the report counts. One that was made before the other reporter's last takes nothing from it, however late it comes. */
  readonly until: number;
}

/** Displaced reporters that are remembered: more of them at a time than anybody starts by mistake. */
const MAX_DISPLACED = 8;

/** Whether the target is taken from a reporter that is still there, by another one. */
export function isTakeover(before: Claim | undefined, owner: TargetOwner, { instance }: Report): boolean {
  if (!before?.owner || before.owner === owner) return false;
  return instance === undefined || instance !== before.report.instance;
}

/**
 * Whether the target is to be forgotten, so that the claimant may register one of the same name; false: it goes on as the
 * claimant's. Throws HarmonyError where it is not the claimant's to speak for.
 */
export function isFreed(target: Claim, claimant: Claimant, now: number): boolean {
  const { owner, ref, report, location, until } = claimant;
  if (target.key.id !== owner.key.id) {
    if (isAbandoned(target, now) && isSeenThere(target, claimant)) return true;
    throw refusal("OWNED", belongsToOther(target));
  }
  if (target.owner === owner) {
    if (target.ref !== ref) throw refusal("ID_TAKEN", isTaken(target));
  } else if (sameAddress(target.location, location)) {
    if (target.owner && (isDisplaced(target, report) || until < target.until))
      throw refusal("REPLACED", takenOverBy(target.owner.remote));
  } else if (target.owner) {
    throw refusal("ID_TAKEN", isTaken(target));
  }
  return false;
}

/** Nobody speaks for it, and its last report counts no more: until then its reporter may merely reconnect. */
function isAbandoned(target: Claim, now: number): boolean {
  return target.owner === null && saidBy(target) === "down" && target.until <= now;
}

/** The claimant's host has that address now, as the balancer itself sees. */
function isSeenThere(target: Claim, { report, location }: Claimant): boolean {
  return report.id === undefined && report.advertise === undefined && sameAddress(target.location, location);
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
function isDisplaced({ displaced }: Claim, { instance }: Report): boolean {
  return instance !== undefined && displaced.includes(instance);
}

export function takenOverBy(by: TcpAddress): string {
  return `another reporter has taken this target over, the one at ${formatAddress(by)}`;
}

function isTaken({ identity, location }: Claim): string {
  return `"${identity}" is registered from ${formatAddress(location)}: give each target its own id`;
}

function belongsToOther({ identity }: Claim): string {
  return `"${identity}" is registered with another key: give each target its own id, or let its reporter leave first`;
}

/** It may succeed later. */
function refusal(code: string, message: string): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry: true });
}
