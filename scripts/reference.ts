/**
 * `make docs`: the tables of docs/ that are made from the code: options from the tables that the programs and the library are
 * driven by, algorithms from their list. `reference.ts --write` puts them between their markers, and writes the schemas of the
 * programs' files and their manual pages; `--check` fails unless all is there as it should be.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { apiOptions } from "../src/bin/api-options.ts";
import { balancerCommands } from "../src/bin/balancer-commands.ts";
import type { Command } from "../src/bin/command.ts";
import { reporterCommands } from "../src/bin/reporter-commands.ts";
import { balancerOptions, type Scope, scopeOf } from "../src/config/balancer-options.ts";
import { flagsOf, flagWithValue, meaning } from "../src/config/flags.ts";
import { spell } from "../src/config/names.ts";
import {
  type AnyOption,
  defaultText,
  isIn,
  libraryDefaultText,
  type OptionTable,
  type Place,
} from "../src/config/option.ts";
import { reporterOptions } from "../src/config/reporter-options.ts";
import { wantedOptions } from "../src/config/target-kind.ts";
import { LIMIT_WORDS } from "../src/control/keys/limits.ts";
import { ALGORITHMS, DEFAULT_ALGORITHM } from "../src/pool/pool.ts";
import { ACCESS_FIELDS, type AccessField, EDGE_FIELDS } from "../src/telemetry/access-log/fields.ts";
import { manualPages } from "./man.ts";
import { METRICS_HEAD, metricRows } from "./metrics-table.ts";
import { ROUTES_HEAD, routeRows } from "./routes-table.ts";
import { balancerSchema, reporterSchema } from "./schema.ts";

/** Where a program takes its options from. The library is a face of its own. */
const PROGRAM: readonly Place[] = ["flag", "env", "file"];

/** By page and marker. */
const TABLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/reference.md": {
    "options:balancer": programTable(balancerOptions, scopeOf),
    "options:target": entryTable(wantedOptions),
    "options:reporter": programTable(reporterOptions),
    "options:asking": programTable(apiOptions),
    "commands:balancer": commandsText("harmony-balancer", balancerCommands),
    "commands:reporter": commandsText("harmony-reporter", reporterCommands),
    "options:server": libraryTable(balancerOptions),
    "options:client": libraryTable(reporterOptions),
    limits: limitTable(),
  },
  "docs/api.md": { routes: markdown(ROUTES_HEAD, routeRows()) },
  "docs/guides/logs.md": { "access-log": accessTable(ACCESS_FIELDS), "access-log-edge": accessTable(EDGE_FIELDS) },
  "docs/metrics.md": { metrics: markdown(METRICS_HEAD, metricRows()) },
  "docs/how-it-works.md": { algorithms: algorithmTable() },
};

/** Files that are made from the code as a whole. */
const FILES: Readonly<Record<string, string>> = {
  "docs/harmony.schema.json": json(balancerSchema),
  "docs/harmony-reporter.schema.json": json(reporterSchema),
  ...manualPages,
};

main(process.argv[2]);

function main(mode: string | undefined): void {
  if (mode !== "--write" && mode !== "--check") fail("Give --write or --check.");
  for (const [page, tables] of Object.entries(TABLES)) {
    const file = new URL(`../${page}`, import.meta.url);
    const before = readFileSync(file, "utf8");
    const { text, missing } = filled(before, tables);
    if (missing.length > 0) fail(`${page} has no place for ${missing.join(", ")}: add such a pair of markers.`);
    if (mode === "--write") writeFileSync(file, text);
    else if (text !== before) fail(`The tables in ${page} are not current: run make docs.`);
  }
  for (const [page, text] of Object.entries(FILES)) {
    const file = new URL(`../${page}`, import.meta.url);
    if (mode === "--write") writeFileSync(file, text);
    else if (!existsSync(file) || readFileSync(file, "utf8") !== text) fail(`${page} is not current: run make docs.`);
  }
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}

function open(name: string): string {
  return `<!-- ${name} -->`;
}

function close(name: string): string {
  return `<!-- /${name} -->`;
}

