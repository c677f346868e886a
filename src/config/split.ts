/** Lists and words in one text. A value behind `=` may stand between double quotes, where `\"` and `\\` are a quote and a backslash. */

const QUOTED = String.raw`="(?:[^"\\]|\\.)*"`;
const ITEM = new RegExp(`((?:${QUOTED}|[^,])*)(,|$)`, "sy");
const WORD = new RegExp(`(?:${QUOTED}|\\S)+`, "gs");

/** The texts between commas. */
export function splitList(text: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const items: string[] = [];
  ITEM.lastIndex = 0;
  for (;;) {
    const [, item = "", end = ""] = ITEM.exec(text) ?? [];
    items.push(item);
    if (end === "") return items;
  }
}

/** The texts between blanks. */
export function splitWords(text: string): string[] {
  return text.match(WORD) ?? [];
}

export function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, "$1") : value;
}

/** As it is, where it holds nothing that ends a word or an item. */
export function quotedWhereNeeded(value: string): string {
  return /[\s,"\\]/.test(value) || value === "" ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}
