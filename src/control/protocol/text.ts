import * as z from "zod/mini";

export function matching(pattern: RegExp, rule: string) {
  return z.string().check(z.regex(pattern, rule));
}

/** Of a pool or of a key. */
export const name = matching(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 letters, digits, dots, dashes or underscores");

/** Free text from the network that may reach a log: bounded, and without anything that could fake a line or move a cursor. */
export function text(max: number) {
  return z.pipe(z.string().check(z.maxLength(max)), z.transform(printable));
}

export function printable(value: string): string {
  // Control characters (C0, DEL, C1), line separators, and the marks that turn the writing direction.
  return value.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "?");
}
