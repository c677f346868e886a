/** Texts of a place and words behind it that say more: `unix:/run/x.sock mode=660 owner=www`, `10.0.0.5:5432 weight=200 backup`. */

import { splitWords, unquoted } from "./split.ts";

/** The patterns of the values that words may have, by their names; null for a word that stands alone. */
export type WordPatterns = Readonly<Record<string, RegExp | null>>;

/** `words`: their values, "" of one that stands alone. undefined: a word is unknown, twice there, or has a value that it cannot have. */
export function readWords<P extends WordPatterns>(
  text: string,
  patterns: P,
): { head: string; words: { readonly [K in keyof P]?: string } } | undefined {
  const [head = "", ...rest] = splitWords(text);
  const words: Record<string, string> = {};
  for (const word of rest) {
    const [name, value = null] = word.split(/=(.*)/s) as [string, string?];
    const bare = value && unquoted(value);
    if (!Object.hasOwn(patterns, name) || Object.hasOwn(words, name)) return undefined;
    const pattern = patterns[name]!;
    if (pattern === null ? bare !== null : bare === null || !pattern.test(bare)) return undefined;
    words[name] = bare ?? "";
  }
  return { head, words: words as { readonly [K in keyof P]?: string } };
}
