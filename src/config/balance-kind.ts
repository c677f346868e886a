/**
 * The kind of value that is a target's weight: a number, or `auto`, which follows what its machine has left.
 *
 *     500    auto    auto ceiling=1000 interval=2s    auto:/usr/local/bin/room "my pool" floor=50
 */
import { DURATION_EXAMPLES, formatDuration, parseDuration } from "../util/durations.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { integer } from "./kinds.ts";
import { bytesOf, type QuotedWord, quoteBytes, readQuoted, textOfBytes } from "./quoted-words.ts";
import { DEFAULT_WEIGHT } from "./shared-options.ts";

/** A weight that follows what is left. */
export interface AutoBalance {
  /** Prints the percent that are left; null: what this machine has left of its processors. */
  readonly command: readonly string[] | null;
  /** In place of the reporter's own, where the command is null; null: its own. */
  readonly cgroup: string | null;
  /** At least 1. */
  readonly floor: number;
  readonly ceiling: number;
  /** ms between two measurements. */
  readonly interval: number;
}

export type Balance = number | AutoBalance;

/** Where nothing takes from it. */
export function wholeWeight(balance: Balance): number {
  return typeof balance === "number" ? balance : balance.ceiling;
}

/** Little enough to relieve a busy machine, and enough to tell it from none. */
const FLOOR_SHARE = 0.05;
/** ms. Within it the kernel's counters say enough, and traffic follows within some seconds. */
const DEFAULT_INTERVAL = 1_000;
/** ms. The kernel counts processor time in hundredths of a second, or four thousandths. */
const SHORTEST_INTERVAL = 100;

const WORDS = ["floor", "ceiling", "interval", "cgroup"] as const;
type Word = (typeof WORDS)[number];

/** `max`: the largest weight. */
export function balanceKind(max: number): Kind<Balance, number | `auto${string}`> {
  const number = integer(0, max);
  const allowed = `${number.allowed}, or auto or auto:COMMAND, and behind it words such as floor=25 ceiling=500 interval=1s`;
  return kindOf(
    {
      placeholder: "N|auto[:COMMAND]",
      allowed,
      library: { words: "number, or text such as `auto`" },
      schema: { anyOf: [number.schema, { type: "string", pattern: "^(\\d+|auto.*)$" }] },
      why: (text) => {
        const read = isAuto(text) ? readAuto(text, max) : null;
        return typeof read === "string" ? read : null;
      },
    },
    textCodec<Balance>(
      (text) => {
        if (!isAuto(text)) return number.parse(text)?.value;
        const read = readAuto(text, max);
        return typeof read === "string" ? undefined : read;
      },
      (value) => (typeof value === "number" ? String(value) : formatAuto(value)),
    ),
  );
}

const isAuto = (text: string): boolean => /^\s*auto(?![a-z])/.test(text);

/** A text says what is wrong with it. */
function readAuto(text: string, max: number): AutoBalance | string {
  const words = readQuoted(text);
  if (typeof words === "string") return words;
  let end = words.length;
  while (end > 1 && ownWord(words[end - 1]!) !== null) end -= 1;
  const own = new Map<Word, string>();
  for (const word of words.slice(end)) {
    const name = ownWord(word)!;
    if (own.has(name)) return `${name} is there twice`;
    own.set(name, textOfBytes(word.bytes).slice(name.length + 1));
  }
  const command = commandOf(words.slice(0, end).map(({ bytes }) => textOfBytes(bytes)));
  return typeof command === "string" ? command : withWords(command, own, max);
}

/** Words at the end that are ours are not the command's, unless they are quoted. */
function ownWord({ bytes, quotedFrom }: QuotedWord): Word | null {
  return quotedFrom === 0 ? null : (WORDS.find((name) => bytes.startsWith(`${name}=`)) ?? null);
}

function commandOf([head = "", ...args]: readonly string[]): readonly string[] | null | string {
  if (head === "auto") return args.length === 0 ? null : `${args.at(-1)} is none of its words: ${WORDS.join(", ")}`;
  if (!head.startsWith("auto:")) return `give auto or auto:COMMAND`;
  const command = [head.slice("auto:".length), ...args];
  if (command[0] === "" || command.some((word) => word.includes("\0"))) return "give a command behind auto:";
  return command;
}

function withWords(
  command: readonly string[] | null,
  words: ReadonlyMap<Word, string>,
  max: number,
): AutoBalance | string {
  const weight = integer(1, max);
  const text = (name: Word) => words.get(name);
  for (const name of ["floor", "ceiling"] as const) {
    if (words.has(name) && !weight.parse(text(name)!)) return `${name}=${text(name)}: give ${weight.allowed}`;
  }
  const ceiling = Number(text("ceiling") ?? DEFAULT_WEIGHT);
  const floor = Number(text("floor") ?? floorOf(ceiling));
  if (floor > ceiling) return `floor=${floor} is above the ceiling, ${ceiling}`;
  const interval = words.has("interval") ? msOf(text("interval")!) : DEFAULT_INTERVAL;
  if (interval < SHORTEST_INTERVAL)
    return `interval=${text("interval")}: give a duration such as ${DURATION_EXAMPLES}, ${formatDuration(SHORTEST_INTERVAL)} or more`;
  const cgroup = text("cgroup") ?? null;
  if (cgroup !== null && command !== null) return "cgroup= and a command contradict each other: give one of them";
  if (cgroup !== null && !/^\/[^\0]*$/.test(cgroup))
    return `cgroup=${cgroup}: give a path as in /proc/self/cgroup, such as /system.slice/web.service`;
  return { command, cgroup, floor, ceiling, interval };
}

function floorOf(ceiling: number): number {
  return Math.max(1, Math.round(ceiling * FLOOR_SHARE));
}

/** 0 for what is no duration. */
function msOf(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    return 0; // it throws only where the text is no duration, and the caller says what is allowed
  }
}

function formatAuto({ command, cgroup, floor, ceiling, interval }: AutoBalance): string {
  const [file, ...args] = command ?? [];
  return [
    file === undefined ? "auto" : `auto:${quoteBytes(bytesOf(file))}`,
    ...args.map((arg) => quoteBytes(bytesOf(arg), !WORDS.some((name) => arg.startsWith(`${name}=`)))),
    ...(ceiling === DEFAULT_WEIGHT ? [] : [`ceiling=${ceiling}`]),
    ...(floor === floorOf(ceiling) ? [] : [`floor=${floor}`]),
    ...(interval === DEFAULT_INTERVAL ? [] : [`interval=${formatDuration(interval)}`]),
    ...(cgroup === null ? [] : [`cgroup=${quoteBytes(bytesOf(cgroup))}`]),
  ].join(" ");
}
