/**
 * `make docs`: the option tables of docs/reference.md, made from the tables that the programs and the library are driven by.
 * `reference.ts --write` puts them between their markers; `--check` fails unless they are there as they should be.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { balancerOptions } from "../src/config/balancer-options.ts";
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

const PAGE = new URL("../docs/reference.md", import.meta.url);

/** Where a program takes its options from. The library is a face of its own. */
const PROGRAM: readonly Place[] = ["flag", "env", "file"];

const TABLES: Readonly<Record<string, string>> = {
  balancer: programTable(balancerOptions),
  reporter: programTable(reporterOptions),
  server: libraryTable(balancerOptions),
  client: libraryTable(reporterOptions),
};

main(process.argv[2]);

function main(mode: string | undefined): void {
  const before = readFileSync(PAGE, "utf8");
  const { text, missing } = filled(before);
  if (missing.length > 0) fail(`docs/reference.md has no place for ${missing.join(", ")}: add such a pair of markers.`);
  if (mode === "--write") writeFileSync(PAGE, text);
  else if (mode !== "--check") fail("Give --write or --check.");
  else if (text !== before) fail("The option tables in docs/reference.md are not current: run make docs.");
}

function fail(problem: string): never {
  console.error(problem);
  process.exit(1);
}

function open(name: string): string {
  return `<!-- options:${name} -->`;
}

function close(name: string): string {
  return `<!-- /options:${name} -->`;
}

/** The text with every table in its place, and the markers it lacks. */
function filled(page: string): { text: string; missing: string[] } {
  let text = page;
  const missing: string[] = [];
  for (const [name, table] of Object.entries(TABLES)) {
    const start = text.indexOf(open(name));
    const end = text.indexOf(close(name), start);
    if (start === -1 || end === -1) missing.push(`${open(name)} … ${close(name)}`);
    else text = `${text.slice(0, start)}${open(name)}\n\n${table}\n\n${text.slice(end)}`;
  }
  return { text, missing };
}

function programTable(options: OptionTable): string {
  const rows = entries(options, PROGRAM).map(([name, spec]) => {
    const flags = isIn(spec, "flag") ? flagsOf(name, spec).map((flag) => code(flagWithValue(flag, spec))) : [];
    return [
      flags.length > 0 ? flags.join(", ") : "none",
      isIn(spec, "env") ? code(spell(name, "env")) : "none",
      isIn(spec, "file") ? code(spell(name, "file")) : "none",
      defaultText(spec),
      meaning(spec),
    ];
  });
  return markdown(["Flag", "Environment", "File", "Default", "Meaning"], rows);
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

function code(text: string): string {
  return `\`${text}\``;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
