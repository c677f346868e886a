/**
 * The option tables of README.md, made from the tables that the programs and the library are driven by.
 * `option-table.ts` prints them, `--write` puts them into README.md between their markers, `--check` fails unless they
 * are there as they should be.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { balancerOptions } from "../src/config/balancer-options.ts";
import {
  type AnyOption,
  defaultText,
  envName,
  isIn,
  kebab,
  type OptionTable,
  type Place,
} from "../src/config/option.ts";
import { reporterOptions } from "../src/config/reporter-options.ts";

const README = new URL("../README.md", import.meta.url);

const TABLES: Readonly<Record<string, string>> = {
  balancer: programTable(balancerOptions),
  reporter: programTable(reporterOptions),
  server: libraryTable(balancerOptions),
  client: libraryTable(reporterOptions),
};

main(process.argv[2]);

function main(mode: string | undefined): void {
  if (mode === undefined) {
    for (const name of Object.keys(TABLES)) console.log(`${block(name)}\n`);
    return;
  }
  const before = readFileSync(README, "utf8");
  const { text, missing } = filled(before);
  if (missing.length > 0) fail(`README.md has no place for ${missing.join(", ")}: add such a pair of markers.`);
  if (mode === "--write") writeFileSync(README, text);
  else if (mode !== "--check") fail(`${mode}: there is --write and --check.`);
  else if (text !== before)
    fail("The option tables in README.md are not current: run scripts/option-table.ts --write.");
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

function block(name: string): string {
  return `${open(name)}\n\n${TABLES[name]}\n\n${close(name)}`;
}

/** The text with every table in its place, and the markers it lacks. */
function filled(readme: string): { text: string; missing: string[] } {
  let text = readme;
  const missing: string[] = [];
  for (const name of Object.keys(TABLES)) {
    const start = text.indexOf(open(name));
    const end = text.indexOf(close(name), start);
    if (start === -1 || end === -1) missing.push(`${open(name)} … ${close(name)}`);
    else text = text.slice(0, start) + block(name) + text.slice(end + close(name).length);
  }
  return { text, missing };
}

function programTable(options: OptionTable): string {
  const rows = entries(options, ["flag", "env"]).map(([name, spec]) => {
    const flags = isIn(spec, "flag") ? [name, ...(spec.aliases ?? [])].map((each) => code(flag(each, spec))) : [];
    const shown = flags.length > 0 ? [...new Set(flags)].join(", ") : "(environment only)";
    return [shown, code(envName(name)), defaultText(spec), meaning(spec)];
  });
  return markdown(["Flag", "Environment", "Default", "Meaning"], rows);
}

function flag(name: string, spec: AnyOption): string {
  const { placeholder } = spec.kind;
  return placeholder === "on|off" ? `--${kebab(name)}` : `--${kebab(name)} ${placeholder}`;
}

function libraryTable(options: OptionTable): string {
  const rows = entries(options, ["library"]).map(([name, spec]) => {
    const names = [name, ...(spec.aliases ?? [])].map(code).join(", ");
    return [names, libraryType(spec), spec.libraryDefault ?? defaultText(spec), meaning(spec)];
  });
  return markdown(["Option", "Takes", "Default", "Meaning"], rows);
}

function entries(options: OptionTable, places: readonly Place[]): [string, AnyOption][] {
  return Object.entries(options).filter(([, spec]) => places.some((place) => isIn(spec, place)));
}

function libraryType(spec: AnyOption): string {
  const single = spec.libraryType ?? typeOfKind(spec);
  return spec.repeat ? `${single}, or a list of them` : single;
}

function typeOfKind({ kind, libraryNumber }: AnyOption): string {
  if (kind.numbers) return `${libraryNumber ?? "ms"}, or text such as ${code("30s")}`;
  if (kind.placeholder === "on|off") return "boolean";
  if (["N", "PORT"].includes(kind.placeholder)) return "number";
  return kind.allowed.startsWith("one of ") ? kind.placeholder.split("|").map(code).join(", ") : "string";
}

function meaning(spec: AnyOption): string {
  if (spec.zero === undefined) return spec.doc;
  return `${spec.doc} ${spec.zero.startsWith("port 0") ? spec.zero.replace("port 0", "Port 0") : `0: ${spec.zero}`}.`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
