/** Options that both programs have. */
import { choice, duration, onOff, path, text } from "./kinds.ts";
import { DEFAULT_LEVEL, LOG_LEVELS } from "./log-levels.ts";
import { option, optional } from "./option.ts";

/** For targets to register: the number that the first Harmony used. */
export const DEFAULT_ADMIN_PORT = 1666;

/** Long enough for an ordinary request, and within the 30 s that container runtimes wait before they kill. */
const DEFAULT_DRAIN_TIMEOUT = 30_000;

/** Of a target. As in the first Harmony. Only the ratio to other weights matters. */
export const DEFAULT_WEIGHT = 500;

/** Far above what one machine holds, and exact in the shared 32-bit counters. */
export const MOST_CONNECTIONS = 16_777_215;

const PROGRAM = ["flag", "env", "file"] as const;

export const drainTimeout = (doc: string) => option({ kind: duration(0), default: DEFAULT_DRAIN_TIMEOUT, doc });

export const insecure = (doc: string) => option({ kind: onOff, default: false, doc });

export const keyOptions = {
  keyFile: optional({
    kind: path,
    doc: "File of keys, one [id:]secret per line.",
    shownDefault: "the file at its default place",
  }),
  key: optional({
    // Any text is taken here, so that a problem with it is never worded where other options' problems are, which quote the value.
    kind: text("[ID:]SECRET", "[id:]secret with a secret of at least 16 characters"),
    doc: "The key itself, with a secret of at least 16 characters. It precedes any key file.",
    places: ["env", "library"],
    libraryDefault: "`HARMONY_KEY` of the environment, if it is set",
  }),
} as const;

export const programOptions = {
  logLevel: option({
    kind: choice(LOG_LEVELS),
    default: DEFAULT_LEVEL,
    doc: "The least severe messages to log. The log goes to standard error.",
    places: PROGRAM,
  }),
  logFormat: option({
    kind: choice(["text", "json"]),
    default: "text",
    doc: "Log lines for people, or one JSON object per line.",
    places: PROGRAM,
  }),
  config: optional({
    kind: path,
    doc: "TOML file with any of these options, named like the flags without their dashes. Flags and environment precede it.",
    places: ["flag", "env"],
  }),
} as const;
