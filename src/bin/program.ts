/** What both programs have in common: from the command line to the exit code. */
import { runtime } from "#runtime";
import type { ProgramText } from "../config/flags.ts";
import type { Invocation, Order } from "../config/load.ts";
import { OptionError } from "../config/resolve.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { type Log, openLog } from "./log.ts";
import { write } from "./output.ts";

/** The options are wrong: nothing was started. */
const EXIT_OPTIONS = 2;
/** It could not start, or could not go on. */
const EXIT_FAILURE = 1;

/** What somebody can do about a failure of the system. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "stop what listens there, or choose another port",
  EADDRNOTAVAIL: "choose an address of this machine, or leave the host out",
  EACCES: "choose a port above 1023, or start it with the right to bind lower ones",
  ENOTFOUND: "check the name, or give an IP address",
};

/** Runs a program to its exit; `run` gives the exit code. */
export async function main<S>(
  program: ProgramText,
  load: (invocation: Invocation) => Order<S>,
  run: (order: Extract<Order<S>, { action: "run" }>, log: Log) => Promise<number>,
): Promise<void> {
  let order: Order<S>;
  try {
    order = load({ argv: process.argv.slice(2), environment: process.env, program });
  } catch (error) {
    return exit(complain(program, error));
  }
  if (order.action === "help") return print(order.text);
  if (order.action === "version") return print(`${program.name} ${VERSION} (${runtime.name} ${runtime.version})\n`);
  const log = openLog(order.log);
  neverSilent(log);
  return exit(await run(order, log).catch((error: unknown) => failed(log, error)));
}

/** Wrong options go to standard error as they are: there is no log yet. */
function complain({ name }: ProgramText, error: unknown): number {
  if (!(error instanceof OptionError)) throw error;
  write(process.stderr, `${name}: ${error.message}\nSee ${name} --help.\n`);
  return EXIT_OPTIONS;
}

/** One clear line for a failure at run time. Gives the exit code. */
export function failed(log: Log, error: unknown): number {
  const code = codeOf(error);
  const advice = code === undefined ? undefined : ADVICE[code];
  log.error(`${messageOf(error)}${advice === undefined ? "" : ` (${advice})`}`, { code });
  return error instanceof HarmonyError && error.fault === "config" ? EXIT_OPTIONS : EXIT_FAILURE;
}

/** A fault of our own must not pass as a crash with a page of internals: one line, the trace at `debug`. */
function neverSilent(log: Log): void {
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
