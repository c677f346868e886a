/** The targets that a reporter announces: each with options of its own, and those of the reporter as their defaults. */
import { formatAddress } from "../util/address.ts";
import { checkDeclared } from "./declared-options.ts";
import { spell } from "./names.ts";
import type { Place } from "./option.ts";
import { type TargetSettings, targetOptions } from "./target-options.ts";
import { type Source, valuesFrom, whereOf } from "./values.ts";

/** A session speaks for no more: the numbers by which it calls them end there. */
export const MOST_TARGETS = 1000;

/** The one that the reporter's own options describe, or those that `own` describes with them as defaults. */
export function announcedTargets(
  defaults: TargetSettings,
  own: readonly Source[] | null,
  place: Place,
  problems: string[],
): TargetSettings[] {
  const byDefault = Object.fromEntries(
    Object.keys(targetOptions).map((name) => [name, defaults[name as keyof TargetSettings]]),
  ) as TargetSettings;
  if (own !== null && (own.length === 0 || own.length > MOST_TARGETS)) {
    problems.push(`${spell("targets", place)}: give 1 to ${MOST_TARGETS} of them`);
  }
  const targets = own?.map((source) => {
    const given = Object.entries(valuesFrom(targetOptions, [source], problems)).filter(([name]) => source.has(name));
    return { ...byDefault, ...Object.fromEntries(given) };
  }) ?? [byDefault];
  const optionsOf = (index: number) => whereOf(own?.[index]?.get("poolOptions")) + spell("poolOptions", place);
  const declared = targets.map(({ poolOptions }) => poolOptions);
  // Those that say nothing have the same.
  for (const each of new Set(declared)) checkDeclared(each, optionsOf(declared.indexOf(each)), problems);
  const lost = targets.findIndex(({ poolOptions, listen }) => listen === null && Object.keys(poolOptions).length > 0);
  if (lost !== -1) {
    const listen = spell("listen", place);
    problems.push(`${optionsOf(lost)}: they are for a pool that is made with ${listen}: give that as well`);
  }
  checkDistinct(targets, place, problems);
  const agents = targets.flatMap(({ agentPort }) => agentPort.map(formatAddress));
  const shared = agents.find((each, index) => agents.indexOf(each) < index);
  if (shared !== undefined)
    problems.push(`${spell("agentPort", place)} ${shared} is for two targets: give each its own`);
  return targets;
}

/** Two reports of one target would displace each other for ever, and of two pools only one can have a port. */
function checkDistinct(targets: readonly TargetSettings[], place: Place, problems: string[]): void {
  const names = targets.map(({ pool, id, advertise, port }) => `${pool}/${id ?? `${advertise ?? ""}:${port}`}`);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice !== -1) {
    const both = `targets ${names.indexOf(names[twice]!) + 1} and ${twice + 1}`;
    problems.push(`${both} are the same one: give them different ports, pools or ids`);
  }
  const poolOf = new Map<number, string>();
  for (const { listen, pool } of targets) {
    if (listen === null) continue;
    const other = poolOf.get(listen) ?? pool;
    poolOf.set(listen, other);
    if (other === pool) continue;
    problems.push(`${spell("listen", place)} ${listen} is for the pools ${other} and ${pool}: give each its own port`);
    return;
  }
}
