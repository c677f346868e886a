/** From what every place says to one validated value per option. */
import { HarmonyError } from "../util/errors.ts";
import type { AnyOption, OptionTable, Values } from "./option.ts";

/** A value as it was given: in text form, with the place it came from as the user knows it (`--queue`, `HARMONY_QUEUE` …). */
export interface Given {
  readonly from: string;
  readonly text: string;
  /** The value as it was written, if that is not the text. */
  readonly shown?: string;
}

/** All that one place gives, by option name. */
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
export function valuesFrom<T extends OptionTable>(table: T, sources: readonly Source[], problems: string[]): Values<T> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const given = sources.map((source) => source.get(name)).find((entry) => entry !== undefined);
    values[name] = given ? judge(spec, given, problems) : spec.default;
  }
  return values as Values<T>;
}

function judge(spec: AnyOption, given: Given, problems: string[]): unknown {
  const parsed = spec.kind.parse(given.text);
  if (parsed) return parsed.value;
  problems.push(`${given.from} ${JSON.stringify(given.shown ?? given.text)}: give ${spec.kind.allowed}`);
  return spec.default;
}
