/** The options of a program from its command line, its environment and its configuration file. */
import { statSync } from "node:fs";
import { type BalancerValues, balancerOptions } from "./balancer-options.ts";
import { type Completed, complete } from "./document/complete.ts";
import { readDocument } from "./document/read-document.ts";
import { NO_FILE, readTargets } from "./document/read-targets.ts";
import { NOTHING_WRITTEN } from "./document/written.ts";
import { readEnvironment } from "./environment.ts";
import { type CommandLine, helpText, type ProgramText, readFlags } from "./flags.ts";
import type { OptionTable } from "./option.ts";
import { reporterOptions } from "./reporter-options.ts";
import { type BalancerSettings, type ReporterSettings, reporterSettings } from "./settings.ts";
import { OptionError, type Source, valuesFrom } from "./values.ts";

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
  /**
   * Reads the file again, or another one in its place; flags and environment are as they were. Throws OptionError with every problem
   * there is.
   */
  readonly reread: (config?: string) => S;
  /** The balancer's: as if its file said that. What a file is relative to, such as one that it includes, stays. Throws as `reread` does. */
  readonly parse: (toml: string) => S;
}

/** Throws OptionError with every problem there is. */
export function loadBalancer(invocation: Invocation): Command<BalancerSettings> {
  return load(invocation, balancerOptions, (given, { serverCommand }, problems) => {
    if (serverCommand) problems.push('"--": the balancer starts no command');
    const { settings } = completeBalancer(given, problems);
    if (settings.watch && given.config === null)
      problems.push("watch: there is no file to watch: name it with --config");
    return { settings, log: settings };
  });
}

/** The document at `config`, or of flags and environment alone. `isElsewhere`: see Form. */
export function completeBalancer(
  { config, toml, flags, environment }: Said,
  problems: string[],
  isElsewhere = false,
): Completed {
  const isWritten = config !== null || toml !== undefined;
  const written = isWritten ? readDocument(config ?? HERE, problems, toml) : NOTHING_WRITTEN;
  const form = { place: "file", listen: balancerOptions.listen.default, isElsewhere } as const;
  return complete(written, { flags, environment }, form, problems);
}

/** Throws OptionError with every problem there is. */
export function loadReporter(invocation: Invocation): Command<ReporterSettings> {
  return load(invocation, reporterOptions, ({ config, flags, environment }, { serverCommand }, problems) => {
    if (serverCommand?.length === 0) problems.push('"--": name the command that starts the server after it');
    const { top, targets } = config === null ? NO_FILE : readTargets(config, problems);
    const values = valuesFrom(reporterOptions, [flags, environment, top], problems);
    const settings = reporterSettings(values, targets, "file", problems);
    if (serverCommand && settings.targets.length > 1) problems.push('"--": a command serves one target: describe one');
    return { settings, log: { ...values, logLevel: { least: values.logLevel, parts: {} } } };
  });
}

/** What a program has been told beside its file, and where that is. */
export interface Said {
  readonly flags: Source;
  readonly environment: Source;
  readonly config: string | null;
  /** What counts in place of what that file says. */
  readonly toml?: string | undefined;
}

/** What a document without a file is relative to: where the program was started. */
const HERE = ".";

function load<S>(
  { argv, environment, program, columns = DEFAULT_COLUMNS }: Invocation,
  table: OptionTable,
  settle: (said: Said, commandLine: CommandLine, problems: string[]) => { settings: S; log: LogOptions },
): Command<S> {
  const problems: string[] = [];
  const commandLine = readFlags(argv, table, program, problems);
  if (commandLine.help) return { action: "help", text: helpText(table, program, columns) };
  if (commandLine.version) return { action: "version" };
  const flags = commandLine.source;
  const env = readEnvironment(environment, table, problems);
  const config = (flags.get("config") ?? env.get("config"))?.text ?? null;
  const read = (path: string | null, found: string[], toml?: string) => {
    const settled = settle({ flags, environment: env, config: path, toml }, commandLine, found);
    if (found.length > 0) throw new OptionError(found);
    return settled;
  };
  const { settings, log } = read(config, problems);
  const { logLevel, logFormat } = log;
  return {
    action: "run",
    settings,
    log: { logLevel, logFormat },
    serverCommand: commandLine.serverCommand,
    reread: (path) => {
      const again = path ?? config;
      if (again !== null) refuseStream(again);
      return read(again, []).settings;
    },
    parse: (toml) => read(config, [], toml).settings,
  };
}

/** What the shell's <(…) and a pipe give is gone once it has been read: what is read again is empty, or never comes. */
function refuseStream(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return;
  throw new OptionError([`${path} cannot be read again: it is no regular file`]);
}
