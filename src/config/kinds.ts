/** The plain kinds of value: numbers, durations, switches, choices, texts. Addresses have a file of their own. */
import * as z from "zod/mini";
import { DURATION_EXAMPLES, formatDuration, parseDuration } from "../util/durations.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";

const DECIMAL = /^[+-]?\d{1,15}$/;

export function integer(min: number, max: number, placeholder = "N"): Kind<number> {
  const codec = z.codec(z.string().check(z.regex(DECIMAL)), z.int().check(z.gte(min), z.lte(max)), {
    decode: (text) => Number(text) + 0, // "+ 0" turns -0 into 0
    encode: (value) => String(value),
  });
  return kindOf(placeholder, `a whole number from ${min} to ${max}`, codec);
}

/** Milliseconds. `min` is 0 where 0 means something, 1 where a duration is needed. */
export function duration(min: 0 | 1): Kind<number> {
  const allowed = `a duration such as ${DURATION_EXAMPLES}`;
  return kindOf(
    "DURATION",
    min === 0 ? `${allowed}, or 0` : `${allowed}, above 0`,
    textCodec((text) => durationOf(text, min), formatDuration),
    "ms",
  );
}

function durationOf(text: string, min: number): number | undefined {
  try {
    const ms = parseDuration(text);
    return ms >= min ? ms : undefined;
  } catch {
    return undefined; // parseDuration throws for nothing but a text that is no duration: the caller words the problem
  }
}

const YES = ["on", "true", "yes", "1"];
const NO = ["off", "false", "no", "0"];

/** A switch. As a flag it needs no value. */
export const onOff: Kind<boolean> = kindOf(
  "on|off",
  "on or off",
  textCodec(
    (text) => (YES.includes(text) ? true : NO.includes(text) ? false : undefined),
    (value) => (value ? "on" : "off"),
  ),
);

export function choice<const C extends readonly string[]>(choices: C): Kind<C[number]> {
  const codec = z.codec(z.string(), z.enum(choices), {
    decode: (text) => text as C[number],
    encode: (value) => value as string,
  });
  return kindOf(choices.join("|"), `one of ${choices.join(", ")}`, codec);
}

/** How many threads: `auto` is 0, which leaves it to the machine. */
export function threads(max: number): Kind<number> {
  const counted = integer(1, max);
  return kindOf(
    "N|auto",
    `auto, or ${counted.allowed}`,
    textCodec(
      (given) => (given === "auto" ? 0 : counted.parse(given)?.value),
      (value) => (value === 0 ? "auto" : String(value)),
    ),
  );
}

/** Any text but an empty one. */
export function text(placeholder: string, allowed: string, pattern = /./s): Kind<string> {
  const given = z.string().check(z.regex(pattern));
  return kindOf(
    placeholder,
    allowed,
    z.codec(given, z.string(), { decode: (value) => value, encode: (value) => value }),
  );
}

/** `on` is `idle` ms, `off` is null, a duration is itself. */
export function persistence(idle: number): Kind<number | null> {
  const always = duration(1);
  return kindOf<number | null>(
    "on|off|DURATION",
    "on, off, or how long a binding outlives its last connection: a duration such as 30m or 2h, above 0",
    textCodec<number | null>(
      (given) => {
        const flag = onOff.parse(given);
        if (flag !== null) return flag.value ? idle : null;
        return always.parse(given)?.value;
      },
      (value) => (value === null ? "off" : value === idle ? "on" : formatDuration(value)),
    ),
    "ms",
  );
}

/** What a client is told when there is no target: a text as it stands, or a file whose bytes are read at start. */
export type TextOrFile = { readonly text: string } | { readonly file: string };

export const textOrFile: Kind<TextOrFile> = kindOf(
  "TEXT|@FILE",
  "a text, or @ and the path of a file that holds it",
  textCodec<TextOrFile>(
    (given) => {
      if (!given.startsWith("@")) return { text: given };
      return given.length > 1 ? { file: given.slice(1) } : undefined;
    },
    (value) => ("file" in value ? `@${value.file}` : value.text),
  ),
);
