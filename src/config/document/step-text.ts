/** Steps in words, a line each. */
import { spell } from "../names.ts";
import type { Change, Step, TargetChanges } from "./difference.ts";

/** Targets, or pools, that are named in one line; of more, only their number is. */
const MOST_NAMED = 8;

export function stepText(step: Step): string {
  switch (step.kind) {
    case "change-process":
      return changeText(step);
    case "add-pool":
      return `pool ${step.pool}: added${step.targets.length === 0 ? "" : ` with ${listText(step.targets, "target")}`}`;
    case "change-pool":
      return `pool ${step.pool}: ${changesText(step.changes)}`;
    case "change-targets":
      return `pool ${step.pool}: ${targetsText(step)}`;
    case "change-defaults":
      return `pools that reporters bring: ${changesText(step.changes)}`;
    case "add-listener":
      return `listener ${step.listen}: opened for ${poolsText(step.pools)}`;
    case "move-listener":
      return `listener ${step.listen}: moved from pool ${step.from} to pool ${step.to}`;
    case "change-listener":
      return `listener ${step.listen}: ${changesText(step.changes)}`;
    case "remove-listener":
      return `listener ${step.listen}: closed`;
    case "remove-pool":
      return `pool ${step.pool}: removed, once its connections have ended`;
    case "restart":
      return `${changeText(step)}: needs a restart, and stays as it is until then`;
  }
}

function poolsText(pools: readonly string[]): string {
  return pools.length > MOST_NAMED
    ? `${pools.length} pools`
    : `pool${pools.length === 1 ? "" : "s"} ${pools.join(", ")}`;
}

function changesText(changes: readonly Change[]): string {
  return changes.map(changeText).join(", ");
}

function changeText({ option, before, after }: Change): string {
  const name = spell(option, "file");
  return before === after ? `${name} changed` : `${name} ${shown(before)} → ${shown(after)}`;
}

/** On one line, and not as if a word were missing. */
function shown(value: string): string {
  return value === "" ? "none" : value.replace(/[\r\n]+/g, " ");
}

function targetsText({ added, removed, changed }: TargetChanges): string {
  const parts = [
    added.length === 0 ? [] : `added ${listText(added, "target")}`,
    removed.length === 0 ? [] : `removed ${listText(removed, "target")}`,
    changed.length === 0
      ? []
      : `changed ${listText(
          changed.map(({ before, after }) => `${before} → ${after}`),
          "target",
        )}`,
  ];
  return parts.flat().join("; ");
}

function listText(items: readonly string[], what: string): string {
  const count = `${items.length} ${what}${items.length === 1 ? "" : "s"}`;
  return items.length > MOST_NAMED ? count : `${what}${items.length === 1 ? "" : "s"} ${items.join(", ")}`;
}
