/** The command line as a source of options, and `--help`. Commander reads and describes the flags; values are judged later. */
import { Option as Flag, type HelpConfiguration, Command as Parser } from "commander";
import { DURATION_EXAMPLES } from "../util/durations.ts";
import { namesIn, spell, unknownName } from "./names.ts";
import { type AnyOption, defaultText, isIn, type OptionTable } from "./option.ts";
import type { Given, Source } from "./values.ts";

/** What a program says about itself in `--help`. */
export interface ProgramText {
  readonly name: string;
  readonly usage: string;
  /** Whole paragraphs: lines end where paragraphs do, and are wrapped when they are shown. */
  readonly summary: string;
  readonly footer: string;
}

export interface CommandLine {
  readonly source: Source;
  readonly help: boolean;
  readonly version: boolean;
  /** What followed `--`; null if there was no `--`. */
  readonly serverCommand: readonly string[] | null;
}

const DURATIONS = `\nDURATION: a number and a unit, such as ${DURATION_EXAMPLES}. 0 needs no unit.\n`;
const INDENT = " ".repeat(6);
const BUILT_IN = ["--help", "--version"];

/** Unknown flags and stray words go to `problems`. */
export function readFlags(
  argv: readonly string[],
  table: OptionTable,
  program: ProgramText,
  problems: string[],
): CommandLine {
  const end = argv.indexOf("--");
  const own = end === -1 ? argv : argv.slice(0, end);
  const given = new Map<string, Given>();
  const parser = buildParser(table, program, (name, { kind }, flag, value) => {
    const before = kind.list ? given.get(name) : undefined;
    const text = value ?? kind.bare;
    if (text === undefined) {
      problems.push(`${flag} needs a value: give ${kind.allowed} (write ${flag}=… if it begins with a dash)`);
    } else {
      given.set(name, { from: flag, text: before ? `${before.text},${text}` : text });
    }
  });
  const { operands, unknown } = parser.parseOptions([...own]);
  problems.push(...strayWords([...operands, ...unknown], table));
  const { help, version } = parser.opts();
  return {
    source: given,
    help: help === true,
    version: version === true,
    serverCommand: end === -1 ? null : argv.slice(end + 1),
  };
}

/** `width`: of the terminal, in columns. */
export function helpText(table: OptionTable, program: ProgramText, width: number): string {
  const parser = buildParser(table, program, () => undefined);
  const options: HelpConfiguration = {
    helpWidth: width,
    // Below its flag a description has room for sentences; beside the longest flag 80 columns would leave it a third of them.
    formatItem: (term, _termWidth, description, helper) =>
      `  ${term}\n${helper.boxWrap(description, width - INDENT.length).replace(/^/gm, INDENT)}`,
  };
  parser.configureHelp({ ...parser.configureHelp(), ...options });
  const rest = parser.createHelp().boxWrap(DURATIONS + program.footer, width);
  return parser.helpInformation() + rest;
}

type OnFlag = (name: string, spec: AnyOption, flag: string, value: string | null) => void;

function buildParser(table: OptionTable, program: ProgramText, onFlag: OnFlag): Parser {
  const parser = new Parser(program.name).usage(program.usage).description(program.summary);
  parser.helpOption(false).configureHelp({ showGlobalOptions: false });
  for (const [name, spec] of Object.entries(table)) {
    if (!isIn(spec, "flag")) continue;
    flagsOf(name, spec).forEach((flag, index, all) => {
      // Values are optional to Commander, so that a missing one becomes one problem among others instead of the end.
      const shown = new Flag(`${flag} [value]`, index === 0 ? describe(spec, all.slice(1)) : "");
      shown.flags = flagWithValue(flag, spec);
      shown.hidden = index > 0;
      parser.addOption(shown);
      parser.on(`option:${shown.name()}`, (value: string | null) => onFlag(name, spec, flag, value));
    });
  }
  parser.option("-V, --version", "Print the version and the runtime.").option("-h, --help", "Print this text.");
  return parser;
}

/** The option's flag, then its aliases. */
export function flagsOf(name: string, { aliases }: AnyOption): string[] {
  return [name, ...aliases].map((each) => spell(each, "flag"));
}

/** `--queue N`; a switch stands alone, unless that would change nothing. */
export function flagWithValue(flag: string, { kind, default: value }: AnyOption): string {
  const standsAlone = kind.bare !== undefined && kind.format(value) !== kind.bare;
  return standsAlone ? flag : `${flag} ${kind.placeholder}`;
}

function describe(spec: AnyOption, aliases: readonly string[]): string {
  const also = aliases.length > 0 ? `; also ${aliases.join(", ")}` : "";
  return `${meaning(spec)} (default: ${defaultText(spec)}${also})`;
}

/** What the flag means. */
export function meaning({ doc, kind }: AnyOption): string {
  return kind.list ? `${doc} May be repeated.` : doc;
}

function strayWords(words: readonly string[], table: OptionTable): string[] {
  const names = namesIn(table, "flag");
  let afterFlag = false;
  return words.flatMap((word) => {
    const belongs = afterFlag && !word.startsWith("-"); // the value of an unknown flag is no second problem
    afterFlag = word.startsWith("-") && !word.includes("=");
    if (belongs) return [];
    if (!word.startsWith("-")) return [`${JSON.stringify(word)}: a word on its own means nothing here`];
    return [unknownName(word.replace(/=.*$/s, ""), names, { what: "flag", others: BUILT_IN })];
  });
}
