/** The command line as a source of options, and `--help`. Commander reads and describes the flags; values are judged later. */
import { Option as Flag, type HelpConfiguration, Command as Parser } from "commander";
import { DURATION_EXAMPLES } from "../util/durations.ts";
import { namesIn, spell, unknownName } from "./names.ts";
import { type AnyOption, defaultText, isIn, type OptionTable } from "./option.ts";
import { suggestion } from "./suggest.ts";
import type { Given, Source } from "./values.ts";

/** What a program says about itself in `--help`. */
export interface ProgramText {
  readonly name: string;
  readonly usage: string;
  /** What it can be told to do instead, as its first word. */
  readonly commands?: readonly CommandText[];
  /** Whole paragraphs: lines end where paragraphs do, and are wrapped when they are shown. */
  readonly summary: string;
  readonly footer: string;
}

/** A command as the `--help` of its program tells of it. */
export interface CommandText {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
}

export interface CommandLine {
  readonly source: Source;
  /** The words that are no options. */
  readonly words: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  /** What followed `--`; null if there was no `--`. */
  readonly serverCommand: readonly string[] | null;
}

const DURATIONS = `\nDURATION: a number and a unit, such as ${DURATION_EXAMPLES}. 0 needs no unit.\n`;
const INDENT = " ".repeat(6);
const BUILT_IN = ["--help", "--version"];

/** Unknown flags and stray words go to `problems`. `operands`: how many words may stand by themselves, Infinity for any number. */
export function readFlags(
  argv: readonly string[],
  table: OptionTable,
  program: ProgramText,
  problems: string[],
  operands = 0,
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
  const found = parser.parseOptions(
    operands > 0 ? own.map((word, i) => switchAlone(word, own[i + 1], table)) : [...own],
  );
  const words = found.operands.slice(0, operands);
  problems.push(...strayWords([...found.operands.slice(operands), ...found.unknown], table, program, operands));
  const { help, version } = parser.opts();
  return {
    source: given,
    words,
    help: help === true,
    version: version === true,
    serverCommand: end === -1 ? null : argv.slice(end + 1),
  };
}

/** Before a word that is no value of it, a switch stands alone: in `--wait web/a` the word is the command's. */
function switchAlone(word: string, next: string | undefined, table: OptionTable): string {
  const spec = Object.entries(table).find(
    ([name, each]) => isIn(each, "flag") && [...flagsOf(name, each), shortOf(each)].includes(word),
  )?.[1];
  const bare = spec?.kind.bare;
  if (spec === undefined || bare === undefined || next === undefined || next.startsWith("-")) return word;
  if (spec.kind.parse(next) !== null) return word;
  return word.startsWith("--") ? `${word}=${bare}` : `${word}${bare}`;
}

function shortOf({ short }: AnyOption): string | null {
  return short === undefined ? null : `-${short}`;
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
  return parser.helpInformation() + commandsText(program, width, parser) + rest;
}

function commandsText({ name, commands = [] }: ProgramText, width: number, parser: Parser): string {
  if (commands.length === 0) return "";
  const helper = parser.createHelp();
  const text = commands.map(({ name, usage, summary }) => {
    return `  ${name} ${usage}\n${helper.boxWrap(summary, width - INDENT.length).replace(/^/gm, INDENT)}\n`;
  });
  return `\nCommands (see ${name} COMMAND --help):\n${text.join("")}`;
}

type OnFlag = (name: string, spec: AnyOption, flag: string, value: string | null) => void;

function buildParser(table: OptionTable, program: ProgramText, onFlag: OnFlag): Parser {
  const parser = new Parser(program.name).usage(program.usage).description(program.summary);
  parser.helpOption(false).configureHelp({ showGlobalOptions: false });
  for (const [name, spec] of Object.entries(table)) {
    if (!isIn(spec, "flag")) continue;
    flagsOf(name, spec).forEach((flag, index, all) => {
      // Values are optional to Commander, so that a missing one becomes one problem among others instead of the end.
      const short = index === 0 ? shortOf(spec) : null;
      const flags = short === null ? flag : `${short}, ${flag}`;
      const shown = new Flag(`${flags} [value]`, index === 0 ? describe(spec, all.slice(1)) : "");
      shown.flags = flagWithValue(flags, spec);
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
export function meaning(spec: AnyOption): string {
  const { doc, kind } = spec;
  return kind.list && isIn(spec, "flag") ? `${doc} May be repeated.` : doc;
}

function strayWords(
  words: readonly string[],
  table: OptionTable,
  { commands = [], usage }: ProgramText,
  operands: number,
): string[] {
  const names = namesIn(table, "flag");
  let afterFlag = false;
  return words.flatMap((word) => {
    const belongs = afterFlag && !word.startsWith("-"); // the value of an unknown flag is no second problem
    afterFlag = word.startsWith("-") && !word.includes("=");
    if (belongs) return [];
    if (!word.startsWith("-") && operands > 0) return [`${JSON.stringify(word)}: one word too many for ${usage}`];
    if (!word.startsWith("-")) return [`${JSON.stringify(word)}: ${strayWord(word, commands)}`];
    return [unknownName(word.replace(/=.*$/s, ""), names, { what: "flag", others: BUILT_IN })];
  });
}

function strayWord(word: string, commands: readonly CommandText[]): string {
  const names = commands.map(({ name }) => name);
  if (names.includes(word)) return "a command has to be the first word";
  return `a word on its own means nothing here${suggestion(word, names)}`;
}
