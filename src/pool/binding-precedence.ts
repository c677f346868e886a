/**
 * Which of two targets a client has that it has been bound to by two balancers: the one that it was bound to later; at the same time, the one of
 * the higher rank. When that was stays with the binding wherever it goes, and use does not change it. So of any number of balancers all come to
 * the same, in whatever order they hear of each other. Called with the lock held.
 *
 * `boundAt` is in ms since 1970, by the clock of the balancer that has bound the client. One that may not know yet what the others have bound has it
 * negated: that goes after all that was bound by those who know, and what has been in force for longer goes before it.
 */
import type { ClientKey } from "../util/client-key.ts";
import type { PoolLayout } from "./layout.ts";
import { mix, publicHash } from "./sip-hash.ts";

/** ms: no binding is as old, and a double has room for it beside a time. */
const SHARED_EPOCH = 2 ** 40;
/** The same of `boundAt`, negated as well, in `bindingBoundAt`. */
const BOUND_EPOCH = 2 ** 44;
/** Nothing is said to be bound later, nor so much earlier. */
export const LATEST = 2 ** 43;
/**
 * In `bindingSharedAt`, earlier than any time: what another balancer has said goes before this one, which is in use. Others are told of it once that is
 * over, and say theirs again.
 */
export const CONTESTED = 1;

/** What another balancer says of a client's binding. */
export interface Elsewhere {
  /** When it was used last, by the pool's time. */
  readonly usedAt: number;
  readonly boundAt: number;
}

export interface Moment {
  /** By the pool's time. */
  readonly now: number;
  /** `boundAt` of what is bound now. */
  readonly stamp: number;
}

/** A time as `bindingSharedAt` has it, where 0 is none, and what is older than this process counts as well. */
export function sharedTime(usedAt: number): number {
  return usedAt + SHARED_EPOCH;
}

/** It is set when others are first told; what the client had here before was bound earlier, whatever the clocks say. */
export function boundAt({ bindingBoundAt }: PoolLayout, slot: number, stamp: number): number {
  const at = bindingBoundAt[slot]!;
  if (at <= 0) bindingBoundAt[slot] = Math.max(BOUND_EPOCH + stamp, 1 - at);
  return bindingBoundAt[slot]! - BOUND_EPOCH;
}

/** The client has been bound to another target. `isNew`: it had none in that slot. */
export function boundAnew({ bindingBoundAt }: PoolLayout, slot: number, isNew: boolean): void {
  bindingBoundAt[slot] = isNew ? 0 : -Math.abs(bindingBoundAt[slot]!);
}

/** Above 0: the row goes before what the slot has; below 0: that goes before the row. */
export function precedence(
  layout: PoolLayout,
  slot: number,
  other: { readonly row: number; readonly boundAt: number },
  { client, stamp }: { readonly client: ClientKey; readonly stamp: number },
): number {
  const later = other.boundAt - boundAt(layout, slot, stamp);
  if (later !== 0) return later;
  const own = layout.bindingTargets[2 * slot]! - 1;
  return rank(layout, client, other.row) - rank(layout, client, own);
}

/** Alike on every balancer. */
function rank({ identity }: PoolLayout, client: ClientKey, row: number): number {
  return mix(publicHash(client, 0), identity[2 * row]!);
}

/** Another balancer's is in force in that slot. That the client was here later than there does no harm. */
export function adoptAt(layout: PoolLayout, slot: number, row: number, there: Elsewhere): void {
  const { bindingTargets, bindingUsedAt, bindingSharedAt, bindingBoundAt, incarnation } = layout;
  bindingTargets[2 * slot] = row + 1;
  bindingTargets[2 * slot + 1] = incarnation[row]!;
  bindingUsedAt[slot] = Math.max(bindingUsedAt[slot]!, there.usedAt);
  bindingSharedAt[slot] = -sharedTime(there.usedAt);
  bindingBoundAt[slot] = BOUND_EPOCH + there.boundAt;
}

/** The client has the same target there. False: it was not used later there than here. */
export function renew(layout: PoolLayout, slot: number, there: Elsewhere, stamp: number): boolean {
  const { bindingOpen, bindingUsedAt, bindingSharedAt, bindingBoundAt } = layout;
  bindingBoundAt[slot] = BOUND_EPOCH + Math.max(boundAt(layout, slot, stamp), there.boundAt);
  if (bindingOpen[slot]! > 0 || bindingUsedAt[slot]! >= there.usedAt) return false;
  bindingUsedAt[slot] = there.usedAt;
  bindingSharedAt[slot] = -sharedTime(there.usedAt);
  return true;
}
