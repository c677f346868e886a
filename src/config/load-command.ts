/** What a command of a program is told, from its command line, and from where the program itself has its options. */

import { readEnvironment } from "./environment.ts";
import { helpText, type ProgramText, readFlags } from "./flags.ts";
import type { Invocation, Said } from "./load.ts";
import { isIn, type OptionTable, type Values } from "./option.ts";
import { OptionError, type Source, valuesFrom } from "./values.ts";

/** A word that a command takes beside its options. */
export interface Operand {
  readonly name: string;
  /** What it is, for whoever leaves it out. */
  readonly help: string;
  /** It may be left out. */
  readonly optional?: true;
  /** Of the last one: more of them may follow. */
  readonly several?: true;
  /** What it names, so that a shell can complete it. */
  readonly names?: "target" | "pool" | "file";
  /** All that it may be. */
  readonly choices?: readonly string[];
}

export type CommandCall<T extends OptionTable> =
  | { readonly action: "help"; readonly text: string }
  | { readonly action: "run"; readonly values: Values<T>; readonly words: readonly string[]; readonly said: Said };

export type ReadFile = (path: string, problems: string[]) => Source;

export interface CommandForm<T extends OptionTable> {
  readonly text: ProgramText;
  readonly operands: readonly Operand[];
  readonly table: T;
  /** Options of the program that it takes as well, and hands on as they were said: it judges them itself, and reads the file. */
  readonly passes?: OptionTable | undefined;
  /** The program's own options in its file. */
  readonly readFile: ReadFile;
}

/** Throws OptionError with every problem there is. */
export function loadCommand<T extends OptionTable>(
  { argv, environment, columns = 80 }: Omit<Invocation, "program">,
  { text, operands, table, passes, readFile }: CommandForm<T>,
): CommandCall<T> {
  const problems: string[] = [];
  const all = { ...passes, ...table };
  const most = operands.at(-1)?.several ? Number.POSITIVE_INFINITY : operands.length;
  const { source: flags, words, help, serverCommand } = readFlags(argv, all, text, problems, most);
  if (help) return { action: "help", text: helpText(table, text, columns) };
  if (serverCommand !== null) problems.push('"--": this command starts no server');
  for (const { name, help, optional } of operands.slice(words.length)) {
    if (!optional) problems.push(`${name} is missing: give ${help}`);
  }
  const env = readEnvironment(environment, all, problems);
  const config = (flags.get("config") ?? env.get("config"))?.text ?? null;
  const file: Source = config === null || passes !== undefined ? new Map() : readFile(config, problems);
  const values = valuesFrom(table, [flags, env, inFile(file, table)], problems);
  if (problems.length > 0) throw new OptionError(problems);
  return { action: "run", values, words, said: { flags, environment: env, config } };
}

/** What the command has in common with its program. */
function inFile(file: Source, table: OptionTable): Source {
  return new Map([...file].filter(([name]) => table[name] !== undefined && isIn(table[name], "file")));
}
