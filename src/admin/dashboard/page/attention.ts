/**
 * What an operator should know first: everything that is not as it should be, the worst first. Only what lasts: a line that comes and
 * goes with each client that waits would move the page up and down.
 */
import type { GroupInShort } from "../../api/schemas/group.ts";
import type { Pool } from "../../api/schemas/pools.ts";
import type { Status } from "../../api/schemas/status.ts";
import { counted } from "./format.ts";
import { hashOf } from "./route.ts";

export interface Attention {
  readonly level: "error" | "warning" | "info";
  readonly text: string;
  /** Where to look. */
  readonly href: string;
}

const ORDER = ["error", "warning", "info"] as const;
/** Part of the descriptors, from which on there may soon be none for new connections. */
const FEW_DESCRIPTORS = 0.85;
/** ms by which timers come late: control and API are slow then, though the engine's threads are not. */
const LATE_MS = 200;

export function attention(status: Status, pools: readonly Pool[]): Attention[] {
  const found = [...pools.flatMap((pool) => [...ofPool(pool)]), ...ofProcess(status)];
  return found.sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
}

function* ofPool({ name, targets, asleep, panic }: Pool): Generator<Attention> {
  const href = hashOf("pools", { pool: name });
  const all = targets.up + targets.suspect + targets.draining + targets.down;
  if (all === 0) yield { level: "warning", text: `${name} has no targets`, href };
  else if (targets.up + targets.suspect + asleep === 0)
    yield { level: "error", text: `${name} has no target that takes connections`, href };
  else if (targets.down > asleep)
    yield { level: "warning", text: `${name}: ${targets.down - asleep} of ${all} targets down`, href };
  if (targets.suspect > 0)
    yield { level: "warning", text: `${name}: ${counted(targets.suspect, "target")} suspect`, href };
  if (panic)
    yield {
      level: "error",
      text: `${name}: all of its reporters have fallen silent; its targets are served while they accept`,
      href,
    };
}

function* ofProcess(status: Status): Generator<Attention> {
  const { document, descriptors, eventLoop, orders, silentReporters, stateFile, state, logLevel, group } = status;
  const href = hashOf("system");
  if (state !== "serving") yield { level: "warning", text: `The balancer is ${state}`, href };
  if (document.lastReload?.ok === false)
    yield { level: "error", text: `The last reload failed: ${document.lastReload.text}`, href };
  if (silentReporters > 0)
    yield { level: "warning", text: `${counted(silentReporters, "reporter")} silent, though connected`, href };
  if (group !== null) yield* ofGroup(group, href);
  const { open, limit } = descriptors;
  if (open !== null && limit !== null && open > limit * FEW_DESCRIPTORS)
    yield { level: "warning", text: `${open} of ${limit} descriptors are open`, href };
  if (eventLoop.p99 > LATE_MS)
    yield { level: "warning", text: `The main thread is ${Math.round(eventLoop.p99)} ms late`, href };
  if (orders > 0) yield { level: "info", text: orderText(orders, stateFile), href: hashOf("pools") };
  if (logLevel.ordered !== null) yield { level: "info", text: `The log level is ordered: ${logLevel.ordered}`, href };
}

/** Clients are served whatever becomes of it. */
function* ofGroup({ state, reason, members: { present, gone } }: GroupInShort, href: string): Generator<Attention> {
  const what = { connecting: "has not been reached yet", lost: "is lost", connected: null }[state];
  const why = reason === null ? "" : `: ${reason}`;
  if (what !== null) yield { level: "warning", text: `The group ${what}${why}`, href };
  if (gone > 0) yield { level: "warning", text: `${gone} of ${counted(present + gone, "balancer")} gone`, href };
}

function orderText(orders: number, stateFile: string | null): string {
  const text = `${counted(orders, "target")} under an operator's order`;
  return stateFile === null ? `${text}, which ends with the process: there is no state file` : text;
}
