/** The options of a program from its command line, its environment and its configuration file. */
import { readFileSync } from "node:fs";
import { messageOf } from "../util/errors.ts";
import { type BalancerValues, balancerOptions } from "./balancer-options.ts";
import { type CommandLine, helpText, type ProgramText, readFlags } from "./flags.ts";
import type { OptionTable, Values } from "./option.ts";
import { type ReporterValues, reporterOptions } from "./reporter-options.ts";
import { OptionError, resolve, type Source } from "./resolve.ts";
import { type BalancerSettings, balancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { readConfigText, readEnvironment } from "./sources.ts";

/** What a program is started with. Passed in whole, so that tests need no process. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: ProgramText;
}

/** How a program logs. */
export type LogOptions = Pick<BalancerValues, "logLevel" | "logFormat">;

/** What it is to do. */
export type Order<S> =
  | { readonly action: "help"; readonly text: string }
  | { readonly action: "version" }
  | {
      readonly action: "run";
      readonly settings: S;
      readonly log: LogOptions;
      readonly command: readonly string[] | null;
    };

/** Throws OptionError with every problem there is. */
export function loadBalancer(invocation: Invocation): Order<BalancerSettings> {
  return load(invocation, balancerOptions, (values, { command }, problems) => {
    if (command) problems.push('"--": the balancer starts no command');
    return balancerSettings(values, problems);
  });
}

/** Throws OptionError with every problem there is. `command`: the server to start, if any. */
export function loadReporter(invocation: Invocation): Order<ReporterSettings> {
  return load(invocation, reporterOptions, (values: ReporterValues, { command }, problems) => {
    if (command?.length === 0) problems.push('"--": name the command that starts the server after it');
    return reporterSettings(values, problems);
  });
}

function load<T extends OptionTable, S>(
  { argv, environment, program }: Invocation,
  table: T,
  settle: (values: Values<T>, commandLine: CommandLine, problems: string[]) => S,
): Order<S> {
  const problems: string[] = [];
  const commandLine = readFlags(argv, table, program, problems);
  if (commandLine.help) return { action: "help", text: helpText(table, program) };
  if (commandLine.version) return { action: "version" };
  const env = readEnvironment(environment, table);
  const path = (commandLine.source.get("config") ?? env.get("config"))?.text;
  const file = path === undefined ? new Map() : readConfigFile(path, table, problems);
  const values = resolve(table, [commandLine.source, env, file], problems);
  const settings = settle(values, commandLine, problems);
  if (problems.length > 0) throw new OptionError(problems);
  const { logLevel, logFormat } = values as LogOptions & Values<T>;
  return { action: "run", settings, log: { logLevel, logFormat }, command: commandLine.command };
}

function readConfigFile(path: string, table: OptionTable, problems: string[]): Source {
  try {
    return readConfigText(readFileSync(path, "utf8"), path, table, problems);
  } catch (error) {
    problems.push(`config: the file cannot be read: ${messageOf(error)}`);
    return new Map();
  }
}
