/** What everybody says of a target, kept apart, with reason and time. It takes new connections only when none of them says no. */

import { meaningOf } from "../net/net-error.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { isObserved, observationText, type TargetState, type TargetView } from "../pool/pool.ts";
import { agentReason, checkReason, type TargetChecks } from "./checked.ts";
import { type Entry, isReported, type Row, sourcesOf, takesLoad, wordOf, worse } from "./entry.ts";
import { saidByAgent } from "./health/agent-word.ts";
import { type Order, orderText, saidByOrder } from "./orders.ts";
import { saidBy } from "./report.ts";
import type { SharedTarget } from "./shared-target.ts";
import type { TargetSource } from "./wanted.ts";

export interface Verdict {
  /**
   * `reported`: its reporter. `declared`: the document or the DNS. `checked`: the balancer's checks, its agent. `observed`: connections
   * and probes. `ordered`: an operator.
   */
  readonly source: "reported" | "declared" | "checked" | "observed" | "ordered";
  readonly says: TargetState;
  /** For people. */
  readonly reason: string;
  /** ms since 1970. */
  readonly since: number;
}

/** Who speaks for a target, or spoke last. */
export interface ReporterView {
  readonly key: string;
  /** null: its connection is gone, or it has none. */
  readonly address: TcpAddress | null;
  /** ms since 1970. */
  readonly lastReport: number;
  /** Its connection is there, and nothing is heard of it. */
  readonly isSilent: boolean;
}

/** How a target stands, and why. */
export interface Standing {
  /** As the pool has it. */
  readonly view: TargetView;
  readonly sources: readonly TargetSource[];
  /** For people. */
  readonly reason: string;
  /** ms since 1970. */
  readonly since: number;
  readonly verdicts: readonly Verdict[];
  readonly order: Order | null;
  readonly checks: TargetChecks;
  /** As its sources have it. */
  readonly ownWeight: number;
  /** What it has of its weight while it starts slowly, above 0 and below 1; null: it has all of it. */
  readonly ramp: number | null;
  readonly reporter: ReporterView | null;
  /** By the registry's clock; null: nobody reports it, or the last report counts no more. */
  readonly leaseUntil: number | null;
}

/** `now`: ms since 1970; `inPanic`: it is served, if it accepts, though its reports count no more. */
export function standingOf(row: Row, view: TargetView, inPanic: boolean, now: number): Standing {
  const { registered, order } = row;
  const verdicts = verdictsOf(row, view, inPanic, now);
  const { reason, since } = deciding(verdicts, view);
  return {
    view,
    sources: sourcesOf(row),
    reason,
    since,
    verdicts,
    order,
    checks: row.checks,
    ownWeight: wordOf(row)!.weight,
    ramp: view.weight < row.fullWeight ? view.weight / row.fullWeight : null,
    reporter: registered && reporterOf(registered),
    leaseUntil: registered?.counts ? registered.until : null,
  };
}

function reporterOf({ key, owner, reportedAt }: Entry): ReporterView {
  return { key: key.id, address: owner?.remote ?? null, lastReport: reportedAt, isSilent: owner?.isSilent ?? false };
}

function verdictsOf(row: Row, view: TargetView, inPanic: boolean, now: number): Verdict[] {
  const { registered, shared, declared, order } = row;
  const verdicts: Verdict[] = [];
  if (isReported(row)) verdicts.push(reported(registered!));
  else if (shared !== null) verdicts.push(told(shared));
  if (declared !== null) {
    const reason = declared.source === "static" ? "the configuration names it" : `the DNS has it for ${declared.name}`;
    verdicts.push({ source: "declared", says: "up", reason, since: row.declaredSince });
  }
  verdicts.push(...checked(row));
  const toBeServed = verdicts.reduce<TargetState>((says, each) => worse(says, each.says), saidByOrder(order)) === "up";
  if (toBeServed || inPanic) verdicts.push(observed(row, view, inPanic, now));
  if (order !== null) {
    const reason = `${order.by} has ordered ${orderText(order)}`;
    verdicts.push({ source: "ordered", says: saidByOrder(order), reason, since: order.at });
  }
  return verdicts;
}

function checked(row: Row): Verdict[] {
  const { check, agent } = row.checks;
  const verdicts: Verdict[] = [];
  if (check !== null) {
    const { judgement, since } = check;
    const isAwaited = judgement.says === "unknown" && !takesLoad(row);
    const says = judgement.says === "down" || isAwaited ? "down" : "up";
    verdicts.push({ source: "checked", says, reason: checkReason(check, isAwaited), since });
  }
  if (agent !== null) {
    const says = saidByAgent(agent.agent);
    verdicts.push({ source: "checked", says, reason: agentReason(agent), since: agent.since });
  }
  return verdicts;
}

const REPORTED = {
  up: "its reporter says that it is up",
  draining: "its reporter says that it drains",
  down: "its reporter says that it is down",
};
const LAPSED = {
  "lease-expired": "it has not been reported in time",
  refused: "its reporter is gone, and it has refused a connection",
};

function reported(entry: Entry): Verdict {
  const says = saidBy(entry);
  if (says === "down" && entry.lapsed === null && entry.report.asleep)
    return { source: "reported", says, reason: "asleep: it starts when somebody waits", since: entry.saidSince };
  const why = says === "down" && entry.report.reason ? `: ${entry.report.reason}` : "";
  const reason = entry.lapsed === null ? `${REPORTED[says]}${why}` : LAPSED[entry.lapsed];
  return { source: "reported", says, reason, since: entry.saidSince };
}

function told({ report, by, since }: SharedTarget): Verdict {
  const says = saidBy({ counts: true, report });
  const why = says === "down" && report.reason ? `: ${report.reason}` : "";
  return { source: "reported", says, reason: `${REPORTED[says]}${why}, as balancer ${by} has heard`, since };
}

/** A thread may have found it to be a suspect, or to accept again, and nobody has looked yet: that was within the last second. */
function observed({ observed: known }: Row, { state, failure }: TargetView, inPanic: boolean, now: number): Verdict {
  const says = state === "draining" ? "up" : state;
  const since = known.says === (says === "up" ? "up" : "suspect") ? known.since : now;
  return { source: "observed", says, reason: observation(says, failure, inPanic), since };
}

function observation(says: TargetState, failure: TargetView["failure"], inPanic: boolean): string {
  if (says === "up") {
    const why = inPanic ? ", and is served though nobody reports it: its whole pool is in panic" : "";
    return `it accepts connections${why}`;
  }
  if (inPanic) return "its pool is in panic, and it does not accept connections";
  if (isObserved(failure)) return observationText(failure);
  return failure === null ? "nobody has connected to it yet" : `connecting to it failed (${meaningOf(failure)})`;
}

/** What makes it what it is: of several that say no the one that said so first, and of those that all say yes the last. */
function deciding(verdicts: readonly Verdict[], { state, weight }: TargetView): Pick<Verdict, "reason" | "since"> {
  const which = verdicts.filter(({ says }) => says === state);
  const first = which.sort((a, b) => a.since - b.since).at(state === "up" ? -1 : 0) ?? verdicts.at(-1)!;
  if (state !== "up" || weight > 0) return first;
  return { reason: "it gets no new connections: its weight is 0", since: first.since };
}
