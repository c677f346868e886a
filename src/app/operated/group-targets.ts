/** Targets of the group, each once, with what each balancer has of it, as the API shows them. */
import type { Answering, GroupTarget, GroupTargets } from "../../admin/api/schemas/group.ts";
import type { GroupTargetFilter, Span } from "../../admin/face.ts";
import type { Group } from "../../group/group.ts";
import type { Load, Loads } from "../../group/loads.ts";
import type { Answer, Shares } from "../../group/shares.ts";
import type { GroupView } from "../../group/view.ts";
import { poolOf } from "../../targets/ordering.ts";
import type { Registry } from "../../targets/registry.ts";
import { namesOf } from "../../targets/row-names.ts";
import { inSlices } from "../../util/slices.ts";
import { type TargetLoadsOptions, targetLoads } from "../target-loads.ts";
import { page } from "./pages.ts";
import { noPool } from "./targets.ts";

export interface GroupTargetsOptions extends TargetLoadsOptions {
  readonly group: Pick<Group, "view">;
  readonly shares: Pick<Shares, "look" | "known">;
  readonly rows: Pick<Registry["rows"], "all" | "get">;
}

/** Throws `NO_POOL`. */
export async function shownGroupTargets(
  options: GroupTargetsOptions,
  { pool, target }: GroupTargetFilter,
  span: Span,
): Promise<GroupTargets> {
  const { group, shares, pools } = options;
  if (pool !== undefined && !pools.has(pool)) throw noPool(pool);
  // Nobody is waited for who cannot be asked.
  const answers = group.view().state === "connected" ? await shares.look() : shares.known();
  const view = group.view();
  const own = await ownLoads(options);
  const said = [ofSelf(view, own), ...(await Promise.all(answers.map((answer) => ofOther(options, answer))))];
  const isWanted = (name: string) => (target ?? name) === name && (pool ?? poolOf(name)) === poolOf(name);
  const found = await page(namesIn(own, said), isWanted, span);
  const { state, reason } = view;
  const items = found.items.map((name) => shownTarget(options, said, name));
  return { state, reason, balancers: said.map(({ shown }) => shown), ...found, items };
}

/** What a balancer has, by the names that targets have here. */
interface Said {
  readonly shown: Answering;
  /** null: it has not answered. */
  readonly loads: Pick<Loads, "of" | "rest"> | null;
}

async function ownLoads(options: TargetLoadsOptions): Promise<Map<string, Load>> {
  const loads = new Map<string, Load>();
  await inSlices(targetLoads(options), (load) => loads.set(load.name, load));
  return loads;
}

function ofSelf({ members }: GroupView, own: ReadonlyMap<string, Load>): Said {
  const { id, name } = members.find(({ isSelf }) => isSelf)!;
  const loads = { of: own, rest: { targets: 0, active: 0, perSecond: 0 } };
  const shown = { id, name, isSelf: true, state: "answered", ageMs: 0, active: activeIn(loads), notTold: 0 } as const;
  return { shown, loads };
}

async function ofOther(options: GroupTargetsOptions, { id, name, loads: given, ageMs }: Answer): Promise<Said> {
  const who = { id, name, isSelf: false } as const;
  if (given === null) return { shown: { ...who, state: "silent", ageMs: null, active: null, notTold: 0 }, loads: null };
  const loads = { of: await byNamesHere(options, given.of), rest: given.rest };
  const shown = { ...who, state: "answered", ageMs, active: activeIn(loads), notTold: given.rest.targets } as const;
  return { shown, loads };
}

/** One that is declared at one of two balancers alone has a name at each. */
async function byNamesHere({ rows }: GroupTargetsOptions, of: Loads["of"]): Promise<Loads["of"]> {
  if ([...of.keys()].every((name) => rows.get(name) !== undefined)) return of;
  const own = new Map<string, string>();
  await inSlices(rows.all(), (row) => {
    for (const name of namesOf(row)) if (!own.has(name)) own.set(name, row.identity);
  });
  const loads = new Map<string, Load>();
  for (const [given, load] of of) {
    const name = rows.get(given) === undefined ? (own.get(given) ?? given) : given;
    const before = loads.get(name) ?? { active: 0, perSecond: 0 };
    loads.set(name, { active: before.active + load.active, perSecond: before.perSecond + load.perSecond });
  }
  return loads;
}

function activeIn({ of, rest }: Pick<Loads, "of" | "rest">): number {
  let active = rest.active;
  for (const load of of.values()) active += load.active;
  return active;
}

/** This balancer's own, and then those that it does not know. */
function* namesIn(own: ReadonlyMap<string, Load>, said: readonly Said[]): Generator<string> {
  yield* own.keys();
  const unknown = new Set<string>();
  for (const { loads } of said) for (const name of loads?.of.keys() ?? []) if (!own.has(name)) unknown.add(name);
  yield* unknown;
}

function shownTarget({ pools }: GroupTargetsOptions, said: readonly Said[], id: string): GroupTarget {
  const shares = said.map(({ shown, loads }) => ({ balancer: shown.id, ...shareOf(loads, id) }));
  const pool = poolOf(id);
  return {
    id,
    pool,
    state: pools.get(pool)?.view(id)?.state ?? null,
    active: shares.reduce((sum, { active }) => sum + (active ?? 0), 0),
    perSecond: shares.reduce((sum, { perSecond }) => sum + (perSecond ?? 0), 0),
    isWhole: shares.every(({ active }) => active !== null),
    shares,
  };
}

function shareOf(loads: Said["loads"], id: string): { active: number | null; perSecond: number | null } {
  const load = loads?.of.get(id);
  if (load !== undefined) return { active: load.active, perSecond: load.perSecond };
  const isTold = loads !== null && loads.rest.targets === 0;
  return isTold ? { active: 0, perSecond: 0 } : { active: null, perSecond: null };
}
