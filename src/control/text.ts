import * as z from "zod/mini";

export function matching(pattern: RegExp, rule: string) {
  return z.string().check(z.regex(pattern, rule));
}

/** Free text from the network that may reach a log: bounded, and without anything that could fake a line or move a cursor. */
export function text(max: number) {
  return z.pipe(z.string().check(z.maxLength(max)), z.transform(printable));
}

export function printable(value: string): string {
  // Control characters (C0, DEL, C1), line separators, and the marks that turn the writing direction.
  return value.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "?");
}
