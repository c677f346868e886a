/** How much is logged: a level for all lines, and others for parts of the balancer. */
import { kindOf, textCodec } from "./kind.ts";
import { STRING } from "./kinds.ts";

/** The least severe first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof LOG_LEVELS)[number];

/** What a line may be about. All else, such as the start, signals and warnings of the process, goes by the level for all. */
export const LOG_PARTS = ["targets", "control", "config", "connections"] as const;
export type LogPart = (typeof LOG_PARTS)[number];

export interface LogLevels {
  /** Of the lines to write. */
  readonly least: Level;
  /** Where another one holds. */
  readonly parts: Readonly<Partial<Record<LogPart, Level>>>;
}

/** What an operator has to know; `debug` adds a line for each connection. */
export const DEFAULT_LEVEL: Level = "info";

export function levelOf({ least, parts }: LogLevels, part: LogPart): Level {
  return parts[part] ?? least;
}

const ONE = `(${LOG_LEVELS.join("|")})`;
const WORD = `(${ONE}|(${LOG_PARTS.join("|")})=${ONE})`;
const WORDS = new RegExp(`^${WORD}(,${WORD})*$`);

/** `warning`, `info,targets=warning,connections=debug`, `connections=debug`; each word once, in any order. */
export const logLevels = kindOf<LogLevels, string>(
  {
    placeholder: "LEVEL[,PART=LEVEL…]",
    allowed: `one of ${LOG_LEVELS.join(", ")}, with commas and PART=LEVEL behind it for any of ${LOG_PARTS.join(", ")}`,
    library: STRING,
    schema: { type: "string", pattern: WORDS.source },
  },
  textCodec<LogLevels>(parse, format),
);

function parse(text: string): LogLevels | undefined {
  if (!WORDS.test(text)) return undefined;
  const words = text.split(",").map((word) => (word.includes("=") ? word : `=${word}`).split("="));
  const levels = new Map(words as [string, Level][]); // that for all is called ""
  if (levels.size < words.length) return undefined;
  const least = levels.get("") ?? DEFAULT_LEVEL;
  // In the order of the list, and without what the level for all says already: equal ones are equal texts.
  const own = LOG_PARTS.filter((part) => (levels.get(part) ?? least) !== least);
  return { least, parts: Object.fromEntries(own.map((part) => [part, levels.get(part)])) };
}

function format({ least, parts }: LogLevels): string {
  return [least, ...Object.entries(parts).map(([part, level]) => `${part}=${level}`)].join(",");
}
