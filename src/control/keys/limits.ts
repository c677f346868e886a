/**
 * What a key allows, and the words that say so: the same behind a key in a key file, behind a reporter in the `reporters` file, and
 * as flags of `invite`. One table has a word's name, how its value is read and written, and what it means.
 */
import { INVITED_TARGETS } from "../../targets/quota.ts";
import { formatRange, type IpRange, parseRange } from "../../util/address.ts";
import { OPTION_NAME } from "../protocol/messages.ts";
import { NAME } from "../protocol/schema.ts";
import { badLine } from "./lines.ts";

type Ports = readonly [low: number, high: number];

/**
 * What may be registered with a key. What is absent is not limited, but for `advertise`, `nat`, `listen` and `options`, which allow nothing
 * then, and for the three numbers, which have defaults.
 */
export interface KeyLimits {
  readonly pools?: readonly string[];
  /** Where the reporter connects from, and thereby where its target is, unless it advertises another address. */
  readonly from?: readonly IpRange[];
  readonly ports?: readonly Ports[];
  readonly maxWeight?: number;
  /** Where an advertised target may be. Absent: nothing may be advertised. */
  readonly advertise?: readonly IpRange[];
  /** The reporter's address may be translated on its way to the balancer. */
  readonly nat?: boolean;
  /** Ports that its reporters may have opened for their pools. */
  readonly listen?: readonly Ports[];
  /** Options that its reporters may declare for pools which are made for them. */
  readonly options?: readonly string[];
  /** Targets at once. */
  readonly targets?: number;
  /** Connections of reporters at once. */
  readonly sessions?: number;
  /** Targets a minute that were not registered before. */
  readonly newTargets?: number;
}

export interface LimitWord {
  /** As it is written: `max-weight`. */
  readonly name: string;
  /** A value as an example, in documents and in errors; null for a word that has none. */
  readonly example: string | null;
  readonly doc: string;
  /** null: the value is not one of its kind. */
  read(value: string): KeyLimits | null;
  /** null: there is no such limit. */
  write(limits: KeyLimits): string | null;
}

/** Digits of the largest number: more than any balancer has targets, and any target weight. */
const COUNT = /^[1-9]\d{0,6}$/;
const WEIGHT = /^\d{1,7}$/;

/** In the order in which they are written. */
export const LIMIT_WORDS: readonly LimitWord[] = [
  list("pool", "pools", "web,api", "only these pools", parsePool, (pool) => pool),
  list(
    "from",
    "from",
    "10.0.0.0/8,::1",
    "the reporter connects from one of these addresses; so its target is at one of them, unless `advertise=` lets it be elsewhere",
    parseRange,
    formatRange,
  ),
  list("port", "ports", "80,8000-8099", "only targets on these ports", parsePorts, formatPorts),
  count("max-weight", "maxWeight", "1000", "no larger weight", WEIGHT),
  list(
    "advertise",
    "advertise",
    "10.1.0.0/16",
    "the reporter may name another address for its target (`--advertise`), one of these; without the word it may not. At loopback only where a range lies in loopback",
    parseRange,
    formatRange,
  ),
  flag(
    "nat",
    "nat",
    "the reporter's address may be translated on its way to the balancer (NAT), which is refused otherwise",
  ),
  list(
    "listen",
    "listen",
    "5000-5999",
    "the reporter may have the balancer open these ports for its pool, and make the pool where nobody has defined it; as many at once as targets; without the word it may not",
    parsePorts,
    formatPorts,
  ),
  list(
    "options",
    "options",
    "algorithm,persistent",
    "the reporter may declare these options for a pool that is made for it; without the word none",
    (text) => (OPTION_NAME.test(text) ? text : null),
    (option) => option,
  ),
  count(
    "targets",
    "targets",
    "40",
    `no more targets at once; without the word half of \`--max-targets\`, and ${INVITED_TARGETS} for an invited reporter`,
    COUNT,
  ),
  count(
    "sessions",
    "sessions",
    "80",
    "no more connections of reporters at once; without the word twice as many as targets",
    COUNT,
  ),
  count(
    "new-targets",
    "newTargets",
    "10",
    "no more targets a minute that were not registered before; without the word as many as targets",
    COUNT,
  ),
];

/**
 * What the `words` behind a key allow. Throws `BAD_KEY`; its message begins with `where`, and contains what was written only where
 * that can be no part of a secret: behind a `publicKey`.
 */
