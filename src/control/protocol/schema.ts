/** How anything from the network is read: what a text may hold, and the code of what is wrong with a line. */
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import { HarmonyError } from "../../util/errors.ts";

export function matching(pattern: RegExp, rule: string) {
  return z.string().check(z.regex(pattern, rule));
}

/** The name of a pool or of a key. */
export const NAME = /^[A-Za-z0-9._-]{1,64}$/;
export const name = matching(NAME, "must be 1 to 64 letters, digits, dots, dashes or underscores");

export const code = matching(/^[A-Z_]{1,40}$/, "must be a code in capitals");

/** One end of a connection, as viewOf() writes it. */
export const view = matching(/^[0-9a-f.:[\]]{3,60}$/, "must be an IP address and a port");

export function whole(min: number, max: number) {
  return z.int().check(z.minimum(min), z.maximum(max));
}

/** ms since 1970, or a time in ms: no more than a Date holds, since it is written as a date one day. */
export const moment = whole(0, 8_640_000_000_000_000);

/** Free text that may reach a log: bounded, and without anything that could fake a line or move a cursor. */
export function text(max: number) {
  return z.pipe(z.string().check(z.maxLength(max)), z.transform(printable));
}

/** Control characters (C0, DEL, C1), line separators, and the marks that turn the writing direction. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** As a log can show it. */
export function printable(value: string): string {
  return value.replace(UNPRINTABLE, "?");
}

/** Whether a log can show the text as it stands. */
export function isPrintable(value: string): boolean {
  return value.search(UNPRINTABLE) === -1;
}

/** One line or body as a JSON object. Throws `NOT_JSON`. */
export function parseObject(bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new HarmonyError("NOT_JSON", "a line is not JSON in UTF-8", { fault: "target", cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new HarmonyError("NOT_JSON", "a line is not a JSON object", { fault: "target" });
}

// zod/mini brings no error messages. Not z.locales: that would bundle every language.
const english = en().localeError;

/** Throws `BAD_MESSAGE` that names the field; `what` was sent. */
export function read<T>(schema: z.ZodMiniType<T>, value: object, what: string): T {
  const result = schema.safeParse(value, { error: english });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.length ? `"${issue.path.join(".")}"` : "it";
  throw new HarmonyError("BAD_MESSAGE", `a ${what} was refused: ${field}: ${issue?.message}`, { fault: "target" });
}
