/** What a command of a program is, and how one is run: from its words to its exit code. */
import type { CommandText, ProgramText } from "../config/flags.ts";
import type { Said } from "../config/load.ts";
import { loadCommand, type Operand, type ReadFile } from "../config/load-command.ts";
import type { OptionTable, Values } from "../config/option.ts";
import { OptionError } from "../config/values.ts";
import { HarmonyError, messageOf } from "../util/errors.ts";
import { EXIT_FAILURE, EXIT_NOTHING, EXIT_OPTIONS } from "./exit-codes.ts";
import { write } from "./output.ts";

/** A command of one program or the other, which does its work and ends. A file of its own in commands/, and a line in the program's table. */
export interface Command extends CommandText {
  readonly operands: readonly Operand[];
  /** Paragraphs below the options in its `--help`. */
  readonly footer: string;
  readonly table: OptionTable;
  /** Options of its program that it takes beside its own, and judges itself. */
  readonly passes?: OptionTable;
  /** Returns the exit code. Throws HarmonyError. */
  run(values: Values<OptionTable>, words: readonly string[], said: Said): Promise<number>;
}

/** As it is declared: `run` sees the values of its own table. */
export function command<T extends OptionTable>(
  declared: Omit<Command, "table" | "run"> & {
    readonly table: T;
    run(values: Values<T>, words: readonly string[], said: Said): Promise<number>;
  },
): Command {
  return { ...declared, run: (values, words, said) => declared.run(values as Values<T>, words, said) };
}

/** Results go to standard output, what is said about them to standard error, problems as well. Returns the exit code. */
export async function runCommand(
  { name: program }: ProgramText,
  { name, usage, summary, footer, operands, table, passes, run }: Command,
  readFile: ReadFile,
  argv: readonly string[],
): Promise<number> {
  const title = `${program} ${name}`;
  try {
    const text = { name: title, usage, summary, footer };
    const { columns } = process.stdout as { columns?: number };
    const call = loadCommand({ argv, environment: process.env, columns }, { text, operands, table, passes, readFile });
    if (call.action === "help") write(process.stdout, call.text);
    return call.action === "help" ? 0 : await run(call.values, call.words, call.said);
  } catch (error) {
    const advice = error instanceof OptionError ? `See ${title} --help.\n` : "";
    write(process.stderr, `${title}: ${messageOf(error)}\n${advice}`);
    return exitCodeOf(error);
  }
}

/** Where there is nothing of that name, or of that kind. */
const NOTHING = ["NO_TARGET", "NO_POOL", "NO_CONNECTION", "NO_GROUP"];

function exitCodeOf(error: unknown): number {
  if (!(error instanceof HarmonyError)) return EXIT_FAILURE;
  if (NOTHING.includes(error.code)) return EXIT_NOTHING;
  return error.fault === "config" ? EXIT_OPTIONS : EXIT_FAILURE;
}

export function print(text: string): void {
  write(process.stdout, `${text}\n`);
}

export function note(text: string): void {
  write(process.stderr, `${text}\n`);
}
