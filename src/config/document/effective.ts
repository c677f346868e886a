/**
 * The document as it is in effect, as TOML: every option with its value, and behind it who says so. Read as a file, it makes the
 * same document again.
 */
import { isDeepStrictEqual } from "node:util";
import { balancerOptions, scopeOf } from "../balancer-options.ts";
import { listenerOptions } from "../listener-options.ts";
import { spell } from "../names.ts";
import { type AnyOption, defaultText, isIn, type OptionTable } from "../option.ts";
import { poolOptions } from "../pool-options.ts";
import { splitList, splitWords, unquoted } from "../split.ts";
import { type Given, SECRET_OPTIONS, type Source } from "../values.ts";
import type { Completed } from "./complete.ts";
import { routeTexts } from "./routes-text.ts";
import { listenerSection } from "./section-options.ts";
import { quoted } from "./toml-text.ts";

/** Column in which the places begin, where values leave it free. */
const PLACES_AT = 44;

const { listen, ...rest } = balancerOptions;
const { targets, ...poolDefaults } = poolOptions;
const processOptions: OptionTable = Object.fromEntries(
  Object.entries(rest).filter(([name]) => scopeOf(name) === "process"),
);

/** Of a secret only its place is shown. */
export function effectiveText({ process, pools, listeners }: Completed): string {
  const parts = [
    ["# The process", ...lines(processOptions, process.values, process.given)],
    ["# Defaults of listeners", ...lines(listenerOptions, process.values, process.given)],
    ["# Defaults of pools", ...lines(poolDefaults, process.values, process.given)],
  ];
  for (const [name, { values, given }] of pools) {
    const own = listeners.get(name);
    const where = own?.isPools ? lines({ listen, ...listenerOptions }, own.chosen.values, own.chosen.given) : [];
    parts.push([`[pool.${key(name)}]`, ...where, ...lines(poolOptions, values, given)]);
  }
  for (const [name, { chosen, isPools, settings }] of listeners) {
    if (isPools) continue;
    const routes = routeTexts(settings);
    const written =
      routes.length === 1 ? [`routes = [${routes[0]}]`] : ["routes = [", ...routes.map((each) => `  ${each},`), "]"];
    parts.push([`[listener.${key(name)}]`, ...lines(listenerSection, chosen.values, chosen.given), ...written]);
  }
  return parts.map((part) => `${part.join("\n")}\n`).join("\n");
}

function lines(table: OptionTable, values: object, given: Source): string[] {
  return Object.entries(table).flatMap(([name, spec]) => {
    const from = given.get(name);
    const option = spell(name, "file");
    if (SECRET_OPTIONS.includes(name)) return from ? [withPlace(`# ${option} is hidden`, from)] : [];
    if (!isIn(spec, "file")) return [];
    const value = (values as Readonly<Record<string, unknown>>)[name];
    if (isUnspoken(spec, value)) return [withPlace(`# ${option}: ${defaultText(spec)}`, from)];
    return [withPlace(`${option} = ${valueText(spec, value)}`, from)];
  });
}

/** No text stands for it, or one that asks for more than the default: a port that may be taken, for one that is wanted. */
function isUnspoken({ kind }: AnyOption, value: unknown): boolean {
  const text = kind.format(value);
  return text === "" ? value === null : !isDeepStrictEqual(kind.parse(text)?.value, value);
}

function withPlace(line: string, given: Given | undefined): string {
  const place = given === undefined ? "default" : (given.at?.replace(/:\d+$/, "") ?? given.from);
  return `${line.padEnd(PLACES_AT)} # ${place}`;
}

function valueText({ kind, entry }: AnyOption, value: unknown): string {
  if (typeof value === "boolean") return String(value);
  const text = kind.format(value);
  if (kind.list !== true) return scalarText(text);
  const items = text === "" ? [] : splitList(text);
  return `[${items.map((item) => (entry ? entryText(item, entry.required[0]!) : quoted(item))).join(", ")}]`;
}

/** An entry of words as a table: the first of them is its `head`. */
function entryText(item: string, head: string): string {
  const [first = "", ...words] = splitWords(item);
  if (words.length === 0) return quoted(first);
  const fields = words.map((word) => {
    const [name, value = ""] = word.split(/=(.*)/s);
    return `${name} = ${value === "" ? "true" : scalarText(unquoted(value))}`;
  });
  return `{ ${[`${head} = ${quoted(first)}`, ...fields].join(", ")} }`;
}

function scalarText(text: string): string {
  return /^(0|-?[1-9]\d{0,14})$/.test(text) ? text : quoted(text);
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : quoted(name);
}