export function parseLimits(
  words: readonly string[],
  where: string,
  behind: "secret" | "publicKey" = "secret",
): KeyLimits {
  let limits: KeyLimits = {};
  const seen = new Set<LimitWord>();
  for (const text of words) {
    const word = wordOf(text) ?? refuse(where, behind === "secret" ? unknown() : notOne(text));
    if (seen.has(word)) refuse(where, `${spelling(word)} is given twice: give its values in one word, with commas`);
    seen.add(word);
    limits = { ...limits, ...readWord(word, text, where) };
  }
  return limits;
}

/** The words that parseLimits() reads as these limits. */
export function formatLimits(limits: KeyLimits): string[] {
  return LIMIT_WORDS.flatMap((word) => {
    const value = word.write(limits);
    if (value === null) return [];
    return [word.example === null ? word.name : `${word.name}=${value}`];
  });
}

/** Whether the text begins as one of the words does. */
export function isLimitWord(text: string): boolean {
  return wordOf(text) !== undefined;
}

function wordOf(text: string): LimitWord | undefined {
  const name = text.split("=", 1)[0];
  return LIMIT_WORDS.find((word) => word.name === name);
}

function readWord(word: LimitWord, text: string, where: string): KeyLimits {
  const given = text.length > word.name.length;
  if (word.example === null && given) refuse(where, `${word.name} takes no value`);
  if (word.example !== null && !given) refuse(where, `${spelling(word)} has no value: ${advice(word)}`);
  const value = text.slice(word.name.length + 1);
  if (word.example !== null && value.replaceAll(",", "") === "") refuse(where, `${spelling(word)} names nothing`);
  // The value is not shown: where the end of a line was lost, it goes on with the next line's secret.
  return word.read(value) ?? refuse(where, `what ${spelling(word)} says cannot be read: ${advice(word)}`);
}

const ALL_WORDS = LIMIT_WORDS.map(spelling).join(", ");

function spelling({ name, example }: LimitWord): string {
  return example === null ? name : `${name}=`;
}

function advice({ name, example }: LimitWord): string {
  return `give something like ${name}=${example}`;
}

/** A word that is none of them may be the rest of a secret that contains a blank: it is not quoted. */
function unknown(): string {
  return `after the key only limits may follow: ${ALL_WORDS} (a secret in a file has no blanks)`;
}

function notOne(text: string): string {
  const quoted = /^[!-~]{1,64}$/.test(text) ? JSON.stringify(text) : "a word";
  return `${quoted} is no limit: after the key only ${ALL_WORDS} may follow, each without blanks`;
}

/** The names of the fields of KeyLimits whose type is V. */
type FieldOf<V> = { [K in keyof KeyLimits]-?: KeyLimits[K] extends V | undefined ? K : never }[keyof KeyLimits];

/** A word whose value is a list with commas. */
function list<T>(
  name: string,
  field: FieldOf<readonly T[]>,
  example: string,
  doc: string,
  read: (item: string) => T | null,
  write: (item: T) => string,
): LimitWord {
  return {
    name,
    example,
    doc,
    read(value) {
      const items = value.split(",").filter((item) => item !== "");
      const found = items.map(read).filter((item) => item !== null);
      return found.length === items.length ? { [field]: found } : null;
    },
    write(limits) {
      const items = limits[field] as readonly T[] | undefined;
      return items?.map(write).join(",") ?? null;
    },
  };
}

function count(name: string, field: FieldOf<number>, example: string, doc: string, pattern: RegExp): LimitWord {
  return {
    name,
    example,
    doc,
    read: (value) => (pattern.test(value) ? { [field]: Number(value) } : null),
    write: (limits) => limits[field]?.toString() ?? null,
  };
}

function flag(name: string, field: FieldOf<boolean>, doc: string): LimitWord {
  return {
    name,
    example: null,
    doc,
    read: () => ({ [field]: true }),
    write: (limits) => (limits[field] === true ? "" : null),
  };
}

function parsePool(text: string): string | null {
  return NAME.test(text) ? text : null;
}

function parsePorts(text: string): Ports | null {
  const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range: Ports = [Number(low), Number(high)];
  return range[0] >= 1 && range[0] <= range[1] && range[1] <= 65_535 ? range : null;
}

export function formatPorts([low, high]: Ports): string {
  return low === high ? `${low}` : `${low}-${high}`;
}

function refuse(where: string, problem: string): never {
  throw badLine(where, problem);
}
