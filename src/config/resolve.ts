import { HarmonyError } from "../util/errors.ts";
import { isIn, type Option, type OptionTable, type Place, type Values } from "./option.ts";

/** A value as somebody gave it: in text form, with the place it came from as the reader knows it (`--queue`, `HARMONY_QUEUE` …). */
export interface Given {
  readonly from: string;
  readonly text: string;
  /** The value as it was written, where that is not the text. */
  readonly shown?: string;
}

/** All that one place has to say, by option name. */
export type Source = ReadonlyMap<string, Given>;

/** Everything that is wrong with the options, at once. `problems` are lines; the message holds them all. */
export class OptionError extends HarmonyError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const head = problems.length === 1 ? "" : `${problems.length} problems with the options:\n  `;
    super("BAD_OPTIONS", head + problems.join("\n  "), { fault: "config" });
    this.problems = problems;
  }
}

/**
 * Each option's value from the first source that gives it, else its default; `sources` come in order of precedence. What
 * is wrong is added to `problems`, and the default then stands in, so that one pass finds everything.
 */
export function resolve<T extends OptionTable>(table: T, sources: readonly Source[], problems: string[]): Values<T> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const given = sources.map((source) => source.get(name)).find((entry) => entry !== undefined);
    values[name] = given ? judge(spec, given, problems) : spec.default;
  }
  return values as Values<T>;
}

function judge<T>(spec: Option<T>, given: Given, problems: string[]): T {
  const parsed = spec.kind.parse(given.text);
  if (parsed) return parsed.value;
  problems.push(`${given.from} ${JSON.stringify(given.shown ?? given.text)}: give ${spec.kind.allowed}`);
  return spec.default;
}

/** The names of a table, and their aliases, that `place` knows, each with the option's own name. */
export function namesIn(
  table: OptionTable,
  place: Place,
  spell: (name: string) => string,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(table)) {
    if (!isIn(spec, place)) continue;
    for (const alias of [name, ...(spec.aliases ?? [])]) names.set(spell(alias), name);
  }
  return names;
}
