/** The log of a program: one line per message on standard error, for people or as JSON. */
import {
  compareLogLevel,
  configureSync,
  type FormattedValues,
  getLogger,
  getTextFormatter,
  jsonLinesFormatter,
  type LogRecord,
} from "@logtape/logtape";
import type { LogOptions } from "../config/load.ts";
import { type Level, type LogLevels, type LogPart, levelOf } from "../config/log-levels.ts";
import { isJournal, prefixed } from "./journal.ts";
import { writeStandardError } from "./standard-error.ts";

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

/** A log with parts, each of which has a level of its own. */
export interface PartedLog extends Log {
  part(part: LogPart): Log;
}

export interface OpenLog extends PartedLog {
  /** The least severe messages that are written from now on. */
  setLevel(levels: LogLevels): void;
}

/** May be called once per process: the logging library has one configuration. */
export function openLog({ logLevel, logFormat }: LogOptions): OpenLog {
  const toJournal = isJournal();
  const line = toJournal ? journalLine : plainLine;
  const format = logFormat === "json" ? jsonLinesFormatter : getTextFormatter({ category: () => "", format: line });
  const put = (record: LogRecord) => {
    const text = format(record);
    writeStandardError(toJournal ? prefixed(record.level, text) : text);
  };
  configureSync({
    sinks: { stderr: put },
    loggers: [
      { category: ["harmony"], lowestLevel: "debug", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  let levels = logLevel;
  return {
    ...logOf(["harmony"], () => levels.least),
    get isDebug() {
      return levels.least === "debug";
    },
    part: (part) => logOf(["harmony", part], () => levelOf(levels, part)),
    setLevel(next) {
      levels = next;
    },
  };
}

function logOf(category: string[], least: () => Level): Log {
  const logger = getLogger(category);
  const say =
    (level: Level): Say =>
    (text, properties) => {
      if (compareLogLevel(level, least()) < 0) return;
      logger.emit({ timestamp: Date.now(), level, message: [text], rawMessage: text, properties: properties ?? {} });
    };
  return {
    debug: say("debug"),
    info: say("info"),
    warning: say("warning"),
    error: say("error"),
    get isDebug() {
      return least() === "debug";
    },
  };
}

function plainLine({ timestamp, level, message }: FormattedValues): string {
  return `${timestamp} ${level} ${message}`;
}

/** The journal has the time, and the level as the line's priority. */
function journalLine({ message }: FormattedValues): string {
  return message;
}
