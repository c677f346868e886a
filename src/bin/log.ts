/** The log of a program: one line per message on standard error, for people or as JSON. */
import {
  compareLogLevel,
  configureSync,
  type FormattedValues,
  getLogger,
  getTextFormatter,
  jsonLinesFormatter,
  type LogLevel,
} from "@logtape/logtape";
import type { LogOptions } from "../config/load.ts";
import { write } from "./output.ts";

/** `text` is the whole message; `properties` repeat its facts for programs that read JSON. */
type Say = (text: string, properties?: Readonly<Record<string, unknown>>) => void;

export interface Log {
  readonly debug: Say;
  readonly info: Say;
  readonly warning: Say;
  readonly error: Say;
  /** Whether `debug` lines are written. Otherwise a line per connection need not be put together. */
  readonly isDebug: boolean;
}

export interface OpenLog extends Log {
  /** The least severe messages that are written from now on. */
  setLevel(level: LogOptions["logLevel"]): void;
}

/** May be called once per process: the logging library has one configuration. */
export function openLog({ logLevel, logFormat }: LogOptions): OpenLog {
  const format =
    logFormat === "json" ? jsonLinesFormatter : getTextFormatter({ category: () => "", format: plainLine });
  configureSync({
    sinks: { stderr: (record) => write(process.stderr, format(record)) },
    loggers: [
      { category: ["harmony"], lowestLevel: "debug", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger(["harmony"]);
  let least = logLevel as LogLevel;
  const say =
    (level: LogLevel): Say =>
    (text, properties) => {
      if (compareLogLevel(level, least) < 0) return;
      logger.emit({ timestamp: Date.now(), level, message: [text], rawMessage: text, properties: properties ?? {} });
    };
  return {
    debug: say("debug"),
    info: say("info"),
    warning: say("warning"),
    error: say("error"),
    get isDebug() {
      return least === "debug";
    },
    setLevel(level) {
      least = level;
    },
  };
}

function plainLine({ timestamp, level, message }: FormattedValues): string {
  return `${timestamp} ${level} ${message}`;
}

/** `1 connection`, `2 connections`. */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
