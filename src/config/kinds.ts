/** The plain kinds of value: numbers, durations, switches, choices, texts. Addresses have a file of their own. */
import * as z from "zod/mini";
import { DURATION_EXAMPLES, formatDuration, parseDuration } from "../util/durations.ts";
import { type Kind, kindOf, type LibraryForm, type Schema, textCodec } from "./kind.ts";

/** Milliseconds, or text such as `"500ms"`, `"30s"`, `"5m"`. */
export type Duration = number | string;

const NUMBER: LibraryForm<number> = { words: "number" };
export const STRING: LibraryForm<string> = { words: "string" };

/** Bounds are said in words alone. */
const WITH_UNIT = "\\d+(\\.\\d+)?(ms|s|m|h|d)";
const DURATION: Schema = { type: "string", pattern: `^(${WITH_UNIT}|0)$` };

const DECIMAL = /^[+-]?\d{1,15}$/;

export function integer(min: number, max: number, placeholder = "N"): Kind<number> {
  return kindOf(
    {
      placeholder,
      allowed: `a whole number from ${min} to ${max}`,
      library: NUMBER,
      schema: { type: "integer", minimum: min, maximum: max },
    },
    z.codec(z.string().check(z.regex(DECIMAL)), z.int().check(z.gte(min), z.lte(max)), {
      decode: (text) => Number(text) + 0, // "+ 0" turns -0 into 0
      encode: (value) => String(value),
    }),
  );
}

/** Milliseconds. `min` is 0 where 0 means something, 1 where a duration is needed. */
export function duration(min: 0 | 1): Kind<number, Duration> {
  const allowed = `a duration such as ${DURATION_EXAMPLES}, ${min === 0 ? "or 0" : "above 0"}`;
  return kindOf(
    {
      placeholder: "DURATION",
      allowed,
      library: { words: "ms, or text such as `30s`", unit: "ms" },
      schema: min === 0 ? { anyOf: [DURATION, { const: 0 }] } : DURATION,
    },
    textCodec((text) => durationOf(text, min), formatDuration),
  );
}

function durationOf(text: string, min: number): number | undefined {
  try {
    const ms = parseDuration(text);
    return ms >= min ? ms : undefined;
  } catch {
    return undefined; // parseDuration throws only if the text is no duration, and the caller words that problem
  }
}

/** ms. An answer comes within some, or from a place that had better not be waited for. */
const LONGEST_LOOK_UP_MS = 5_000;
const WAIT = "wait ";

const YES = ["on", "true", "yes", "1"];
export const NO = ["off", "false", "no", "0"];

/** A switch. */
export const onOff: Kind<boolean> = kindOf(
  {
    placeholder: "on|off",
    allowed: "on or off",
    library: { words: "boolean" },
    bare: "on",
    schema: { enum: [true, false, "on", "off"] },
  },
  textCodec(
    (text) => (YES.includes(text) ? true : NO.includes(text) ? false : undefined),
    (value) => (value ? "on" : "off"),
  ),
);

export function choice<const C extends readonly string[]>(choices: C): Kind<C[number]> {
  return kindOf(
    {
      placeholder: choices.join("|"),
      allowed: `one of ${choices.join(", ")}`,
      library: { words: choices.map((each) => `\`${each}\``).join(", ") },
      schema: { enum: choices },
    },
    z.codec(z.string(), z.enum(choices), {
      decode: (text) => text as C[number],
      encode: (value) => value as string,
    }),
  );
}

/** A number of threads. `auto` is 0, and leaves the number to the engine. */
export function threads(max: number): Kind<number, number | "auto"> {
  const counted = integer(1, max);
  return kindOf(
    {
      placeholder: "N|auto",
      allowed: `auto, or ${counted.allowed}`,
      library: { words: "number or `auto`" },
      schema: { anyOf: [{ const: "auto" }, counted.schema] },
    },
    textCodec(
      (given) => (given === "auto" ? 0 : counted.parse(given)?.value),
      (value) => (value === 0 ? "auto" : String(value)),
    ),
  );
}

/** Any text that matches, but an empty one. */
export function text(placeholder: string, allowed: string, pattern = /./s): Kind<string> {
  return kindOf(
    { placeholder, allowed, library: STRING, schema: { type: "string", pattern: pattern.source } },
    z.codec(z.string().check(z.regex(pattern)), z.string(), { decode: (value) => value, encode: (value) => value }),
  );
}

export const path: Kind<string> = text("PATH", "a path");

/** Where what is ordered is kept: at a place that is found by itself, nowhere, or in a file. */
export type StatePlace = "auto" | "off" | { readonly path: string };

