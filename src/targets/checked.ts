/** What checks of a target come to: the verdict `checked`, and how far it is heeded. */
import { type AgentState, saidByAgent } from "./health/agent-word.ts";
import { checkName } from "./health/check.ts";
import type { Judgement } from "./health/judge.ts";
import type { Followed } from "./health/schedule.ts";
import type { Said } from "./report.ts";

/** The checks of a target, as they stand. */
export interface TargetChecks {
  readonly check: Followed | null;
  readonly agent: Followed | null;
}

export const UNCHECKED: TargetChecks = { check: null, agent: null };

/** Those that there are. */
export function eachCheck({ check, agent }: TargetChecks): { kind: keyof TargetChecks; followed: Followed }[] {
  return [
    ...(check === null ? [] : [{ kind: "check" as const, followed: check }]),
    ...(agent === null ? [] : [{ kind: "agent" as const, followed: agent }]),
  ];
}

/** What is to be heeded of a target. */
export interface CheckedWord {
  /** `unknown`: its check has said nothing yet. An agent that has said nothing is no reason to wait. */
  readonly says: Said | "unknown";
  /** Of its own weight, by its agent. */
  readonly factor: number;
  /** By its agent; null: as others have it. */
  readonly maxConnections: number | null;
}

const RANKS = ["up", "unknown", "draining", "down"] as const;

/** null: there is no such check, or nothing is known of the agent. */
export function checkedWord(check: Judgement["says"] | null, agent: AgentState | null): CheckedWord {
  const words = [check ?? "up", agent === null ? "up" : saidByAgent(agent)] as const;
  const says = RANKS[Math.max(...words.map((each) => RANKS.indexOf(each)))]!;
  return { says, factor: (agent?.percent ?? 100) / 100, maxConnections: agent?.maxConnections ?? null };
}

/** What its checks have it be, as far as that is less than its sources say. */
export function saidByChecks({ check, agent }: TargetChecks): Said {
  const { says } = checkedWord(check?.judgement.says ?? null, agent?.agent ?? null);
  return says === "unknown" ? "up" : says;
}

/** Why its checks say so, for people: of the one that says it. */
export function whyChecked(checks: TargetChecks): string | null {
  const { check, agent } = checks;
  if (check !== null && check.judgement.says === "down") return checkReason(check, false);
  return agent && agentReason(agent);
}

/** Its check has connected to the target itself, so that nobody needs to probe it. */
export function hasReached({ check }: TargetChecks): boolean {
  if (check === null || check.judgement.says !== "up") return false;
  const { kind, address, port } = check.check;
  return kind !== "exec" && address === null && port === null;
}

/** A part of a verdict, in words. `isAwaited`: it is not served before its check has passed. */
export function checkReason({ check, judgement, last, lack }: Followed, isAwaited: boolean): string {
  const name = `its check ${checkName(check)}`;
  const said = last === null ? "" : ` (${last.reason})`;
  const unasked = lack === null ? "" : `; just now it could not be asked: ${lack}`;
  if (judgement.says === "up") return `${name} passes${said}${unasked}`;
  if (judgement.says === "down") return `${name} fails${said}${unasked}`;
  return `${name} has not passed yet${isAwaited ? "" : ", nor failed often enough"}${said}${unasked}`;
}

export function agentReason({ agent, last, passes }: Followed): string {
  if (passes === 0) return `its agent has not been heard${last === null ? "" : ` (${last.reason})`}`;
  const held = heldBy(agent);
  if (!last!.ok) return `its agent is not heard any more (${last!.reason}): ${held?.text ?? "what it said last holds"}`;
  return held === null || held.said.test(last!.reason) ? last!.reason : `${last!.reason}, and ${held.text}`;
}

/** What keeps new connections from it, which may have been said long ago; `said`: it is in these words. null: nothing does. */
function heldBy({ health, order }: AgentState): { readonly said: RegExp; readonly text: string } | null {
  if (order === "maint") return { said: /\bmaint\b/, text: 'its "maint" holds until it says "ready"' };
  if (health === "down") return { said: /\b(?:down|failed|stopped)\b/, text: 'its "down" holds until it says "up"' };
  if (order === "drain") return { said: /\bdrain\b/, text: 'its "drain" holds until it says "ready"' };
  return null;
}
