/** The log of a program: one line per message on standard error, for people or as JSON. */
import { configureSync, getLogger, getTextFormatter, jsonLinesFormatter, type LogLevel } from "@logtape/logtape";
import type { LogOptions } from "../config/load.ts";
import { write } from "./output.ts";

/** `text` is the whole message; `properties` repeat its facts for whoever reads JSON. */
type Say = (text: string, properties?: Readonly<Record<string, unknown>>) => void;

export interface Log {
  readonly debug: Say;
  readonly info: Say;
  readonly warning: Say;
  readonly error: Say;
  /** Whether `debug` lines are written: what is logged per connection costs nothing otherwise. */
  readonly isDebug: boolean;
}

/** Once per process. */
export function openLog({ logLevel, logFormat }: LogOptions): Log {
  const format =
    logFormat === "json" ? jsonLinesFormatter : getTextFormatter({ category: () => "", format: plainLine });
  configureSync({
    sinks: { stderr: (record) => write(process.stderr, format(record)) },
    loggers: [
      { category: ["harmony"], lowestLevel: logLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger(["harmony"]);
  const say =
    (level: LogLevel): Say =>
    (text, properties) =>
      logger.emit({ timestamp: Date.now(), level, message: [text], rawMessage: text, properties: properties ?? {} });
  return {
    debug: say("debug"),
    info: say("info"),
    warning: say("warning"),
    error: say("error"),
    isDebug: logLevel === "debug",
  };
}

function plainLine({
  timestamp,
  level,
  message,
}: {
  timestamp: string | null;
  level: string;
  message: string;
}): string {
  return `${timestamp} ${level} ${message}`;
}