export const statePlace: Kind<StatePlace, string> = kindOf(
  {
    placeholder: "auto|off|PATH",
    allowed: "auto, off, or the path of a file, such as /var/lib/harmony/state.json",
    library: STRING,
  },
  textCodec<StatePlace>(
    (text) => (text === "auto" || text === "off" ? text : text === "" ? undefined : { path: text }),
    (value) => (typeof value === "string" ? value : value.path),
  ),
);

/** `off` is 0. Any other is from `shortest` to `longest` ms. */
export function durationOrOff(shortest: number, longest: number): Kind<number, false | Duration> {
  const limits = `from ${formatDuration(shortest)} to ${formatDuration(longest)}`;
  return kindOf(
    {
      placeholder: "off|DURATION",
      allowed: `off, or a duration ${limits}`,
      library: { words: "`false`, ms, or text such as `30s`", unit: "ms" },
      schema: { anyOf: [{ enum: [false, "off"] }, DURATION] },
    },
    textCodec<number>(
      (given) => {
        if (NO.includes(given)) return 0;
        const ms = durationOf(given, 1);
        return ms !== undefined && ms >= shortest && ms <= longest ? ms : undefined;
      },
      (value) => (value === 0 ? "off" : formatDuration(value)),
    ),
  );
}

/** `on` is `idle` ms, `off` is null, a duration is itself. */
export function persistence(idle: number): Kind<number | null, boolean | object | Duration> {
  const always = duration(1);
  return kindOf(
    {
      placeholder: "on|off|DURATION",
      allowed: "on, off, or how long a binding outlives its last connection: a duration such as 30m or 2h, above 0",
      library: { words: "boolean, {}, ms or text", unit: "ms", object: "on" },
      schema: { anyOf: [onOff.schema, DURATION] },
    },
    textCodec<number | null>(
      (given) => {
        const flag = onOff.parse(given);
        if (flag !== null) return flag.value ? idle : null;
        return always.parse(given)?.value;
      },
      (value) => (value === null ? "off" : value === idle ? "on" : formatDuration(value)),
    ),
  );
}

/** ms for which connections wait for what others know: `off` is null, `on` is 0, which is not at all. */
export const sharing: Kind<number | null, boolean | string> = kindOf(
  {
    placeholder: "on|off|wait DURATION",
    allowed: `on, off, or wait and a duration, of ${formatDuration(LONGEST_LOOK_UP_MS)} at most: \`wait 5ms\``,
    library: { words: "boolean, or text such as `wait 5ms`" },
    bare: "on",
    schema: { anyOf: [onOff.schema, { type: "string", pattern: `^${WAIT}${WITH_UNIT}$` }] },
  },
  textCodec<number | null>(
    (given) => {
      const flag = onOff.parse(given);
      if (flag !== null) return flag.value ? 0 : null;
      const ms = given.startsWith(WAIT) ? durationOf(given.slice(WAIT.length), 1) : undefined;
      return ms !== undefined && ms <= LONGEST_LOOK_UP_MS ? ms : undefined;
    },
    (value) => (value === null ? "off" : value === 0 ? "on" : WAIT + formatDuration(value)),
  ),
);

const ENTRY = /^([a-z][a-z-]*)=([^,]*)$/;

/** Values by names, each of which is given once. */
export function entries(allowed: string): Kind<Entries, readonly string[]> {
  return kindOf(
    { placeholder: "NAME=VALUE", allowed, library: { words: "list of `NAME=VALUE`" }, list: true },
    textCodec<Entries>(
      (given) => {
        const found = given === "" ? [] : given.split(",").map((item) => ENTRY.exec(item)?.slice(1) ?? []);
        const values = new Map(found.map(([name = "", value = ""]) => [name, value]));
        return values.size === found.length && !values.has("") ? Object.fromEntries(values) : undefined;
      },
      (values) =>
        Object.entries(values)
          .map(([name, value]) => `${name}=${value}`)
          .join(","),
    ),
  );
}

export type Entries = Readonly<Record<string, string>>;

/** A text as it stands, or a file whose bytes are read at start. */
export type TextOrFile = { readonly text: string } | { readonly file: string };

export const textOrFile: Kind<TextOrFile, string> = kindOf(
  { placeholder: "TEXT|@FILE", allowed: "a text, or @ and the path of a file that holds it", library: STRING },
  textCodec<TextOrFile>(
    (given) => {
      if (!given.startsWith("@")) return { text: given };
      return given.length > 1 ? { file: given.slice(1) } : undefined;
    },
    (value) => ("file" in value ? `@${value.file}` : value.text),
  ),
);
