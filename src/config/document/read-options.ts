/**
 * Options as a table of a TOML file gives them. The file is one such table, and so is each of its sections: `[pool.web]` is
 * `file.table("pool")?.table("web")`, and an entry of `[[target]]` is `file.table("target", index)`.
 */
import { namesIn, spell, unknownName } from "../names.ts";
import { type AnyOption, type EntryForm, mayBeEmpty, type OptionTable } from "../option.ts";
import { type Given, problemWith, type Source, textOf, valuesFrom } from "../values.ts";
import type { TomlTable } from "./toml-table.ts";

export interface ReadOptions {
  /** Keys of the table that are no options: whoever calls reads them. */
  readonly sections?: readonly string[];
  /** Where a key belongs that is none here, as the rest of a sentence; null: it is none anywhere. */
  readonly elsewhere?: (key: string) => string | null;
  /** Options, by their names in the option table, that have to be there. */
  readonly required?: readonly string[];
}

/** What is wrong goes to `problems`, each with its place; what is in the source is right. */
export function readOptions(
  table: TomlTable,
  options: OptionTable,
  problems: string[],
  { sections = [], required = [], elsewhere = () => null }: ReadOptions = {},
): Source {
  const source = new Map<string, Given>();
  const names = namesIn(options, "file");
  for (const [key, value] of Object.entries(table.values)) {
    if (sections.includes(key)) continue;
    const name = names.options.get(key);
    if (name === undefined) {
      const from = `${table.keyAt(key)}: ${key}`;
      const place = elsewhere(key);
      if (place !== null) problems.push(`${from} ${place}`);
      else problems.push(unknownName(key, names, { from, what: "option here", others: sections }));
      continue;
    }
    const given = readOption(table, key, value, options[name]!, problems);
    if (given !== undefined) source.set(name, given);
  }
  for (const name of required) {
    const key = spell(name, "file");
    if (!(key in table.values)) problems.push(`${table.at}: ${key} is missing: give ${options[name]!.kind.allowed}`);
  }
  return source;
}

/** undefined: it is wrong, which `problems` say. */
function readOption(
  table: TomlTable,
  key: string,
  value: unknown,
  spec: AnyOption,
  problems: string[],
): Given | undefined {
  const at = table.valueAt(key);
  const { kind, entry } = spec;
  const isList = kind.list === true && Array.isArray(value);
  if (isList && value.length === 0 && mayBeEmpty(spec)) return { from: key, at, text: "", value: [] };
  const items = isList ? value : [value];
  if (items.length === 0) {
    problems.push(`${at}: ${key}: give ${kind.allowed}`);
    return undefined;
  }
  const before = problems.length;
  const texts = items.map((item, index) => {
    const place = isList ? table.valueAt(key, index) : at;
    const nested = entry && table.table(key, isList ? index : undefined);
    const text = entry && nested ? entryText(nested, entry, problems) : textOf(item, false);
    if (nested && text === undefined) return text; // which entryText() has said
    if (text === undefined) problems.push(`${place}: ${key}: give ${kind.allowed}`);
    else if (!kind.parse(text))
      problems.push(problemWith({ from: key, at: place, text, ...(nested ? {} : { shown: String(item) }) }, spec));
    return text;
  });
  return problems.length > before ? undefined : { from: key, at, text: texts.join(",") };
}

/** An entry of a list that is a table of its own. */
function entryText(table: TomlTable, { options, required, text }: EntryForm, problems: string[]): string | undefined {
  const before = problems.length;
  const source = readOptions(table, options, problems, { required });
  return problems.length > before ? undefined : text(valuesFrom(options, [source], problems));
}
