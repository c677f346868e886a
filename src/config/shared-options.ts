/** Options that both programs have. */
import { choice, duration, onOff, text } from "./kinds.ts";
import { option, optional } from "./option.ts";

/** Where targets register: the number that the first Harmony used. */
export const DEFAULT_ADMIN_PORT = 1666;

/** Long enough for an ordinary request, and within the 30 s that container runtimes wait before they kill. */
const DEFAULT_DRAIN_TIMEOUT = 30_000;

const PROGRAM = ["flag", "env", "file"] as const;

export const path = text("PATH", "a path");

export const drainTimeout = (doc: string, zero: string) =>
  option({ kind: duration(0), default: DEFAULT_DRAIN_TIMEOUT, doc, zero });

export const keyFile = optional({
  kind: path,
  doc: "File of keys, one [id:]secret per line; without it the file at its default place is used.",
  shownDefault: "the default place",
});

export const key = optional({
  kind: text("[ID:]SECRET", "[id:]secret with a secret of at least 16 characters"),
  doc: "The key itself; it goes before any key file. There is no flag for it, since anybody can list flags with ps.",
  // Any text is taken here, so that no problem with it is worded (and quoted) where other options' are: see settings.ts.
  places: ["env", "library"],
});

export const programOptions = {
  logLevel: option({
    kind: choice(["debug", "info", "warning", "error"]),
    default: "info", // what an operator has to know; `debug` adds a line per connection
    doc: "Least severe messages to log (to standard error).",
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
    doc: "TOML file with any of these options, named as the flags are. Flags and environment go before it.",
    places: ["flag", "env"],
  }),
} as const;

export const insecure = (doc: string) => option({ kind: onOff, default: false, doc });
