/** What a balancer has of each target, as it writes it down for the others while somebody looks. */
import { Best } from "../util/best.ts";
import { inSlices } from "../util/slices.ts";
import type { Changes, Texts } from "./store.ts";

export interface Load {
  /** Connections that are open. */
  readonly active: number;
  /** New ones a second, averaged. */
  readonly perSecond: number;
}

export interface TargetLoad extends Load {
  readonly name: string;
}

/** Targets that are not told one by one. */
export interface Rest extends Load {
  readonly targets: number;
}

export interface Loads {
  /** When it was written: ms since 1970, by its balancer's clock. */
  readonly at: number;
  /** By the target's name. Those that have nothing are not in it. */
  readonly of: ReadonlyMap<string, Load>;
  readonly rest: Rest;
}

/** Names that one balancer tells, the busiest first, and their bytes with all that is said of them. */
export const MOST_TOLD = 2_000;
export const BYTES_TOLD = 256 * 1024;
/** Bytes of what is said of a name, at most. */
const LOAD_BYTES = 40;
/** Beside the names, each of which has its pool's name and a slash. */
const LOAD = /^(\d{1,15}) (\d{1,15}(?:\.\d{1,9})?)(?: |$)/;
const AT = "at";
const REST = "rest";

/** All that was there before goes. */
export async function writtenLoads(all: Iterable<TargetLoad>, at: number): Promise<Changes> {
  const busiest = new Best<TargetLoad>(byLoad, MOST_TOLD);
  const sum = { targets: 0, active: 0, perSecond: 0 };
  await inSlices(all, (load) => {
    if (isNothing(load)) return;
    add(sum, load, 1);
    busiest.add(load);
  });
  const set = new Map<string, string>();
  let room = BYTES_TOLD;
  for (const load of [...busiest.lastToFirst()].reverse()) {
    room -= Buffer.byteLength(load.name) + LOAD_BYTES;
    if (room < 0) break;
    set.set(load.name, loadText(load));
    add(sum, load, -1);
  }
  if (sum.targets > 0) set.set(REST, `${sum.targets} ${loadText(sum)}`);
  return { set, remove: [], anew: true, mark: [AT, String(at)] };
}

/** null: there is none. What cannot be understood is left out; behind the numbers a later version may say more. */
export async function readLoads(texts: Texts): Promise<Loads | null> {
  const [at] = numbers(texts.get(AT), 1) ?? [];
  if (at === undefined) return null;
  const of = new Map<string, Load>();
  await inSlices(texts, ([name, text]) => {
    const [, active, perSecond] = (name.includes("/") && LOAD.exec(text)) || [];
    if (active !== undefined) of.set(name, { active: Number(active), perSecond: Number(perSecond) });
  });
  const [targets = 0, active = 0, perSecond = 0] = numbers(texts.get(REST), 3) ?? [];
  return { at, of, rest: { targets: Math.floor(targets), active: Math.floor(active), perSecond } };
}

export function isNothing({ active, perSecond }: Load): boolean {
  return active === 0 && perSecond === 0;
}

function byLoad(a: TargetLoad, b: TargetLoad): number {
  return b.active - a.active || b.perSecond - a.perSecond || (a.name < b.name ? -1 : 1);
}

function add(
  sum: { targets: number; active: number; perSecond: number },
  { active, perSecond }: Load,
  sign: 1 | -1,
): void {
  sum.targets += sign;
  sum.active += sign * active;
  sum.perSecond += sign * perSecond;
}

function loadText({ active, perSecond }: Load): string {
  return `${active} ${Math.max(0, perSecond).toFixed(2)}`;
}

/** The first of a text; null: it does not begin with so many. */
function numbers(text: string | undefined, count: number): readonly number[] | null {
  const words = text?.split(" ", count) ?? [];
  return words.length === count && words.every((word) => /^\d{1,15}(\.\d{1,9})?$/.test(word))
    ? words.map(Number)
    : null;
}
