/** From what every place says to one validated value per option. */
import { HarmonyError } from "../util/errors.ts";
import type { AnyOption, OptionTable, Values } from "./option.ts";

/** A value as it was given: in text form, with the place it came from as the user knows it (`--queue`, `HARMONY_QUEUE` …). */
export interface Given {
  readonly from: string;
  readonly text: string;
  /** `file:line:column` of what a file gives. */
  readonly at?: string;
  /** The value as it was written, if that is not the text. */
  readonly shown?: string;
  /** The value itself, where no text stands for it: a function of the library. */
  readonly value?: unknown;
}

/** All that one place gives, by option name. */
export type Source = ReadonlyMap<string, Given>;

/** The values of a table as they were chosen, and what was given for them. What nobody gave has its default. */
export interface Chosen<V> {
  readonly values: V;
  readonly given: Source;
}

/** Options whose values are shown to nobody. */
export const SECRET_OPTIONS: readonly string[] = ["key", "groupPassword"];

/** Begins what is said of a value out of a file: `file:line:column: `. */
export function whereOf(given: Given | undefined): string {
  return given?.at === undefined ? "" : `${given.at}: `;
}

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
  return valuesOf(table, firstOf(table, sources), problems);
}

/** What is given of a table's options, each by the first source that gives it. */
export function firstOf(table: OptionTable, sources: readonly Source[]): Source {
  const first = new Map<string, Given>();
  for (const name of Object.keys(table)) {
    const given = sources.map((source) => source.get(name)).find((entry) => entry !== undefined);
    if (given) first.set(name, given);
  }
  return first;
}

export function valuesOf<T extends OptionTable>(table: T, source: Source, problems: string[]): Values<T> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const given = source.get(name);
    values[name] = given ? judge(spec, given, problems) : spec.default;
  }
  return values as Values<T>;
}

function judge(spec: AnyOption, given: Given, problems: string[]): unknown {
  if (given.value !== undefined) return given.value;
  const parsed = spec.kind.parse(given.text);
  if (parsed) return parsed.value;
  problems.push(problemWith(given, spec));
  return spec.default;
}

export function problemWith(given: Given, { kind }: AnyOption): string {
  const { from, text, shown = text } = given;
  return `${whereOf(given)}${from} ${JSON.stringify(kind.quoted?.(shown) ?? shown)}: ${kind.why?.(text) ?? `give ${kind.allowed}`}`;
}

/** A scalar, or a list of them where the option is a list, in text form. */
export function textOf(value: unknown, list: boolean): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "on" : "off";
  if (!list || !Array.isArray(value) || value.length === 0) return undefined;
  const texts = value.map((item) => textOf(item, false));
  return texts.includes(undefined) ? undefined : texts.join(",");
}
