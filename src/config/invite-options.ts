/** The options of `harmony-balancer invite`: how often and how long the invitation is good, and what its reporters may do. */

import { MOST_USES } from "../control/keys/invitation-lines.ts";
import { LIMIT_WORDS, type LimitWord } from "../control/keys/limits.ts";
import { INVITED_TARGETS } from "../targets/quota.ts";
import { kindOf, textCodec } from "./kind.ts";
import { duration, integer, onOff, STRING } from "./kinds.ts";
import { type AnyOption, option, optional, type Values } from "./option.ts";
import { trustOptions } from "./trust-options.ts";

/** Long enough to walk over to another machine, and too short to be found in a note. */
const DEFAULT_FOR = 60 * 60_000;

const FLAG = ["flag"] as const;

const common = {
  uses: option({
    kind: integer(1, MOST_USES),
    default: 1, // whoever sees it afterwards gets nothing
    doc: "How many reporters may join with it. With more than one each is called NAME and its host's name, or a number.",
    places: FLAG,
  }),
  for: option({ kind: duration(1), default: DEFAULT_FOR, doc: "How long it is good.", places: FLAG }),
  ...trustOptions,
} as const;

/** What holds for an invited reporter without the word, where that is not anything. */
const WITHOUT: Readonly<Record<string, string>> = {
  advertise: "none",
  listen: "none",
  options: "none",
  targets: String(INVITED_TARGETS),
  sessions: "twice as many as targets",
  "new-targets": "as many as targets",
};

/** By the names of their words; camelCase as all options. `without`: what holds without the word, where that is not anything. */
export function limitOptions(without: Readonly<Record<string, string>>): Readonly<Record<string, AnyOption>> {
  return Object.fromEntries(LIMIT_WORDS.map((word) => [camel(word.name), limitOption(word, without[word.name])]));
}

export const inviteOptions = { ...common, ...limitOptions(WITHOUT) } as typeof common &
  Readonly<Record<string, AnyOption>>;

export type InviteValues = Values<typeof common>;

/** The words that the limits among the values stand for. */
export function limitWords(values: Readonly<Record<string, unknown>>): string[] {
  return LIMIT_WORDS.flatMap(({ name, example }) => {
    const value = values[camel(name)];
    if (value === null || value === false) return [];
    return [example === null ? name : `${name}=${value}`];
  });
}

function limitOption({ name, example, doc, read }: LimitWord, without = "any"): AnyOption {
  const text = `${doc[0]!.toUpperCase()}${doc.slice(1).replaceAll("`", "")}.`;
  if (example === null) return option({ kind: onOff, default: false, doc: text, places: FLAG });
  // A single number is no list.
  const list = /^\d+$/.test(example) ? {} : ({ list: true } as const);
  const kind = kindOf(
    { placeholder: example, allowed: `something like --${name} ${example}`, library: STRING, ...list },
    textCodec<string>(
      (value) => (read(value) === null ? undefined : value),
      (value) => value,
    ),
  );
  return optional({ kind, doc: text, places: FLAG, shownDefault: without });
}

function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
