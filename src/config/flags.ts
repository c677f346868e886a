/** The command line as a source of options, and `--help`. Commander reads and describes the flags; values are judged later. */
import { Command, Option as Flag } from "commander";
import { DURATION_EXAMPLES } from "../util/durations.ts";
import { type AnyOption, defaultText, isIn, kebab, type OptionTable } from "./option.ts";
import type { Given, Source } from "./resolve.ts";
import { suggestion } from "./suggest.ts";

/** What a program says about itself in `--help`. */
export interface ProgramText {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly footer: string;
}

export interface CommandLine {
  readonly source: Source;
  readonly help: boolean;
  readonly version: boolean;
  /** What followed `--`; null where there was no `--`. */
  readonly command: readonly string[] | null;
}

const DURATIONS = `\nDURATION: a number and a unit, such as ${DURATION_EXAMPLES}. 0 needs no unit.\n`;
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
  const parser = buildParser(table, program, (name, spec, flag, value) => {
    const before = spec.repeat ? given.get(name) : undefined;
    const text = value ?? switchedOn(spec);
    if (text === null) {
      problems.push(`${flag} needs a value: give ${spec.kind.allowed} (write ${flag}=… if it begins with a dash)`);
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
    command: end === -1 ? null : argv.slice(end + 1),
  };
}

export function helpText(table: OptionTable, program: ProgramText): string {
  return buildParser(table, program, () => undefined).helpInformation() + DURATIONS + program.footer;
}

type OnFlag = (name: string, spec: AnyOption, flag: string, value: string | null) => void;

function buildParser(table: OptionTable, program: ProgramText, onFlag: OnFlag): Command {
  const parser = new Command(program.name).usage(program.usage).description(program.summary);
  parser.helpOption(false).configureHelp({ helpWidth: 100, showGlobalOptions: false });
  for (const [name, spec] of Object.entries(table)) {
    if (!isIn(spec, "flag")) continue;
    const names = [name, ...(spec.aliases ?? [])];
    const spellings = [...new Set(names.map((each) => `--${kebab(each)}`))];
    spellings.forEach((flag, index) => {
      // Values are optional to Commander, so that a missing one becomes one problem among others instead of the end.
      const shown = new Flag(`${flag} [value]`, index === 0 ? describe(spec, spellings.slice(1)) : "");
      shown.flags = spec.kind.placeholder === "on|off" ? flag : `${flag} ${spec.kind.placeholder}`;
      shown.hidden = index > 0;
      parser.addOption(shown);
      parser.on(`option:${shown.name()}`, (value: string | null) => onFlag(name, spec, flag, value));
    });
  }
  parser.option("-V, --version", "version and runtime").option("-h, --help", "this text");
  return parser;
}

/** Doc line, meaning of 0, default and aliases. */
function describe(spec: AnyOption, aliases: readonly string[]): string {
  const notes = [`default: ${defaultText(spec)}`];
  if (spec.zero !== undefined) notes.push(`0: ${spec.zero}`.replace("0: port 0", "port 0"));
  if (aliases.length > 0) notes.push(`also ${aliases.join(", ")}`);
  return `${spec.doc} (${notes.join("; ")})`;
}

/** A flag without a value switches a switch on. */
function switchedOn(spec: AnyOption): string | null {
  return spec.kind.placeholder === "on|off" ? "on" : null;
}

function strayWords(words: readonly string[], table: OptionTable): string[] {
  const known = [...flagNames(table), ...BUILT_IN];
  let afterFlag = false;
  return words.flatMap((word) => {
    const belongs = afterFlag && !word.startsWith("-"); // the value of an unknown flag is no second problem
    afterFlag = word.startsWith("-") && !word.includes("=");
    if (belongs) return [];
    if (!word.startsWith("-")) return [`${JSON.stringify(word)}: a word on its own means nothing here`];
    const flag = word.replace(/=.*$/s, "");
    return [`${flag}: there is no such flag${suggestion(flag, known)}`];
  });
}

function flagNames(table: OptionTable): string[] {
  return Object.entries(table).flatMap(([name, spec]) =>
    isIn(spec, "flag") ? [name, ...(spec.aliases ?? [])].map((each) => `--${kebab(each)}`) : [],
  );
}
