/** The options of a program from its command line, its environment and its configuration file. */
import { type BalancerValues, balancerOptions } from "./balancer-options.ts";
import { type CommandLine, helpText, type ProgramText, readFlags } from "./flags.ts";
import type { OptionTable, Values } from "./option.ts";
import { reporterOptions } from "./reporter-options.ts";
import { type BalancerSettings, balancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { readConfigFile, readEnvironment } from "./sources.ts";
import { OptionError, valuesFrom } from "./values.ts";

/** What a program is started with. Passed in whole, so that tests need no process. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly program: ProgramText;
  /** Of the terminal that help is shown in; undefined where there is none. */
  readonly columns?: number | undefined;
}

const DEFAULT_COLUMNS = 80;

/** How a program logs. */
export type LogOptions = Pick<BalancerValues, "logLevel" | "logFormat">;

/** What a program is told to do. */
export type Command<S> =
  | { readonly action: "help"; readonly text: string }
  | { readonly action: "version" }
  | RunCommand<S>;

export interface RunCommand<S> {
  readonly action: "run";
  readonly settings: S;
  readonly log: LogOptions;
  /** The reporter's: the server to start, if any. */
  readonly serverCommand: readonly string[] | null;
}

/** Throws OptionError with every problem there is. */
export function loadBalancer(invocation: Invocation): Command<BalancerSettings> {
  return load(invocation, balancerOptions, (values, { serverCommand }, problems) => {
    if (serverCommand) problems.push('"--": the balancer starts no command');
    return balancerSettings(values, "file", problems);
  });
}

/** Throws OptionError with every problem there is. */
export function loadReporter(invocation: Invocation): Command<ReporterSettings> {
  return load(invocation, reporterOptions, (values, { serverCommand }, problems) => {
    if (serverCommand?.length === 0) problems.push('"--": name the command that starts the server after it');
    return reporterSettings(values, "file", problems);
  });
}

function load<T extends OptionTable, S>(
  { argv, environment, program, columns = DEFAULT_COLUMNS }: Invocation,
  table: T,
  settle: (values: Values<T>, commandLine: CommandLine, problems: string[]) => S,
): Command<S> {
  const problems: string[] = [];
  const commandLine = readFlags(argv, table, program, problems);
  if (commandLine.help) return { action: "help", text: helpText(table, program, columns) };
  if (commandLine.version) return { action: "version" };
  const env = readEnvironment(environment, table, problems);
  const path = (commandLine.source.get("config") ?? env.get("config"))?.text;
  const file = path === undefined ? new Map() : readConfigFile(path, table, problems);
  const values = valuesFrom(table, [commandLine.source, env, file], problems);
  const settings = settle(values, commandLine, problems);
  if (problems.length > 0) throw new OptionError(problems);
  const { logLevel, logFormat } = values as LogOptions & Values<T>;
  return { action: "run", settings, log: { logLevel, logFormat }, serverCommand: commandLine.serverCommand };
}