/** The text with every table in its place, and the markers it lacks. */
function filled(page: string, tables: Readonly<Record<string, string>>): { text: string; missing: string[] } {
  let text = page;
  const missing: string[] = [];
  for (const [name, table] of Object.entries(tables)) {
    const start = text.indexOf(open(name));
    const end = text.indexOf(close(name), start);
    if (start === -1 || end === -1) missing.push(`${open(name)} … ${close(name)}`);
    else text = `${text.slice(0, start)}${open(name)}\n\n${table}\n\n${text.slice(end)}`;
  }
  return { text, missing };
}

function limitTable(): string {
  const rows = LIMIT_WORDS.map(({ name, example, doc }) => [code(example === null ? name : `${name}=${example}`), doc]);
  return markdown(["Word", "Meaning"], rows);
}

function accessTable(fields: readonly AccessField[]): string {
  const rows = fields.map(({ name, doc }) => [`\`${name}\``, doc]);
  return markdown(["Field", "What it says"], rows);
}

function algorithmTable(): string {
  const rows = ALGORITHMS.map(({ name, doc, use }) => {
    return [name === DEFAULT_ALGORITHM ? `${code(name)} (default)` : code(name), doc, use];
  });
  return markdown(["`--algorithm`", "Picks", "For"], rows);
}

function programTable(options: OptionTable, scope?: (name: string) => Scope): string {
  const rows = entries(options, PROGRAM).map(([name, spec]) => {
    const long = isIn(spec, "flag") ? flagsOf(name, spec).map((flag) => code(flagWithValue(flag, spec))) : [];
    const flags = spec.short === undefined ? long : [code(`-${spec.short}`), ...long];
    return [
      flags.length > 0 ? flags.join(", ") : "none",
      isIn(spec, "env") ? code(spell(name, "env")) : "none",
      isIn(spec, "file") ? code(spell(name, "file")) : "none",
      defaultText(spec),
      ...(scope ? [scope(name)] : []),
      meaning(spec),
    ];
  });
  return markdown(["Flag", "Environment", "File", "Default", ...(scope ? ["Scope"] : []), "Meaning"], rows);
}

/** Options of an entry of a list, in the file and in the library. */
function entryTable(options: OptionTable): string {
  const rows = Object.entries(options).map(([name, spec]) => {
    return [code(spell(name, "file")), code(spell(name, "library")), defaultText(spec) || "has to be given", spec.doc];
  });
  return markdown(["File", "Library", "Default", "Meaning"], rows);
}

/** How each is called, what it does, and its options. Those of every command that asks a balancer stand above them. */
function commandsText(program: string, commands: readonly Command[]): string {
  const asking = new Set<AnyOption>(Object.values(apiOptions));
  const isAsking = ({ table }: Command) => Object.keys(apiOptions).every((name) => asking.has(table[name]!));
  const texts = commands.map((command) => {
    const { name, usage, summary, table, footer } = command;
    const own = isAsking(command)
      ? Object.entries(table).filter(([, spec]) => !asking.has(spec))
      : Object.entries(table);
    const rows = own.length === 0 ? [] : [programTable(Object.fromEntries(own))];
    const more = isAsking(command)
      ? [`It also takes the options that say [where the balancer is](#where-the-balancer-is).`]
      : [];
    return [
      `### ${program} ${name}`,
      `    ${program} ${name} ${usage}`,
      summary,
      ...rows,
      ...more,
      ...paragraphs(footer),
    ].join("\n\n");
  });
  return texts.join("\n\n");
}

/** Of a footer, whose lines are paragraphs. What stands in angle brackets would be HTML. */
function paragraphs(footer: string): string[] {
  const lines = footer.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.replace(/[<>*]/g, "\\$&"));
}

function libraryTable(options: OptionTable): string {
  const rows = entries(options, ["library"]).map(([name, spec]) => {
    const names = [name, ...spec.aliases].map(code).join(", ");
    return [names, spec.library.words, libraryDefaultText(spec), spec.doc];
  });
  return markdown(["Option", "Takes", "Default", "Meaning"], rows);
}

function entries(options: OptionTable, places: readonly Place[]): [string, AnyOption][] {
  return Object.entries(options).filter(([, spec]) => places.some((place) => isIn(spec, place)));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
