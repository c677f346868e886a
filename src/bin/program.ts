/** What both programs share: the way from the command line to the exit code. */
import { runtime } from "#runtime";
import type { ProgramText } from "../config/flags.ts";
import type { Command, Invocation, RunCommand } from "../config/load.ts";
import type { ReadFile } from "../config/load-command.ts";
import { OptionError } from "../config/values.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { runCommand, type Command as Subcommand } from "./command.ts";
import { EXIT_FAILURE, EXIT_OPTIONS } from "./exit-codes.ts";
import { type Log, type OpenLog, openLog } from "./log.ts";
import { write } from "./output.ts";

/** What the user can do about a failure that the system reports. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "stop what listens there, or choose another port",
  EADDRNOTAVAIL: "choose an address of this machine, or leave the host out",
  EACCES: "choose a port above 1023, or start it with the right to bind lower ones",
  ENOTFOUND: "check the name, or give an IP address",
};

/** What a program can be told to do instead, as its first word, and how its own options are read from its file. */
export interface Commands {
  readonly all: readonly Subcommand[];
  readonly readFile: ReadFile;
}

/** Runs a program, or a command of it, to its exit; `run` gives the exit code. */
export async function main<S>(
  text: ProgramText,
  commands: Commands,
  load: (invocation: Invocation) => Command<S>,
  run: (command: RunCommand<S>, log: OpenLog) => Promise<number>,
): Promise<void> {
  const program = { ...text, commands: commands.all };
  const [word, ...rest] = process.argv.slice(2);
  const subcommand = commands.all.find(({ name }) => name === word);
  if (subcommand) return exit(await runCommand(program, subcommand, commands.readFile, rest));
  let command: Command<S>;
  try {
    const { columns } = process.stdout as { columns?: number };
    command = load({ argv: process.argv.slice(2), environment: process.env, program, columns });
  } catch (error) {
    return exit(reportOptions(program, error));
  }
  if (command.action === "help") return print(command.text);
  if (command.action === "version") return print(`${program.name} ${VERSION} (${runtime.name} ${runtime.version})\n`);
  const log = openLog(command.log);
  logOwnFaults(log);
  return exit(await run(command, log).catch((error: unknown) => reportFailure(log, error)));
}

/** Problems with the options go to standard error as they are, because the log is not open yet. Gives the exit code. */
function reportOptions({ name }: ProgramText, error: unknown): number {
  if (!(error instanceof OptionError)) throw error;
  write(process.stderr, `${name}: ${error.message}\nSee ${name} --help.\n`);
  return EXIT_OPTIONS;
}

/** One clear line for a failure at run time. Gives the exit code. */
function reportFailure(log: Log, error: unknown): number {
  const code = codeOf(error);
  const advice = code === undefined ? undefined : ADVICE[code];
  log.error(`${messageOf(error)}${advice === undefined ? "" : ` (${advice})`}`, { code });
  return error instanceof HarmonyError && error.fault === "config" ? EXIT_OPTIONS : EXIT_FAILURE;
}

/** A fault in the program becomes one line in the log, with the stack trace at `debug`, instead of a page of internals. */
function logOwnFaults(log: Log): void {
  const fatal = (error: unknown) => {
    log.error(`a fault in the program itself: ${messageOf(error)}; please report it`, {});
    if (error instanceof Error) log.debug(error.stack ?? "");
    exit(EXIT_FAILURE);
  };
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
}

function print(text: string): void {
  write(process.stdout, text);
}

function exit(code: number): void {
  process.exit(code);
}
