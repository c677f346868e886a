/** Options of a pool that its reporters declare: by their names in the file, as text. Judged alike where they are given and where they are followed. */
import { type Entries, entries } from "./kinds.ts";
import { namesIn, spell, unknownName } from "./names.ts";
import type { AnyOption, OptionTable } from "./option.ts";
import { type PoolValues, poolOptions, TARGET_SOCKETS } from "./pool-options.ts";
import { type Given, textOf, valuesFrom } from "./values.ts";

/**
 * What is the operator's alone: his words for clients that get no target, and TLS, which name files of his host; the targets that he
 * names; checks, which may run programs there or ask anybody; and how sockets of his host are set.
 */
const OPERATORS = [
  "unavailable",
  "targetTls",
  "targets",
  "check",
  "agentCheck",
  "sendProxyTlvs",
  ...TARGET_SOCKETS,
] as const satisfies readonly (keyof PoolValues)[];
type PoolValuesOf = Omit<PoolValues, (typeof OPERATORS)[number]>;
const TABLE: OptionTable = Object.fromEntries(
  Object.entries(poolOptions).filter(([name]) => !(OPERATORS as readonly string[]).includes(name)),
);
const NAMES = namesIn(TABLE, "file");
const ENTRIES = entries("");

/** As they are given in the library: by their names there, in its units, or each as NAME=VALUE. undefined: it is nothing of the kind. */
export function fromLibrary(given: unknown): Entries | undefined {
  if (Array.isArray(given)) return ENTRIES.parse(given.join(","))?.value;
  if (typeof given !== "object" || given === null) return undefined;
  const found = Object.entries(given).map(
    ([name, value]) => [spell(name, "file"), textIn(TABLE[name], value)] as const,
  );
  return found.some(([, text]) => text === undefined) ? undefined : (Object.fromEntries(found) as Entries);
}

function textIn(spec: AnyOption | undefined, value: unknown): string | undefined {
  if (typeof value === "number" && spec?.library.unit === "ms") return `${value}ms`;
  return textOf(value, false);
}

/** What is wrong with them goes to `problems`, each beginning with `where`. */
export function checkDeclared(options: Entries, where: string, problems: string[]): void {
  const own: string[] = [];
  declaredValues(options, own);
  problems.push(...own.map((problem) => `${where}: ${problem}`));
}

/** Their values. What is wrong goes to `problems`. */
export function declaredValues(options: Entries, problems: string[]): Partial<PoolValuesOf> {
  const source = new Map<string, Given>();
  for (const [key, text] of Object.entries(options)) {
    const name = NAMES.options.get(key);
    if (name === undefined) problems.push(unknownName(key, NAMES, { what: "option of a pool" }));
    else source.set(name, { from: key, text });
  }
  const values = Object.entries(valuesFrom(TABLE, [source], problems));
  return Object.fromEntries(values.filter(([name]) => source.has(name)));
}
