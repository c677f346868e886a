/** What each place calls the options of a table. */
import { isIn, type OptionTable, type Place } from "./option.ts";
import { suggestion } from "./suggest.ts";

/** `drainTimeout` → `drain-timeout`: the name in the file. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const SPELLINGS: Readonly<Record<Place, (name: string) => string>> = {
  flag: (name) => `--${kebab(name)}`,
  env: (name) => `HARMONY_${kebab(name).replaceAll("-", "_").toUpperCase()}`,
  file: kebab,
  library: (name) => name,
};

/** `drainTimeout` → `--drain-timeout`, `HARMONY_DRAIN_TIMEOUT`, `drain-timeout` or itself. */
export function spell(name: string, place: Place): string {
  return SPELLINGS[place](name);
}

/** The spellings that one place knows. */
export interface Names {
  /** Spelling, also of an alias → the option's name in the table. */
  readonly options: ReadonlyMap<string, string>;
  /** Spelling that is no longer in use → the one that is. */
  readonly former: ReadonlyMap<string, string>;
}

/** Made once for each table and place: a file of a thousand sections asks a thousand times. */
const made = new WeakMap<OptionTable, Map<Place, Names>>();

export function namesIn(table: OptionTable, place: Place): Names {
  const ofTable = made.get(table) ?? new Map<Place, Names>();
  made.set(table, ofTable);
  const names = ofTable.get(place) ?? makeNames(table, place);
  ofTable.set(place, names);
  return names;
}

function makeNames(table: OptionTable, place: Place): Names {
  const options = new Map<string, string>();
  const former = new Map<string, string>();
  for (const [name, spec] of Object.entries(table)) {
    if (!isIn(spec, place)) continue;
    for (const each of [name, ...spec.aliases]) options.set(spell(each, place), name);
    for (const each of spec.formerly) former.set(spell(each, place), spell(name, place));
  }
  return { options, former };
}

/** The problem with a name that is no option's: what it is called now, or else what may have been meant. */
export function unknownName(
  given: string,
  names: Names,
  { from = given, what = "option", others = [] as readonly string[] } = {},
): string {
  const renamed = names.former.get(given);
  if (renamed !== undefined) return `${from} is now ${renamed}`;
  return `${from}: there is no such ${what}${suggestion(given, [...names.options.keys(), ...others])}`;
}
