/** What a reporter has issued to this balancer of a target's limit, where several balancers share the target. */
import type { Credits } from "../pool/pool.ts";
import type { Entry } from "./entry.ts";
import type { Report } from "./report.ts";
import type { SharedTarget } from "./shared-target.ts";

/**
 * What the report issues; null: nothing, so that the limit is this balancer's alone. `made`: when that was. `now` and what is given are by the
 * pool's clock. Time in which this balancer heard nothing does not prolong it, as it does a lease: the reporter cannot know of that.
 */
export function creditsOf(
  { credits, maxConnections = 0 }: Report,
  made: number,
  lease: number,
  now: number,
): Credits | null {
  if (credits === undefined || maxConnections === 0) return null;
  return { count: credits, until: Math.min(made, now) + lease };
}

/**
 * To be answered to a report that issues some: what another reporter has issued before it, and counts still. Where none has spoken here, but
 * another balancer of the group has a word of one, that is nothing: its reporter has issued what it could to others.
 */
export function creditsBefore(
  before: Entry | undefined,
  shared: SharedTarget | null,
  report: Report,
  now: number,
): { readonly before?: number } {
  if (report.credits === undefined) return {};
  if (!before?.counts) return shared !== null && shared.report.instance !== report.instance ? { before: 0 } : {};
  if (before.report.instance === report.instance) return {};
  const { credits, report: last } = before;
  if (credits === null) return { before: last.maxConnections ?? 0 };
  return { before: credits.until > now ? credits.count : 0 };
}
