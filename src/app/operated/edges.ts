/** Listeners that ask something of their clients, each once, however many addresses it has. */
import { ClientLimits } from "../../edge/access/client-limits.ts";
import { RefusalCounters } from "../../edge/refusals.ts";
import type { EdgeRules } from "../../edge/rules.ts";
import type { WatchedListener } from "../../telemetry/refusal-watch.ts";
import type { Services } from "../services.ts";

export function edgesOf({ listeners }: Pick<Services, "listeners">): ReadonlyMap<string, EdgeRules> {
  const rules = new Map<string, EdgeRules>();
  for (const { listener, edge } of listeners) if (edge !== null) rules.set(listener, edge.rules);
  return rules;
}

export function watchedEdges(services: Pick<Services, "listeners">): WatchedListener[] {
  return [...edgesOf(services)].map(([name, rules]) => ({ name, read: () => refusalsOf(rules) }));
}

export function refusalsOf({ counters }: Pick<EdgeRules, "counters">): ReturnType<RefusalCounters["read"]> {
  return new RefusalCounters(counters).read();
}

export function untrackedBy({ limits }: Pick<EdgeRules, "limits">): number {
  return limits === null ? 0 : ClientLimits.untracked(limits);
}

/** What all threads see together. */
export function edgeBytes({ senders, allow, deny, limits }: EdgeRules): number {
  return [senders, allow, deny, limits].reduce((sum, each) => sum + (each?.buffer.byteLength ?? 0), 0);
}
